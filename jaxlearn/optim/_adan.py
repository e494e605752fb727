"""Adan: Adam with Nesterov momentum that needs no gradient elsewhere."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxlearn._check import is_zero

from ._adam import bias_correction
from ._decay import shrink_after
from ._leafwise import PyTree, Scalar
from ._learning_rate import scale_by_learning_rate
from ._narrow import SQUARES, warn_where_narrow
from ._schedule import schedulable
from ._transform import Transform, chain, from_rule, hyperparameters


class AdanState(NamedTuple):
    """State of `scale_by_adan`.

    Attributes:
      step: updates made so far; int32 of shape ().
      m: running mean of the gradients; like the parameters.
      v: running mean of their differences, one to the next; like the parameters.
      n: running mean of the squared gradients, extrapolated; like the parameters.
      previous: the last gradient; like the parameters.
    """

    step: jax.Array
    m: PyTree
    v: PyTree
    n: PyTree
    previous: PyTree


@schedulable
def scale_by_adan(b1: Scalar = 0.98, b2: Scalar = 0.92, b3: Scalar = 0.99, eps: Scalar = 1e-8) -> Transform:
    r"""Adam's direction for gradients extrapolated by their last difference.

    $$m_t = \beta_1 m_{t-1} + (1-\beta_1)\,g_t, \qquad
      v_t = \beta_2 v_{t-1} + (1-\beta_2)\,(g_t - g_{t-1})$$
    $$n_t = \beta_3 n_{t-1} + (1-\beta_3)\,(g_t + \beta_2\,(g_t - g_{t-1}))^2, \qquad
      u_t = \frac{\hat m_t + \beta_2\,\hat v_t}{\sqrt{\hat n_t} + \epsilon}$$

    with bias-corrected $\hat m$, $\hat v$, $\hat n$, and $g_0 = g_1$.

    Memory: four numbers for each parameter.

    Args:
      b1, b2, b3: $\beta_1$, $\beta_2$ and $\beta_3$ in [0, 1).
      eps: $\epsilon$ in [0, inf), outside the root.

    Source: Xie et al. (2022), https://arxiv.org/abs/2208.06677. The paper's $\beta_i$ are $1 - \beta_i$
    here, as in its authors' code. `optax.scale_by_adan` has $1-\beta_2$ in the place of the two factors
    $\beta_2$ that are no decay, which with these defaults extrapolates by 0.08 rather than 0.92.

    >>> opt = scale_by_adan()
    >>> print(opt.update(-3.0, opt.init(0.0))[0])
    -1.0
    """
    hyper = hyperparameters(locals(), b1="[0, 1)", b2="[0, 1)", b3="[0, 1)", eps="[0, inf)")

    def rule(g: Any, m: Any, v: Any, n: Any, previous: Any, h: Any) -> tuple[Any, ...]:
        difference = jnp.where(h.first > 0, 0.0, g - previous)
        m = h.b1 * m + (1 - h.b1) * g
        v = h.b2 * v + (1 - h.b2) * difference
        n = h.b3 * n + (1 - h.b3) * (g + h.b2 * difference) ** 2
        u = (m / h.c1 + h.b2 * v / h.c2) / (jnp.sqrt(n / h.c3) + h.eps)
        return u, m, v, n, g

    def at_step(h: Any, step: jax.Array) -> dict[str, Scalar]:
        c1, c2, c3 = (bias_correction(decay, step) for decay in (h.b1, h.b2, h.b3))
        return {"first": step == 1, "c1": c1, "c2": c2, "c3": c3}

    return warn_where_narrow(SQUARES, "scale_by_adan", from_rule(rule, AdanState, hyper, at_step))


@schedulable
def adan(
    learning_rate: Scalar = 1e-3,
    b1: Scalar = 0.98,
    b2: Scalar = 0.92,
    b3: Scalar = 0.99,
    eps: Scalar = 1e-8,
    weight_decay: Scalar = 0.0,
) -> Transform:
    r"""Adan, adaptive Nesterov momentum.

    $$\theta_t = \frac{\theta_{t-1} - \eta_t\,u_t}{1 + \eta_t\,\lambda}$$

    with $u$ of `scale_by_adan`. The decay is proximal: it shrinks what the step has led to.

    Memory: four numbers for each parameter.

    Args:
      learning_rate: $\eta$ in [0, inf).
      b1: $\beta_1$ in [0, 1), decay of the mean of gradients.
      b2: $\beta_2$ in [0, 1), decay of the mean of differences, and how far they extrapolate.
      b3: $\beta_3$ in [0, 1), decay of the mean of squares.
      eps: $\epsilon$ in [0, inf), outside the root.
      weight_decay: $\lambda$ in [0, inf).

    Source: Xie et al. (2022), https://arxiv.org/abs/2208.06677; `scale_by_adan` tells where it and
    `optax.adan` differ, which also decays as AdamW does.

    >>> opt = adan(0.1)
    >>> print(opt.update(2.0, opt.init(1.0))[0])
    -0.1
    """
    hyperparameters(locals(), weight_decay="[0, inf)")

    return chain(
        scale_by_adan(b1, b2, b3, eps),
        scale_by_learning_rate(learning_rate),
        *([] if is_zero(weight_decay) else [shrink_after(1 / (1 + learning_rate * weight_decay))]),
    )
