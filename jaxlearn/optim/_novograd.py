"""NovoGrad: one second moment for a whole layer."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from ._leafwise import PyTree, Scalar
from ._learning_rate import scale_by_learning_rate
from ._narrow import SQUARES, warn_where_narrow
from ._numeric import safe_divide, summed_zeros
from ._schedule import schedulable
from ._transform import Transform, chain, from_rule, hyperparameters


class NovogradState(NamedTuple):
    """State of `scale_by_novograd`.

    Attributes:
      step: updates made so far; int32 of shape ().
      m: momentum; like the parameters.
      v: running mean of the squared norm of each leaf's gradient; a scalar for each leaf.
    """

    step: jax.Array
    m: PyTree
    v: PyTree


@schedulable
def scale_by_novograd(
    b1: Scalar = 0.95, b2: Scalar = 0.98, eps: Scalar = 1e-8, weight_decay: Scalar = 0.0
) -> Transform:
    r"""Momentum of gradients that were divided by the recent norm of their leaf.

    $$v_t = \beta_2 v_{t-1} + (1-\beta_2)\,\lVert g_t\rVert^2, \qquad
      m_t = \beta_1 m_{t-1} + \frac{g_t}{\sqrt{v_t} + \epsilon} + \lambda\,\theta_{t-1}, \qquad u_t = m_t$$

    with $v_1 = \lVert g_1\rVert^2$ and $m_0 = 0$.

    Memory: one number for each parameter and one for each leaf.

    Args:
      b1, b2: $\beta_1$ and $\beta_2$ in [0, 1).
      eps: $\epsilon$ in [0, inf), outside the root.
      weight_decay: $\lambda$ in [0, inf).

    Raises:
      ValueError: `update` called without `params`.

    Source: Ginsburg et al. (2019), Algorithm 1, https://arxiv.org/abs/1905.11286. Equal to
    `optax.scale_by_novograd`.

    >>> opt = scale_by_novograd()
    >>> print(opt.update(jnp.array([3.0, 4.0]), opt.init(jnp.ones(2)), jnp.ones(2))[0])
    [0.6 0.8]
    """
    hyper = hyperparameters(locals(), b1="[0, 1)", b2="[0, 1)", eps="[0, inf)", weight_decay="[0, inf)")

    def rule(g: Any, p: Any, m: Any, v: Any, h: Any) -> tuple[Any, ...]:
        square = jnp.sum(g * g)
        v = jnp.where(h.first > 0, square, h.b2 * v + (1 - h.b2) * square)
        m = h.b1 * m + safe_divide(g, jnp.sqrt(v) + h.eps) + h.weight_decay * p
        return m, m, v

    first = lambda h, step: {"first": step == 1}
    transform = from_rule(rule, NovogradState, hyper, first, with_params=True, v=summed_zeros)
    return warn_where_narrow(SQUARES, "scale_by_novograd", transform)


def novograd(
    learning_rate: Scalar = 1e-2,
    b1: Scalar = 0.95,
    b2: Scalar = 0.98,
    eps: Scalar = 1e-8,
    weight_decay: Scalar = 0.0,
) -> Transform:
    r"""NovoGrad, with normalised gradients and little memory.

    $$\theta_t = \theta_{t-1} - \eta_t\,m_t, \qquad
      m_t = \beta_1 m_{t-1} + \frac{g_t}{\sqrt{v_t} + \epsilon} + \lambda\,\theta_{t-1}$$

    where $v$ is a running mean of the squared norm of the leaf's gradient: `scale_by_novograd`.

    Memory: one number for each parameter and one for each leaf.

    Args:
      learning_rate: $\eta$ in [0, inf).
      b1, b2: $\beta_1$ and $\beta_2$ in [0, 1).
      eps: $\epsilon$ in [0, inf), outside the root.
      weight_decay: $\lambda$ in [0, inf), added to the momentum.

    Raises:
      ValueError: `update` called without `params`.

    Source: Ginsburg et al. (2019), Algorithm 1, https://arxiv.org/abs/1905.11286. Equal to
    `optax.novograd`, which has 0.9, 0.25 and 1e-6 for $\beta_1$, $\beta_2$ and $\epsilon$ unless told.

    >>> opt = novograd(0.1)
    >>> print(opt.update(2.0, opt.init(1.0), 1.0)[0])
    -0.1
    """
    return chain(scale_by_novograd(b1, b2, eps, weight_decay), scale_by_learning_rate(learning_rate))
