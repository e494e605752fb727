"""Arguments of a function that a line of text can set."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any


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
