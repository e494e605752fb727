"""Descent by the sign of the gradient."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from ._decay import decoupled
from ._leafwise import PyTree, Scalar
from ._learning_rate import scale_by_learning_rate
from ._schedule import schedulable
from ._transform import Transform, chain, from_rule, hyperparameters


class SignState(NamedTuple):
    """State of `scale_by_sign`.

    Attributes:
      step: updates made so far; int32 of shape ().
      m: running mean of the gradients; like the parameters.
    """

    step: jax.Array
    m: PyTree


@schedulable
def scale_by_sign(momentum: Scalar = 0.0) -> Transform:
    r"""The sign of a running mean of the gradients.

    $$m_t = \mu\,m_{t-1} + (1-\mu)\,g_t, \qquad u_t = \operatorname{sign}(m_t)$$

    Memory: one number for each parameter.

    Args:
      momentum: $\mu$ in [0, 1).

    Source: Bernstein et al. (2018), https://arxiv.org/abs/1802.04434

    >>> opt = scale_by_sign()
    >>> print(opt.update(-3.0, opt.init(0.0))[0])
    -1.0
    """
    hyper = hyperparameters(locals(), momentum="[0, 1)")

    def rule(g: Any, m: Any, h: Any) -> tuple[Any, ...]:
        m = h.momentum * m + (1 - h.momentum) * g
        return jnp.sign(m), m

    return from_rule(rule, SignState, hyper)


def sign_sgd(learning_rate: Scalar = 1e-3, momentum: Scalar = 0.0, weight_decay: Scalar = 0.0) -> Transform:
    r"""signSGD, or with momentum Signum.

    $$\theta_t = \theta_{t-1} - \eta_t\,(\operatorname{sign}(m_t) + \lambda\,\theta_{t-1})$$

    with $m_t = \mu\,m_{t-1} + (1-\mu)\,g_t$.

    Memory: one number for each parameter.

    Args:
      learning_rate: $\eta$ in [0, inf).
      momentum: $\mu$ in [0, 1).
      weight_decay: $\lambda$ in [0, inf), multiplied by the learning rate.

    Source: Bernstein et al. (2018), https://arxiv.org/abs/1802.04434. Equal to `optax.sign_sgd`, and with
    momentum to `optax.signum`.

    >>> opt = sign_sgd(0.1)
    >>> print(opt.update(2.0, opt.init(1.0))[0])
    -0.1
    """
    return chain(scale_by_sign(momentum), *decoupled(weight_decay), scale_by_learning_rate(learning_rate))
