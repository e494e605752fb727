"""Schedules made of schedules, and of functions of the step."""

import math
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from jaxlearn.optim import Scalar, Schedule

from ._common import as_schedule, check_boundaries, length, number


def join(schedules: Sequence[Schedule | Scalar], boundaries: Sequence[int]) -> Schedule:
    """One schedule after another. Each counts its steps from where it begins.

    Equal to `torch.optim.lr_scheduler.SequentialLR(milestones=boundaries)` and to
    `optax.join_schedules`, which also calls schedules with steps below 0.

    Args:
      schedules: schedules, or numbers in [0, inf) for parts that do not change.
      boundaries: the steps at which the second and each later one begins, increasing from 1 up.

    Raises:
      ValueError: boundaries that do not increase, or as many of them as schedules.

    >>> from jaxlearn.schedules import linear
    >>> schedule = join([1.0, linear(0.5, 0.0, steps=2)], [2])
    >>> [float(schedule(t)) for t in range(6)]
    [1.0, 1.0, 0.5, 0.25, 0.0, 0.0]
    """
    members = [as_schedule(f"schedules[{i}]", member) for i, member in enumerate(schedules)]
    begins = check_boundaries(boundaries)
    if len(begins) != len(members) - 1:
        raise ValueError(
            "boundaries must be one fewer than schedules, "
            f"got {len(begins)} boundaries and {len(members)} schedules"
        )

    def schedule(step: Any) -> jax.Array:
        step = jnp.asarray(step)
        result = members[0](step)
        for begin, member in zip(begins, members[1:], strict=True):
            result = jnp.where(step >= begin, member(jnp.maximum(step - begin, 0)), result)
        return result

    return schedule


def product(*factors: Schedule | Scalar) -> Schedule:
    r"""The product of schedules and numbers: $\eta_t = \prod_i f_i(t)$.

    Equal to `torch.optim.lr_scheduler.LambdaLR(lr_lambda=function)` as `product(value, function)`, and
    to `ChainedScheduler` as the product of its members, all but one with a value of 1. Members that
    add instead of multiply have no such product in PyTorch: a cosine with an end above 0, or after its
    end. optax has none.

    Args:
      *factors: functions of the step, or numbers in [0, inf).

    Raises:
      ValueError: no factor, or a number outside its range.

    >>> schedule = product(0.5, lambda step: step + 1)
    >>> [float(schedule(t)) for t in range(4)]
    [0.5, 1.0, 1.5, 2.0]
    """
    if not factors:
        raise ValueError("factors must be one or more, got none")
    members = [as_schedule(f"factors[{i}]", factor) for i, factor in enumerate(factors)]
    return lambda step: math.prod(member(step) for member in members)


def multiplicative(value: Scalar, function: Schedule, steps: int) -> Schedule:
    r"""Multiplies by a function of the step before each update but the first.

    $$\eta_t = \eta_0 \prod_{i=1}^{t} f(i)$$

    Equal to `torch.optim.lr_scheduler.MultiplicativeLR(lr_lambda=function)`. optax has none.

    Memory: the products up to `steps`, a number for each.

    Args:
      value: $\eta_0$ in [0, inf).
      function: $f$, a JAX function of an int32 array of shape (), called with all of 1 to `steps` at
        once (`jax.vmap`).
      steps: after so many updates it stays what it is, from 1 up.

    Raises:
      ValueError: an argument outside its range.

    >>> schedule = multiplicative(1.0, lambda step: 1 / (1 + step), steps=3)
    >>> [round(float(schedule(t)), 4) for t in range(5)]
    [1.0, 0.5, 0.1667, 0.0417, 0.0417]
    """
    steps = length("steps", steps)
    value, factor = number("value", value), as_schedule("function", function)
    factors = jax.vmap(factor)(jnp.arange(1, steps + 1, dtype=jnp.int32))
    products = jnp.concatenate([jnp.ones(1), jnp.cumprod(factors)])
    return lambda step: value * products[jnp.minimum(jnp.asarray(step), steps)]
