"""What is not the same in two configurations."""

from collections.abc import Collection
from typing import Any

from jaxlearn._text import show


def first_difference(
    there: Any, here: Any, free: Collection[str] = (), growing: Collection[str] = ()
) -> str | None:
    """The first entry of two dicts that is not the same, in words, or None.

    Args:
      there, here: what was, and what is to go on.
      free: entries that may be others.
      growing: entries of which only what both have must be the same.

    >>> first_difference({"model": "mlp", "epochs": 5}, {"model": "mlp", "epochs": 9}, ["epochs"])
    >>> first_difference({"sizes": {"hidden": 9}}, {"sizes": {"hidden": 5}})
    'hidden is 9 there, not 5'
    >>> first_difference({"opt": {"sgd": {"lr": 1}}}, {"opt": {"sgd": {"lr": 2}, "lion": {}}}, (), ["opt"])
    'lr of sgd is 1 there, not 2'
    """
    for name in [name for name in here if name not in free]:
        before, now = there.get(name), here[name]
        if name in growing:
            now = {key: now[key] for key in now if key in before}
            before = {key: before[key] for key in now}
        names = [name]
        while isinstance(before, dict) and isinstance(now, dict) and before != now:
            missing = object()
            key = next(k for k in {**now, **before} if before.get(k, missing) != now.get(k, missing))
            names.append(key)
            before, now = before.get(key, "missing"), now.get(key, "missing")
        if before != now:
            where = " of ".join(reversed(names[1:] or names))
            return f"{show(where)} is {show(before)} there, not {show(now)}"
    return None
