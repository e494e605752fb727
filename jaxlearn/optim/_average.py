"""Running means, of updates and of parameters."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxlearn._check import check, check_whole

from ._adam import bias_correction
from ._leafwise import PyTree, Scalar, leafwise
from ._schedule import schedulable
from ._transform import (
    Transform,
    apply_updates,
    from_rule,
    hyperparameters,
    increment,
    need_params,
    with_extra_args_support,
)
from ._wrapper import find_one, wide_copy


class EmaState(NamedTuple):
    """State of `ema`.

    Attributes:
      step: updates made so far; int32 of shape ().
      mean: the running mean, which starts at 0; like the parameters.
    """

    step: jax.Array
    mean: PyTree


class AverageState(NamedTuple):
    """The part of a state that `averaged_parameters` reads.

    Attributes:
      mean: the average of the parameters; like these, in float32 at the least.
    """

    mean: PyTree

    @classmethod
    def start(cls, params: PyTree) -> "AverageState":
        """The average of the first parameters alone."""
        return cls(wide_copy(params))


class AverageParametersState(NamedTuple):
    """State of `average_parameters`.

    Attributes:
      step: updates made so far; int32 of shape ().
      averaged: parameters in the average so far; int32 of shape ().
      average: the average itself.
      inner: state of the inner transform.
    """

    step: jax.Array
    averaged: jax.Array
    average: AverageState
    inner: PyTree


@schedulable
def ema(decay: Scalar, debias: bool = True) -> Transform:
    r"""The exponential moving average of the gradients.

    $$m_t = \beta\,m_{t-1} + (1 - \beta)\,g_t, \qquad u_t = m_t / (1 - \beta^t)$$

    Memory: one number for each parameter.

    Args:
      decay: $\beta$ in [0, 1).
      debias: divide by $1 - \beta^t$, because $m_0 = 0$; else $u_t = m_t$.

    Raises:
      ValueError: a decay outside its range.

    Source: equal to `optax.ema`.

    >>> opt = ema(0.5)
    >>> print(opt.update(3.0, opt.init(0.0))[0])
    3.0
    """
    hyper = hyperparameters(locals(), decay="[0, 1)")

    def rule(g: Any, mean: Any, h: Any) -> tuple[Any, Any]:
        mean = h.decay * mean + (1 - h.decay) * g
        return mean / h.correction, mean

    def at_step(h: Any, step: jax.Array) -> dict[str, Scalar]:
        return {"correction": bias_correction(h.decay, step) if debias else 1.0}

    return from_rule(rule, EmaState, hyper, at_step)


@schedulable
def average_parameters(inner: Any, decay: Scalar | None = None, start: int = 0, every: int = 1) -> Transform:
    r"""Keeps an average of the parameters that `inner` leads to; `averaged_parameters` reads it.

    $$\bar\theta \leftarrow \bar\theta + w\,(\theta_t - \bar\theta), \qquad
      w = \frac{1}{n+1} \text{ or } 1 - \beta$$

    for the $n+1$st parameters that are averaged; the first are copied. Training itself is not
    changed. The parameters seen here are the sum of `params` and the updates of `inner`, so this is
    the outermost transform.

    Memory: one number for each parameter, in float32 at the least.

    Args:
      inner: a pair of `init` and `update`.
      decay: None for the mean of all averaged parameters, $w = 1/(n+1)$ (SWA); or $\beta$ in [0, 1]
        for an exponential moving average, $w = 1 - \beta$.
      start: updates to make first, from 0. Until some parameters are averaged, the average is the last
        parameters.
      every: of the updates after that, average the parameters after each `every`-th, from 1; one
        epoch, say.

    Raises:
      TypeError: `start` or `every` is not a whole number.
      ValueError: `update` called without `params`.

    Source: Izmailov et al. (2018), https://arxiv.org/abs/1803.05407; Polyak & Juditsky (1992),
    https://doi.org/10.1137/0330046. Equal to `torch.optim.swa_utils.AveragedModel`, with
    `get_ema_multi_avg_fn(decay)` for a decay. The statistics of batch normalisation belong to the
    parameters that were trained with: gather them anew for the average.

    >>> from jaxlearn import optim
    >>> opt = average_parameters(optim.sgd(1.0))
    >>> params, state = 0.0, opt.init(0.0)
    >>> for _ in range(3):
    ...     updates, state = opt.update(-1.0, state, params)
    ...     params = optim.apply_updates(params, updates)
    >>> print(params, averaged_parameters(state))
    3.0 2.0
    """
    if decay is not None:
        check("decay", decay, "[0, 1]")
    start = check_whole("start", start, 0)
    every = check_whole("every", every, 1)
    inner = with_extra_args_support(inner)

    def init(params: PyTree) -> AverageParametersState:
        step, averaged = jnp.zeros((), jnp.int32), jnp.zeros((), jnp.int32)
        return AverageParametersState(step, averaged, AverageState.start(params), inner.init(params))

    def update(
        grads: PyTree, state: AverageParametersState, params: PyTree = None, **extra: Any
    ) -> tuple[PyTree, AverageParametersState]:
        need_params(params, grads)
        updates, inner_state = inner.update(grads, state.inner, params, **extra)
        step = increment(state.step)
        taken = (step > start) & ((step - start) % every == 0)
        first = state.averaged == 0
        share = 1 / jnp.asarray(state.averaged + 1, float) if decay is None else jnp.asarray(1 - decay, float)

        def average() -> PyTree:
            weight = jnp.where(first, 1.0, share)
            return leafwise(_towards, state.average.mean, apply_updates(params, updates), weight=weight)[0]

        mean = jax.lax.cond(taken | first, average, lambda: state.average.mean)
        averaged = jnp.where(taken, increment(state.averaged), state.averaged)
        return updates, AverageParametersState(step, averaged, AverageState(mean), inner_state)

    return Transform(init, update)


def _towards(mean: Any, p: Any, h: Any) -> tuple[Any, None]:
    return jnp.where(h.weight == 1, p, mean + h.weight * (p - mean)), None


def averaged_parameters(state: PyTree) -> PyTree:
    """Reads the average of the parameters out of an optimizer's state, wherever in it that is.

    Raises:
      ValueError: the state holds none, or more than one.

    >>> from jaxlearn import optim
    >>> averaged_parameters(average_parameters(optim.adam()).init({"w": 1.0}))
    {'w': Array(1., dtype=float32)}
    """
    return find_one(state, AverageState, "a state with one average of parameters").mean
