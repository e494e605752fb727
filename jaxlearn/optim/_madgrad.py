"""MADGRAD: dual averaging with momentum."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from ._decay import prepare_gradient
from ._leafwise import PyTree, Scalar, leafwise
from ._learning_rate import LearningRateState
from ._narrow import SQUARES, warn_where_narrow
from ._numeric import safe_divide
from ._schedule import schedulable
from ._transform import Transform, chain, hyperparameters, increment, need_params, zeros_like


class MadgradState(NamedTuple):
    """State of `madgrad`.

    Attributes:
      step: updates made so far; int32 of shape ().
      rate: the learning rate.
      s: weighted sum of the gradients; like the parameters.
      v: weighted sum of the squared gradients; like the parameters.
      start: the first parameters.
    """

    step: jax.Array
    rate: LearningRateState
    s: PyTree
    v: PyTree
    start: PyTree


@schedulable
def madgrad(
    learning_rate: Scalar = 1e-2,
    momentum: Scalar = 0.9,
    weight_decay: Scalar = 0.0,
    eps: Scalar = 1e-6,
) -> Transform:
    r"""A momentumized, adaptive, dual averaged gradient method.

    $$\lambda_t = (\eta_t + \epsilon)\sqrt t, \qquad s_t = s_{t-1} + \lambda_t\,g_t, \qquad
      v_t = v_{t-1} + \lambda_t\,g_t^2$$
    $$\theta_t = \mu\,\theta_{t-1} + (1-\mu) \left(\theta_0 - \frac{s_t}{\sqrt[3]{v_t} + \epsilon}\right)$$

    Memory: three numbers for each parameter.

    Args:
      learning_rate: $\eta$ in [0, inf).
      momentum: $\mu$ in [0, 1).
      weight_decay: in [0, inf), an L2 penalty added to the gradient; large ones suit it badly.
      eps: $\epsilon$ in [0, inf).

    Raises:
      ValueError: `update` called without `params`.

    Source: Defazio & Jelassi (2021), https://arxiv.org/abs/2101.11075, with epsilon added to a learning
    rate above 0 as in its authors' code. The rule of `optax.contrib.madgrad`, which takes the root of t in
    single precision always.

    >>> opt = madgrad(1.0, momentum=0.0, eps=0.0)
    >>> print(opt.update(-8.0, opt.init(1.0), 1.0)[0])
    2.0
    """
    hyper = hyperparameters(locals(), learning_rate="[0, inf)", momentum="[0, 1)", eps="[0, inf)")

    def rule(g: Any, p: Any, s: Any, v: Any, start: Any, h: Any) -> tuple[Any, ...]:
        s = s + h.weight * g
        v = v + h.weight * g * g
        target = start - safe_divide(s, jnp.cbrt(v) + h.eps)
        return (1 - h.momentum) * (target - p), None, s, v, start

    def init(params: PyTree) -> MadgradState:
        rate = LearningRateState(jnp.array(learning_rate, float))
        start = jax.tree.map(jnp.array, params)  # a copy, so that both can be donated
        return MadgradState(jnp.zeros((), jnp.int32), rate, zeros_like(params), zeros_like(params), start)

    def update(
        grads: PyTree, state: MadgradState, params: PyTree = None, **extra: Any
    ) -> tuple[PyTree, MadgradState]:
        need_params(params, grads)
        step = increment(state.step)
        rate = jnp.where(jnp.asarray(learning_rate, float) > 0, learning_rate + eps, 0.0)
        weight = rate * jnp.sqrt(jnp.asarray(step, float))
        trees = (grads, params, state.s, state.v, state.start)
        updates, _, s, v, start = leafwise(rule, *trees, **hyper, weight=weight)
        told = LearningRateState(jnp.array(learning_rate, float))
        return updates, MadgradState(step, told, s, v, start)

    transform = warn_where_narrow(SQUARES, "madgrad", Transform(init, update))
    return chain(*prepare_gradient(weight_decay, False), transform)
