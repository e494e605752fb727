"""What schedules are made of: checked numbers and lengths, time, and curves from one value to another."""

from collections.abc import Callable, Iterable
from typing import Any, Literal, TypeAlias

import jax
import jax.numpy as jnp

from jaxlearn._check import whole
from jaxlearn.optim import Scalar, Schedule, check

Curve: TypeAlias = Literal["linear", "cosine", "sqrt", "constant"]

# how much of the way is behind, 0 to 1, by how much of the time is
CURVES: dict[str, Callable[[jax.Array], jax.Array]] = {
    "linear": lambda done: done,
    "cosine": lambda done: (1 - jnp.cos(jnp.pi * done)) / 2,
    "sqrt": jnp.sqrt,
    "constant": jnp.floor,
}


def number(name: str, value: Any, interval: str = "[0, inf)") -> Scalar:
    """A checked number. A Python number stays one, in double precision; an array gets the default dtype."""
    check(name, value, interval)
    return value if isinstance(value, int | float) else jnp.asarray(value, float)


LONGEST = 2**30 - 1  # twice as long, a cycle of two lengths, is still an int32


def length(name: str, value: Any) -> int:
    """A checked number of updates."""
    found = whole(value)
    if found is None or not 1 <= found <= LONGEST:
        raise ValueError(f"{name} must be a whole number from 1 up and below 2**30, got {value!r}")
    return found


def check_boundaries(boundaries: Iterable[Any]) -> list[int]:
    values = list(boundaries)
    try:
        found = [length("boundaries", value) for value in values]
    except ValueError:
        found = []
    if found != sorted(set(found)) or len(found) < len(values):
        raise ValueError(
            f"boundaries must be increasing whole numbers from 1 up and below 2**30, got {values!r}"
        )
    return found


def find_curve(curve: str) -> Callable[[jax.Array], jax.Array]:
    if curve not in CURVES:
        raise ValueError(f"curve must be one of {', '.join(CURVES)}, got {curve!r}")
    return CURVES[curve]


def as_schedule(name: str, schedule: Any) -> Schedule:
    """The schedule with its result as a floating array; a number is a schedule that never changes."""
    if callable(schedule):
        return lambda step: jnp.asarray(schedule(step), float)
    value = number(name, schedule)
    return lambda step: jnp.asarray(value, float)


def time(step: Any) -> jax.Array:
    return jnp.asarray(step, float)


def fraction(step: Any, steps: int) -> jax.Array:
    """How much of `steps` updates has been made, 0 to 1."""
    return jnp.clip(time(step) / steps, 0.0, 1.0)


def between(start: Scalar, end: Scalar, weight: jax.Array) -> jax.Array:
    """From `start` at weight 0 to `end` at weight 1, exact at both."""
    return start * (1 - weight) + end * weight
