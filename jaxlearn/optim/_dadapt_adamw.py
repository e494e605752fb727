"""D-Adaptation: AdamW that finds its learning rate."""

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from ._adam import bias_correction
from ._leafwise import PyTree, Scalar, leafwise
from ._learning_rate import LearningRateState
from ._narrow import SQUARES, warn_where_narrow
from ._numeric import safe_divide, total, zero_of
from ._schedule import schedulable
from ._transform import Transform, hyperparameters, increment, need_params, zeros_like


class DAdaptAdamwState(NamedTuple):
    """State of `dadapt_adamw`.

    Attributes:
      step: updates made so far; int32 of shape ().
      rate: the learning rate times the distance, as the last update was made with.
      d: estimate of the distance from the first parameters to the solution; shape ().
      numerator: of that estimate; shape ().
      m: running mean of the gradients times the rate; like the parameters.
      v: running mean of the squared gradients; like the parameters.
      s: running mean of the gradients times the rate, slower than m; like the parameters.
    """

    step: jax.Array
    rate: LearningRateState
    d: jax.Array
    numerator: jax.Array
    m: PyTree
    v: PyTree
    s: PyTree


@schedulable
def dadapt_adamw(
    learning_rate: Scalar = 1.0,
    b1: Scalar = 0.9,
    b2: Scalar = 0.999,
    eps: Scalar = 1e-8,
    d0: Scalar = 1e-6,
    growth_rate: Scalar | None = None,
    weight_decay: Scalar = 0.0,
    use_bias_correction: bool = False,
) -> Transform:
    r"""AdamW by D-Adaptation, whose learning rate is an estimate of the distance to the solution.

    With $\gamma_t = d_{t-1}\,\eta_t$ and $\sigma = \sqrt{\beta_2}$,

    $$r_t = \sigma\,r_{t-1} + (1-\sigma)\,\gamma_t
      \left\langle g_t, \frac{s_{t-1}}{\sqrt{v_{t-1}} + \epsilon} \right\rangle, \qquad
      s_t = \sigma\,s_{t-1} + (1-\sigma)\,\gamma_t\,g_t, \qquad
      d_t = \max\!\left(d_{t-1}, \frac{r_t}{(1-\sigma)\,\lVert s_t\rVert_1}\right)$$
    $$m_t = \beta_1 m_{t-1} + (1-\beta_1)\,\gamma_t\,g_t, \qquad
      v_t = \beta_2 v_{t-1} + (1-\beta_2)\,g_t^2, \qquad
      \theta_t = (1 - \gamma_t \lambda)\,\theta_{t-1} - \frac{m_t}{\sqrt{v_t} + \epsilon}$$

    Memory: three numbers for each parameter.

    Args:
      learning_rate: $\eta$ in [0, inf), to be left at 1 or to be a schedule that starts there.
      b1: $\beta_1$ in [0, 1).
      b2: $\beta_2$ in (0, 1).
      eps: $\epsilon$ in (0, inf), outside the root.
      d0: $d_0$ in (0, inf), the first estimate.
      growth_rate: in (1, inf), the most that the estimate may grow by at once; no bound unless given.
      weight_decay: $\lambda$ in [0, inf), decoupled.
      use_bias_correction: multiply $\gamma_t$ by $\sqrt{1-\beta_2^t} / (1-\beta_1^t)$.

    Raises:
      ValueError: `update` called without `params`.

    Source: Defazio & Mishchenko (2023), https://arxiv.org/abs/2301.07733, and its authors' code.
    `optax.contrib.dadapt_adamw` always corrects the bias.

    >>> opt = dadapt_adamw()
    >>> params = 1.0
    >>> state = opt.init(params)
    >>> for _ in range(100):
    ...     updates, state = opt.update(2 * params, state, params)
    ...     params += updates
    >>> bool(abs(params) < 0.5)
    True
    """
    hyper = hyperparameters(
        locals(), b1="[0, 1)", b2="(0, 1)", eps="(0, inf)", learning_rate="[0, inf)", weight_decay="[0, inf)",
        d0="(0, inf)", growth_rate="(1, inf) or None",
    )  # fmt: skip
    growth: Scalar = math.inf if growth_rate is None else growth_rate
    sigma = b2**0.5

    def rule(g: Any, p: Any, m: Any, v: Any, s: Any, h: Any) -> tuple[Any, ...]:
        m = h.b1 * m + (1 - h.b1) * h.rate * g
        v = h.b2 * v + (1 - h.b2) * g * g
        s = h.sigma * s + (1 - h.sigma) * h.rate * g
        return -h.rate * h.weight_decay * p - m / (jnp.sqrt(v) + h.eps), None, m, v, s

    def estimate(d: jax.Array, numerator: jax.Array, s: PyTree) -> jax.Array:
        norm = jnp.where(jnp.asarray(learning_rate, float) > 0, (1 - sigma) * total(jnp.abs, s), 0.0)
        return jnp.clip(safe_divide(numerator, norm, otherwise=d), d, d * growth)

    def init(params: PyTree) -> DAdaptAdamwState:
        zeros = [zeros_like(params) for _ in range(3)]
        d = zero_of(params) + jnp.asarray(d0, float)
        rate = LearningRateState(jnp.asarray(d * learning_rate, float))
        return DAdaptAdamwState(jnp.zeros((), jnp.int32), rate, d, zero_of(params), *zeros)

    def update(
        grads: PyTree, state: DAdaptAdamwState, params: PyTree = None, **extra: Any
    ) -> tuple[PyTree, DAdaptAdamwState]:
        need_params(params, grads)
        step = increment(state.step)
        correction: Scalar = 1.0
        if use_bias_correction:
            correction = jnp.sqrt(bias_correction(b2, step)) / bias_correction(b1, step)
        rate = jnp.asarray(state.d * learning_rate * correction, float)
        inner = total(lambda g, s, v: g * (s / (jnp.sqrt(v) + eps)), grads, state.s, state.v)
        numerator = sigma * state.numerator + (1 - sigma) * rate * inner
        trees = grads, params, state.m, state.v, state.s
        updates, _, m, v, s = leafwise(rule, *trees, **hyper, sigma=sigma, rate=rate)
        d = estimate(state.d, numerator, s)
        return updates, DAdaptAdamwState(step, LearningRateState(rate), d, numerator, m, v, s)

    return warn_where_narrow(SQUARES, "dadapt_adamw", Transform(init, update))
