"""ASGD: gradient descent that averages its parameters."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from ._average import AverageState
from ._decay import prepare_gradient
from ._leafwise import PyTree, Scalar, leafwise
from ._learning_rate import LearningRateState
from ._schedule import schedulable
from ._transform import Transform, chain, hyperparameters, increment, need_params


class AsgdState(NamedTuple):
    """State of `asgd`.

    Attributes:
      step: updates made so far; int32 of shape ().
      rate: the step size of the last update.
      next_rate: that of the next; shape ().
      average: the mean of the parameters, for `averaged_parameters`.
    """

    step: jax.Array
    rate: LearningRateState
    next_rate: jax.Array
    average: AverageState


@schedulable
def asgd(
    learning_rate: Scalar = 1e-2,
    lambd: Scalar = 1e-4,
    alpha: Scalar = 0.75,
    t0: Scalar = 1e6,
    weight_decay: Scalar = 0.0,
    maximize: bool = False,
) -> Transform:
    r"""Averaged stochastic gradient descent with all the flags of `torch.optim.ASGD`, and its defaults.

    $$\theta_t = (1 - \lambda\,\eta_t)\,\theta_{t-1} - \eta_t\,g_t, \qquad
      \eta_{t+1} = \frac{\eta}{(1 + \lambda\,\eta\,t)^\alpha}, \qquad
      \bar\theta_t = \bar\theta_{t-1} + \mu_t\,(\theta_t - \bar\theta_{t-1})$$

    with $\eta_1 = \eta$ and $\mu_t = 1 / \max(1, t - 1 - t_0)$: until update $t_0$ the average is the last
    parameters, from then on the mean. `averaged_parameters(state)` reads it.

    Memory: one number for each parameter.

    Args:
      learning_rate: $\eta$ in [0, inf).
      lambd: $\lambda$ in [0, inf), a decay, and how fast the step size falls.
      alpha: $\alpha$ in [0, inf).
      t0: $t_0$ in [0, inf), the update at which averaging starts.
      weight_decay: in [0, inf), an L2 penalty added to the gradient.
      maximize: ascend.

    Raises:
      ValueError: `update` called without `params`.

    Source: Polyak & Juditsky (1992), https://doi.org/10.1137/0330046; Bottou (2010),
    https://doi.org/10.1007/978-3-7908-2604-3_16. optax has no such rule.

    >>> from jaxlearn import optim
    >>> opt = optim.asgd(0.1, t0=0.0)
    >>> params, state = 1.0, opt.init(1.0)
    >>> for _ in range(3):
    ...     updates, state = opt.update(2.0, state, params)
    ...     params = optim.apply_updates(params, updates)
    >>> print(params, optim.averaged_parameters(state))
    0.400 0.500
    """
    hyperparameters(locals(), learning_rate="[0, inf)", lambd="[0, inf)", alpha="[0, inf)", t0="[0, inf)")

    def rule(g: Any, p: Any, mean: Any, h: Any) -> tuple[Any, ...]:
        u = -h.lambd * h.eta * p - h.eta * g
        return u, None, mean + h.mu * (p + u - mean)

    def init(params: PyTree) -> AsgdState:
        eta, next_eta = (jnp.array(learning_rate, float) for _ in range(2))  # so that both can be donated
        step = jnp.zeros((), jnp.int32)
        return AsgdState(step, LearningRateState(eta), next_eta, AverageState.start(params))

    def update(
        grads: PyTree, state: AsgdState, params: PyTree = None, **extra: Any
    ) -> tuple[PyTree, AsgdState]:
        need_params(params, grads)
        step = increment(state.step)
        t = jnp.asarray(step, float)
        eta = state.next_rate
        mu = 1 / jnp.maximum(1.0, t - 1 - t0)
        updates, _, mean = leafwise(rule, grads, params, state.average.mean, eta=eta, lambd=lambd, mu=mu)
        falling = jnp.asarray(learning_rate / (1 + lambd * learning_rate * t) ** alpha, float)
        return updates, AsgdState(step, LearningRateState(eta), falling, state.average._replace(mean=mean))

    return chain(*prepare_gradient(weight_decay, maximize), Transform(init, update))
