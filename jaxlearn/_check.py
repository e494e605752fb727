"""One check for every argument: its name, its value and what is allowed, in one line."""

import math
import operator
from collections.abc import Iterable
from typing import Any

import jax
import numpy as np


def check(name: str, value: Any, interval: str) -> None:
    """Raises unless `value` is a scalar number in `interval`, such as "[0, 1)" or "(0, inf)".

    A tracer has no value yet: only its shape is checked.

    Raises:
      TypeError: `value` is not a number.
      ValueError: `value` is not a scalar, or lies outside the interval (NaN always does).

    >>> check("b1", 0.9, "[0, 1)")
    >>> check("b1", 1.5, "[0, 1)")
    Traceback (most recent call last):
    ...
    ValueError: b1 must be in [0, 1), got 1.5
    """
    if _is_bool(value) or not isinstance(value, int | float | np.generic | np.ndarray | jax.Array):
        raise TypeError(f"{name} must be a number in {interval}, got {value!r}")
    if np.ndim(value):
        raise ValueError(
            f"{name} must be one number, got an array of shape {np.shape(value)}; "
            "for one run for each of its values, build the optimizer inside jax.vmap"
        )
    if isinstance(value, jax.core.Tracer):
        return
    number = float(jax.device_get(value))
    low, high = (float(bound) for bound in interval[1:-1].split(","))
    above = low <= number if interval[0] == "[" else low < number
    below = number <= high if interval[-1] == "]" else number < high
    if not (above and below) or math.isnan(number):
        raise ValueError(f"{name} must be in {interval}, got {number:g}")


def check_whole(name: str, value: Any, least: int, most: float = math.inf) -> int:
    """The Python int that `value` is: others overflow, have other names, and JSON does not know them.

    Raises:
      TypeError: `value` is not a whole number; see `whole`.
      ValueError: it is not from `least` to `most`.

    >>> check_whole("steps", np.uint8(5), 1)
    5
    >>> check_whole("steps", 0, 1)
    Traceback (most recent call last):
    ...
    ValueError: steps must be in [1, inf), got 0
    """
    number = whole(value)
    if number is None:
        raise TypeError(f"{name} must be a whole number, got {value!r}")
    if not least <= number <= most:
        interval = f"[{least}, inf)" if most == math.inf else f"[{least}, {most}]"
        raise ValueError(f"{name} must be in {interval}, got {number}")
    return number


def whole(value: Any) -> int | None:
    """The int that a whole number is, be it of Python, numpy, JAX or another library, or an array of no axes.

    None of anything else, such as 2.0, True and a tracer, which has no value yet.

    >>> whole(np.int64(2)), whole(jax.numpy.array(2)), whole(2.0), whole(np.True_)
    (2, 2, None, None)
    """
    try:
        return None if _is_bool(value) else operator.index(value)
    except TypeError:
        return None


def _is_bool(value: Any) -> bool:
    return isinstance(value, bool) or str(getattr(value, "dtype", "")).endswith("bool")


def check_choice(name: str, value: Any, known: Iterable[str]) -> None:
    """Raises ValueError unless `value` is one of the known words.

    >>> check_choice("mode", "low", ("min", "max"))
    Traceback (most recent call last):
    ...
    ValueError: mode must be min or max, got 'low'
    """
    if value not in (known := list(known)):
        raise ValueError(f"{name} must be {', '.join(known[:-1])} or {known[-1]}, got {value!r}")


def first_outside(values: Any, least: float, most: float, but: int | None = None) -> Any:
    """The first number outside [`least`, `most`] that is not `but`, or None; NaN is always outside.

    A tracer has no values yet: None.

    >>> first_outside([2, -100, 7], 0, 4, but=-100), first_outside([0.5, 1.0], 0, 1)
    (np.int64(7), None)
    """
    if isinstance(values, jax.core.Tracer):
        return None
    known = np.asarray(jax.device_get(values))
    outside = ~((known >= least) & (known <= most))
    if but is not None:
        outside &= known != but
    return known[outside][0] if outside.any() else None


def is_zero(value: Any) -> bool:
    """Whether `value` is a plain 0, known before tracing, so that a rule can leave its term out."""
    return isinstance(value, int | float | np.generic) and bool(value == 0)
