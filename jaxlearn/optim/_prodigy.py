"""Prodigy: Adam that finds its learning rate."""

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from ._adam import bias_correction
from ._leafwise import PyTree, Scalar, leafwise
from ._learning_rate import LearningRateState
from ._narrow import FIRST_STEPS, warn_where_narrow
from ._numeric import safe_divide, total, zero_of
from ._schedule import schedulable
from ._transform import Transform, hyperparameters, increment, need_params, zeros_like


class ProdigyState(NamedTuple):
    """State of `prodigy`.

    Attributes:
      step: updates made so far; int32 of shape ().
      rate: the learning rate times the distance, as the last update was made with.
      d: estimate of the distance from the first parameters to the solution; shape ().
      d_max: what it would be without a bound on its growth; shape ().
      numerator: of that estimate; shape ().
      m: running mean of the gradients times d; like the parameters.
      v: running mean of their squares; like the parameters.
      s: running sum of the gradients, weighted; like the parameters.
      start: the first parameters.
    """

    step: jax.Array
    rate: LearningRateState
    d: jax.Array
    d_max: jax.Array
    numerator: jax.Array
    m: PyTree
    v: PyTree
    s: PyTree
    start: PyTree


@schedulable
def prodigy(
    learning_rate: Scalar = 1.0,
    b1: Scalar = 0.9,
    b2: Scalar = 0.999,
    b3: Scalar | None = None,
    eps: Scalar = 1e-8,
    d0: Scalar = 1e-6,
    d_coef: Scalar = 1.0,
    growth_rate: Scalar | None = None,
    weight_decay: Scalar = 0.0,
    use_bias_correction: bool = False,
    safeguard_warmup: bool = False,
) -> Transform:
    r"""Prodigy: AdamW whose learning rate is a multiple of an estimate of the distance to the solution.

    With $\gamma_t = d_{t-1}\,\eta_t$,

    $$r_t = \beta_3 r_{t-1} + \tfrac{d_{t-1}}{d_0}\,\gamma_t \langle g_t, \theta_0 - \theta_{t-1}\rangle,
      \qquad s_t = \beta_3 s_{t-1} + \tfrac{d_{t-1}}{d_0}\,\gamma_t\,g_t, \qquad
      d_t = \max\!\left(d_{t-1}, c\,\frac{r_t}{\lVert s_t\rVert_1}\right)$$
    $$m_t = \beta_1 m_{t-1} + (1-\beta_1)\,d_{t-1} g_t, \qquad
      v_t = \beta_2 v_{t-1} + (1-\beta_2)\,(d_{t-1} g_t)^2, \qquad
      \theta_t = \theta_{t-1} - \gamma_t \left(\frac{m_t}{\sqrt{v_t} + d_t\,\epsilon}
      + \lambda\,\theta_{t-1}\right)$$

    Memory: four numbers for each parameter.

    Args:
      learning_rate: $\eta$ in [0, inf), to be left at 1 or to be a schedule that starts there.
      b1, b2: $\beta_1$ and $\beta_2$ in [0, 1).
      b3: $\beta_3$ in [0, 1), $\sqrt{\beta_2}$ unless given.
      eps: $\epsilon$ in [0, inf).
      d0: $d_0$ in (0, inf), the first estimate.
      d_coef: $c$ in (0, inf), to make the learning rate larger or smaller.
      growth_rate: in (1, inf), the most that the estimate may grow by at once; no bound unless given.
      weight_decay: $\lambda$ in [0, inf), decoupled.
      use_bias_correction: multiply $\gamma_t$ by $\sqrt{1-\beta_2^t} / (1-\beta_1^t)$.
      safeguard_warmup: leave $\eta_t$ out of the weights of $s$, for a learning rate that is warmed up.

    Raises:
      ValueError: `update` called without `params`.

    Source: Mishchenko & Defazio (2024), https://arxiv.org/abs/2306.06101, and its authors' code.
    `optax.contrib.prodigy` always corrects the bias.

    >>> opt = prodigy()
    >>> params = 1.0
    >>> state = opt.init(params)
    >>> for _ in range(100):
    ...     updates, state = opt.update(2 * params, state, params)
    ...     params += updates
    >>> bool(abs(params) < 0.5)
    True
    """
    hyper = hyperparameters(
        locals(), b1="[0, 1)", b2="[0, 1)", b3="[0, 1) or None", learning_rate="[0, inf)", eps="[0, inf)",
        weight_decay="[0, inf)", d0="(0, inf)", d_coef="(0, inf)", growth_rate="(1, inf) or None",
    )  # fmt: skip
    b3 = hyper["b3"] = b2**0.5 if b3 is None else b3
    growth: Scalar = math.inf if growth_rate is None else growth_rate

    def remember(g: Any, m: Any, v: Any, s: Any, h: Any) -> tuple[Any, ...]:
        m = h.b1 * m + (1 - h.b1) * h.d * g
        v = h.b2 * v + (1 - h.b2) * (h.d * g) ** 2
        return None, m, v, h.b3 * s + h.weight * g

    def descend(p: Any, m: Any, v: Any, h: Any) -> tuple[Any, ...]:
        return -h.rate * (safe_divide(m, jnp.sqrt(v) + h.d * h.eps) + h.weight_decay * p), None, None

    def estimate(
        d: jax.Array, d_max: jax.Array, numerator: jax.Array, s: PyTree
    ) -> tuple[jax.Array, jax.Array]:
        norm = jnp.where(jnp.asarray(learning_rate, float) > 0, total(jnp.abs, s), 0.0)
        found = safe_divide(d_coef * numerator, norm, otherwise=d)
        d = jnp.where(d == d0, jnp.maximum(d, found), d)  # the first estimate may jump
        d_max = jnp.maximum(d_max, found)
        return jnp.minimum(d_max, d * growth), d_max

    def init(params: PyTree) -> ProdigyState:
        d = zero_of(params) + jnp.asarray(d0, float)
        rate = LearningRateState(jnp.asarray(d * learning_rate, float))
        start = jax.tree.map(jnp.array, params)  # a copy, so that both can be donated
        m, v, s = (zeros_like(params) for _ in range(3))
        scalars = rate, d, jnp.copy(d), zero_of(params)
        return ProdigyState(jnp.zeros((), jnp.int32), *scalars, m, v, s, start)

    def update(
        grads: PyTree, state: ProdigyState, params: PyTree = None, **extra: Any
    ) -> tuple[PyTree, ProdigyState]:
        need_params(params, grads)
        step = increment(state.step)
        correction: Scalar = 1.0
        if use_bias_correction:
            correction = jnp.sqrt(bias_correction(b2, step)) / bias_correction(b1, step)
        d, rate = state.d, jnp.asarray(state.d * learning_rate * correction, float)
        inner = total(lambda g, start, p: g * (start - p), grads, state.start, params)
        numerator = b3 * state.numerator + d / d0 * rate * inner
        weight = d / d0 * (d if safeguard_warmup else rate)
        memory = state.m, state.v, state.s
        _, m, v, s = leafwise(remember, grads, *memory, **hyper, d=d, weight=weight)
        new_d, d_max = estimate(d, state.d_max, numerator, s)
        updates, _, _ = leafwise(descend, params, m, v, **hyper, d=new_d, rate=rate)
        told = LearningRateState(rate)
        return updates, ProdigyState(step, told, new_d, d_max, numerator, m, v, s, state.start)

    return warn_where_narrow(FIRST_STEPS, "prodigy", Transform(init, update))
