"""Values from text: arguments of a function, numbers to try, sizes."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from jaxlearn._text import show
from jaxlearn.compare import log_grid

MOST_VALUES = 1000  # of a hyperparameter
UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}


def text_arguments(factory: Callable[..., Any]) -> dict[str, Any]:
    """The arguments of a function whose default value is a number, a truth value or a word, and that value.

    >>> text_arguments(lambda classes, hidden=100, activation="relu", mask=None: ...)
    {'hidden': 100, 'activation': 'relu'}
    """
    defaults = {name: p.default for name, p in inspect.signature(factory).parameters.items()}
    return {name: value for name, value in defaults.items() if isinstance(value, int | float | str)}


def parse_setting(setting: str, defaults: Mapping[str, Any]) -> tuple[str, Any]:
    """Reads "name=value" as a value of the type that the default value of this name has.

    Raises:
      ValueError: no such name, or a value of another type.

    >>> parse_setting("hidden=64", {"hidden": 100})
    ('hidden', 64)
    """
    name, equals, text = setting.partition("=")
    if not equals or name not in defaults:
        known = ", ".join(defaults)
        raise ValueError(f"must be NAME=VALUE with a NAME out of {known}; got {setting!r}")
    kind = type(defaults[name])
    if kind is bool:
        if text not in ("true", "false"):
            raise ValueError(f"{name} must be true or false, got {text!r}")
        return name, text == "true"
    try:
        return name, kind(text)
    except ValueError:
        number = "a whole number" if kind is int else "a number"
        raise ValueError(f"{name} must be {number}, got {text!r}") from None


def parse_values(text: str) -> list[float]:
    """Reads "0.1", "1e-3,1e-2" or the logarithmic grid "1e-4:1:9".

    Raises:
      ValueError: anything else, a value twice, or more than 1,000 values.

    >>> parse_values("1e-3,1e-2"), parse_values("1e-2:1:3")
    ([0.001, 0.01], [0.01, 0.1, 1.0])
    """
    try:
        if ":" in text:
            least, most, number = text.split(":")
            values = log_grid(float(least), float(most), min(int(number), MOST_VALUES + 1))
        else:
            values = [float(value) for value in text.split(",")]
    except ValueError as error:
        if str(error).startswith("a grid must be"):
            raise
        raise ValueError(
            f"must be a number, numbers with commas between, or a grid LEAST:MOST:NUMBER, got {text!r}"
        ) from None
    if len(values) > MOST_VALUES:
        raise ValueError(f"must be at most {MOST_VALUES} numbers, got {show(text)}")
    if len(set(values)) < len(values):
        raise ValueError(f"must not hold the same number twice, got {text!r}")
    return values


def parse_size(text: str) -> int:
    """Reads a number of bytes, such as "500MB" or "1.5G" (powers of 1000).

    Raises:
      ValueError: anything else.

    >>> parse_size("500MB"), parse_size("1.5G")
    (500000000, 1500000000)
    """
    digits = text.upper().removesuffix("B")
    unit = digits[-1:] if digits[-1:] in UNITS else ""
    try:
        size = float(digits.removesuffix(unit)) * UNITS[unit]
        if 1 <= size < float("inf"):
            return int(size)
    except ValueError:
        pass
    raise ValueError(f"must be a size such as 500MB or 2GB, got {text!r}")
