"""AdaBelief: large steps where the gradient is as expected."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from ._adam import debiased
from ._decay import decoupled
from ._leafwise import PyTree, Scalar
from ._learning_rate import scale_by_learning_rate
from ._mask import Mask
from ._narrow import SQUARES, warn_where_narrow
from ._schedule import schedulable
from ._transform import Transform, chain, from_rule, hyperparameters


class AdabeliefState(NamedTuple):
    """State of `scale_by_adabelief`.

    Attributes:
      step: updates made so far; int32 of shape ().
      m: running mean of the gradients; like the parameters.
      s: running mean of their squared distance from it; like the parameters.
    """

    step: jax.Array
    m: PyTree
    s: PyTree


@schedulable
def scale_by_adabelief(
    b1: Scalar = 0.9, b2: Scalar = 0.999, eps: Scalar = 1e-16, eps_root: Scalar = 1e-16
) -> Transform:
    r"""Divides a running mean of the gradients by how far they are from it.

    $$m_t = \beta_1 m_{t-1} + (1-\beta_1)\,g_t, \qquad
      s_t = \beta_2 s_{t-1} + (1-\beta_2)\,(g_t - m_t)^2 + \epsilon_{root}, \qquad
      u_t = \frac{m_t / (1-\beta_1^t)}{\sqrt{s_t / (1-\beta_2^t)} + \epsilon}$$

    Memory: two numbers for each parameter.

    Args:
      b1, b2: $\beta_1$ and $\beta_2$ in [0, 1).
      eps: $\epsilon$ in [0, inf), outside the root.
      eps_root: $\epsilon_{root}$ in [0, inf), added to $s$ at every step.

    Source: Zhuang et al. (2020), https://arxiv.org/abs/2010.07468

    >>> opt = scale_by_adabelief(b1=0.5)
    >>> print(opt.update(-3.0, opt.init(0.0))[0])
    -2.0
    """
    hyper = hyperparameters(locals(), b1="[0, 1)", b2="[0, 1)", eps="[0, inf)", eps_root="[0, inf)")

    def rule(g: Any, m: Any, s: Any, h: Any) -> tuple[Any, ...]:
        m = h.b1 * m + (1 - h.b1) * g
        s = h.b2 * s + (1 - h.b2) * (g - m) ** 2 + h.eps_root
        return h.c1 * m / (jnp.sqrt(h.c2 * s) + h.eps), m, s

    transform = from_rule(rule, AdabeliefState, hyper, debiased)
    return warn_where_narrow(SQUARES, "scale_by_adabelief", transform)


def adabelief(
    learning_rate: Scalar = 1e-3,
    b1: Scalar = 0.9,
    b2: Scalar = 0.999,
    eps: Scalar = 1e-16,
    eps_root: Scalar = 1e-16,
    weight_decay: Scalar = 0.0,
    mask: Mask | None = None,
) -> Transform:
    r"""AdaBelief: Adam with the variance of the gradients in the place of their second moment.

    $$\theta_t = \theta_{t-1} - \eta_t \left(\frac{\hat m_t}{\sqrt{\hat s_t} + \epsilon}
      + \lambda\,\theta_{t-1}\right)$$

    with $\hat m$ and $\hat s$ of `scale_by_adabelief`.

    Memory: two numbers for each parameter.

    Args:
      learning_rate: $\eta$ in [0, inf).
      b1, b2: $\beta_1$ and $\beta_2$ in [0, 1).
      eps: $\epsilon$ in [0, inf), outside the root.
      eps_root: in [0, inf), added to $s$ at every step.
      weight_decay: $\lambda$ in [0, inf), multiplied by the learning rate.
      mask: which parameters decay (all, unless given): a tree of bools or a function to one.

    Source: Zhuang et al. (2020), https://arxiv.org/abs/2010.07468. Equal to `optax.adabelief`, which
    leaves the decay to a chain.

    >>> opt = adabelief(0.1, b1=0.5)
    >>> print(opt.update(2.0, opt.init(1.0))[0])
    -0.2
    """
    return chain(
        scale_by_adabelief(b1, b2, eps, eps_root),
        *decoupled(weight_decay, mask),
        scale_by_learning_rate(learning_rate),
    )
