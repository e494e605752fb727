"""The step size: a number, an array or a schedule."""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp

from ._check import check_learning_rate
from ._transform import PyTree, Scalar, Transform, increment, leafwise

Schedule: TypeAlias = Callable[[jax.Array], Any]


class LearningRateState(NamedTuple):
    """State of `scale_by_learning_rate`.

    Attributes:
      step: updates made so far; int32 of shape ().
      learning_rate: what the last update was scaled by (before the first: what it will be); shape ().
    """

    step: jax.Array
    learning_rate: jax.Array


def scale_by_learning_rate(learning_rate: Scalar | Schedule) -> Transform:
    r"""Turns a direction of ascent into a step of descent: $u_t = -\eta_t\,g_t$.

    Memory: two scalars.

    Args:
      learning_rate: $\eta$ in [0, inf). A Python number is a constant of the program; an array or
        tracer of shape () stays one, so a new value compiles nothing; a schedule is called with the
        number of updates made before this one, an int32 array that starts at 0.

    Raises:
      ValueError: a negative, infinite or NaN learning rate.

    >>> opt = scale_by_learning_rate(lambda step: jnp.where(step < 1, 0.5, 0.25))
    >>> state = opt.init(0.0)
    >>> for _ in range(2):
    ...     update, state = opt.update(1.0, state)
    ...     print(update, current_learning_rate(state))
    -0.5 0.5
    -0.25 0.25
    """
    check_learning_rate(learning_rate)

    def rate(step: jax.Array) -> Scalar:
        return learning_rate(step) if callable(learning_rate) else learning_rate

    def init(params: PyTree) -> LearningRateState:
        step = jnp.zeros((), jnp.int32)
        return LearningRateState(step, jnp.asarray(rate(step), float))

    def update(
        grads: PyTree, state: LearningRateState, params: PyTree = None, **extra: Any
    ) -> tuple[PyTree, LearningRateState]:
        eta = rate(state.step)
        (updates,) = leafwise(lambda g, *, eta: (-eta * g,), grads, eta=eta)
        return updates, LearningRateState(increment(state.step), jnp.asarray(eta, float))

    return Transform(init, update)


def current_learning_rate(state: PyTree) -> jax.Array:
    """Reads the learning rate out of an optimizer's state, wherever in it `scale_by_learning_rate` is.

    Raises:
      ValueError: the state holds none, or more than one.

    >>> from jaxlearn import optim
    >>> current_learning_rate(optim.adam(1e-3).init({"w": 0.0}))
    Array(0.001, dtype=float32)
    """
    found = [
        node.learning_rate
        for node in jax.tree.leaves(state, is_leaf=lambda node: isinstance(node, LearningRateState))
        if isinstance(node, LearningRateState)
    ]
    if len(found) != 1:
        raise ValueError(f"an optimizer state with one learning rate is needed, this one holds {len(found)}")
    return found[0]
