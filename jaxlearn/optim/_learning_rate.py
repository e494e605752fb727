"""Multiplying by a number: the step size above all."""

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from ._leafwise import PyTree, Scalar, leafwise
from ._plateau import PlateauState
from ._schedule import schedulable
from ._transform import Transform, hyperparameters, stateless
from ._wrapper import find_one, find_states


class LearningRateState(NamedTuple):
    """The part of a state that tells the learning rate.

    Attributes:
      learning_rate: what the last update was made with (before the first: what it will be); shape ().
    """

    learning_rate: jax.Array


@schedulable
def scale(factor: Scalar) -> Transform:
    r"""Multiplies the gradients: $u = c\,g$.

    Memory: none.

    Args:
      factor: $c$, any finite number.

    Raises:
      ValueError: an infinite or NaN factor.

    >>> opt = scale(-1.0)
    >>> opt.update(3.0, opt.init(0.0))[0]
    Array(-3., dtype=float32)
    """
    hyper = hyperparameters(locals(), factor="(-inf, inf)")
    return stateless(lambda grads, params: leafwise(lambda g, h: (h.factor * g,), grads, **hyper)[0])


@schedulable
def scale_by_learning_rate(learning_rate: Scalar) -> Transform:
    r"""Turns a direction of ascent into a step of descent: $u_t = -\eta_t\,g_t$.

    Memory: a scalar, and one more for a schedule.

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
    hyper = hyperparameters(locals(), learning_rate="[0, inf)")

    def init(params: PyTree) -> LearningRateState:
        return LearningRateState(jnp.array(learning_rate, float))

    def update(
        grads: PyTree, state: LearningRateState, params: PyTree = None, **extra: Any
    ) -> tuple[PyTree, LearningRateState]:
        (updates,) = leafwise(lambda g, h: (-h.learning_rate * g,), grads, **hyper)
        return updates, init(params)

    return Transform(init, update)


def current_learning_rate(state: PyTree) -> jax.Array:
    """Reads the learning rate out of an optimizer's state, wherever in it that is.

    The scale of a `reduce_on_plateau` in the same state counts as part of it.

    Raises:
      ValueError: the state holds none, or more than one.

    >>> from jaxlearn import optim
    >>> current_learning_rate(optim.adam(1e-3).init({"w": 0.0}))
    Array(0.001, dtype=float32)
    """
    found = find_one(state, LearningRateState, "an optimizer state with one learning rate")
    scales = [plateau.scale for plateau in find_states(state, PlateauState)]
    return math.prod(scales, start=found.learning_rate)
