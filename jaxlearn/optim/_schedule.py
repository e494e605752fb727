"""Hyperparameters that change with time."""

import functools
import inspect
from collections.abc import Callable
from typing import Any, NamedTuple, ParamSpec, TypeAlias, get_args

import jax
import jax.numpy as jnp

from ._leafwise import PyTree, Scalar
from ._transform import Transform, increment

Schedule: TypeAlias = Callable[[jax.Array], Any]
Arguments = ParamSpec("Arguments")


class ScheduledState(NamedTuple):
    """State of a transform of which a hyperparameter is a schedule.

    Attributes:
      step: updates made so far; int32 of shape ().
      values: what the scheduled hyperparameters were in the last update (before the first: what they
        will be), by name; each of shape ().
      inner: state of the transform itself.
    """

    step: jax.Array
    values: dict[str, jax.Array]
    inner: PyTree


def schedulable(factory: Callable[Arguments, Transform]) -> Callable[Arguments, Transform]:
    """Lets every hyperparameter of a factory that is annotated `Scalar` be a schedule.

    A schedule is a function of the number of updates made before this one, an int32 array that starts
    at 0. At each update the transform is built anew out of the values of that moment, which costs
    nothing once compiled.

    >>> @schedulable
    ... def power(exponent: Scalar) -> Transform:
    ...     update = lambda grads, state, params=None, **extra: (grads**exponent, state)
    ...     return Transform(lambda params: (), update)
    >>> opt = power(lambda step: step + 1)
    >>> state = opt.init(0.0)
    >>> for _ in range(2):
    ...     update, state = opt.update(3.0, state)
    ...     print(update, state.values)
    3.0 {'exponent': Array(1., dtype=float32)}
    9.0 {'exponent': Array(2., dtype=float32)}
    """
    signature = inspect.signature(factory)
    names = [
        name
        for name, p in signature.parameters.items()
        if p.annotation is Scalar or Scalar in get_args(p.annotation)  # Scalar | None
    ]

    @functools.wraps(factory)
    def build(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Transform:
        given = signature.bind(*args, **kwargs).arguments
        schedules = {name: given[name] for name in names if callable(given.get(name))}
        if not schedules:
            return factory(*args, **kwargs)

        def at(step: jax.Array) -> tuple[dict[str, jax.Array], Transform]:
            values = {name: jnp.array(schedule(step), float) for name, schedule in schedules.items()}
            return values, factory(**given | values)  # type: ignore[call-arg]

        def init(params: PyTree) -> ScheduledState:
            step = jnp.zeros((), jnp.int32)
            values, transform = at(step)
            return ScheduledState(step, values, transform.init(params))

        def update(
            grads: PyTree, state: ScheduledState, params: PyTree = None, **extra: Any
        ) -> tuple[PyTree, ScheduledState]:
            values, transform = at(state.step)
            updates, inner = transform.update(grads, state.inner, params, **extra)
            return updates, ScheduledState(increment(state.step), values, inner)

        return Transform(init, update)

    return build
