"""Lion: the sign of a momentum that looks further ahead than it remembers."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from ._decay import decoupled
from ._leafwise import PyTree, Scalar
from ._learning_rate import scale_by_learning_rate
from ._mask import Mask
from ._schedule import schedulable
from ._transform import Transform, chain, from_rule, hyperparameters


class LionState(NamedTuple):
    """State of `scale_by_lion`.

    Attributes:
      step: updates made so far; int32 of shape ().
      m: running mean of the gradients; like the parameters.
    """

    step: jax.Array
    m: PyTree


@schedulable
def scale_by_lion(b1: Scalar = 0.9, b2: Scalar = 0.99) -> Transform:
    r"""The sign of one mixture of momentum and gradient; another is remembered.

    $$u_t = \operatorname{sign}(\beta_1 m_{t-1} + (1-\beta_1)\,g_t), \qquad
      m_t = \beta_2 m_{t-1} + (1-\beta_2)\,g_t$$

    Memory: one number for each parameter.

    Args:
      b1, b2: $\beta_1$ and $\beta_2$ in [0, 1).

    Source: Chen et al. (2023), https://arxiv.org/abs/2302.06675

    >>> opt = scale_by_lion()
    >>> print(opt.update(-3.0, opt.init(0.0))[0])
    -1.0
    """
    hyper = hyperparameters(locals(), b1="[0, 1)", b2="[0, 1)")

    def rule(g: Any, m: Any, h: Any) -> tuple[Any, ...]:
        return jnp.sign(h.b1 * m + (1 - h.b1) * g), h.b2 * m + (1 - h.b2) * g

    return from_rule(rule, LionState, hyper)


def lion(
    learning_rate: Scalar = 1e-4,
    b1: Scalar = 0.9,
    b2: Scalar = 0.99,
    weight_decay: Scalar = 0.0,
    mask: Mask | None = None,
) -> Transform:
    r"""Lion, "evolved sign momentum".

    $$\theta_t = \theta_{t-1} - \eta_t
      \left(\operatorname{sign}(\beta_1 m_{t-1} + (1-\beta_1)\,g_t) + \lambda\,\theta_{t-1}\right)$$

    Every number moves by the same amount, so learning rates are three to ten times smaller, and weight
    decays as much larger, than AdamW's.

    Memory: one number for each parameter.

    Args:
      learning_rate: $\eta$ in [0, inf).
      b1, b2: $\beta_1$ and $\beta_2$ in [0, 1).
      weight_decay: $\lambda$ in [0, inf), multiplied by the learning rate.
      mask: which parameters decay (all, unless given): a tree of bools or a function to one.

    Source: Chen et al. (2023), https://arxiv.org/abs/2302.06675. Equal to `optax.lion`, whose weight
    decay is 1e-3 unless told otherwise.

    >>> opt = lion(0.1)
    >>> print(opt.update(2.0, opt.init(1.0))[0])
    -0.1
    """
    return chain(scale_by_lion(b1, b2), *decoupled(weight_decay, mask), scale_by_learning_rate(learning_rate))
