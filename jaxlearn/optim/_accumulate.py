"""Large batches in little memory."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxlearn._check import check_whole

from ._leafwise import PyTree, leafwise
from ._transform import Transform, with_extra_args_support, zeros_like
from ._wrapper import update_if, wide_copy


class AccumulateState(NamedTuple):
    """State of `accumulate`.

    Attributes:
      step: gradients in the mean so far, below `steps`; int32 of shape ().
      mean: of these gradients; like the parameters, in float32 at the least.
      inner: state of the inner transform.
    """

    step: jax.Array
    mean: PyTree
    inner: PyTree


def accumulate(inner: Any, steps: int) -> Transform:
    r"""Gathers gradients, and makes one update of `inner` with the mean of every `steps` of them.

    The other updates are 0 and cost `inner` no work. The mean is that of one batch `steps` times as
    large, where all batches are of one size and the loss is a mean over examples.

    Memory: one number for each parameter, in float32 at the least, whatever `steps` is.

    Args:
      inner: a pair of `init` and `update`. Extra arguments reach it as they are: a `value` is that of
        the last batch alone.
      steps: gradients in a mean, from 1.

    Raises:
      TypeError: `steps` is not a whole number.
      ValueError: `steps` below 1.

    Source: equal to `optax.MultiSteps`, which runs `inner` at every step. A gradient that is not
    finite spoils the mean it is in and no later one.

    >>> from jaxlearn import optim
    >>> opt = accumulate(optim.sgd(1.0), steps=2)
    >>> state = opt.init(0.0)
    >>> for gradient in (1.0, 3.0):
    ...     update, state = opt.update(gradient, state)
    ...     print(update)
    0.0
    -2.0
    """
    steps = check_whole("steps", steps, 1)
    inner = with_extra_args_support(inner)

    def rule(g: Any, mean: Any, h: Any) -> tuple[Any, Any]:
        mean = mean + (g - mean) / h.step
        return mean, jnp.where(h.full == 1, 0.0, mean)

    def init(params: PyTree) -> AccumulateState:
        return AccumulateState(jnp.zeros((), jnp.int32), zeros_like(wide_copy(params)), inner.init(params))

    def update(
        grads: PyTree, state: AccumulateState, params: PyTree = None, **extra: Any
    ) -> tuple[PyTree, AccumulateState]:
        step = state.step + 1
        full = step == steps
        rounded, mean = leafwise(rule, grads, state.mean, step=step, full=full)
        work = lambda: inner.update(rounded, state.inner, params, **extra)
        updates, inner_state = update_if(full, work, state.inner)
        return updates, AccumulateState(jnp.where(full, 0, step), mean, inner_state)

    return Transform(init, update)
