"""What is said of values that come from outside."""

from collections.abc import Mapping
from typing import Any


def show(value: Any) -> str:
    """A value out of a file, short and in one line.

    >>> show("adam"), show({"b1": 0.9}), show("two\\nlines")
    ('adam', "{'b1': 0.9}", "'two\\\\nlines'")
    """
    text = value if isinstance(value, str) and value.isprintable() else repr(value)
    return text if len(text) <= 80 else f"{text[:80]}..."


def show_settings(settings: Mapping[str, Any]) -> str:
    """Settings as `--set` takes them.

    >>> show_settings({"learning_rate": 0.1, "nesterov": False})
    'learning_rate=0.1, nesterov=false'
    """
    return ", ".join(f"{name}={value}".lower() for name, value in settings.items())
