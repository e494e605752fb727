"""A schedule from a line of text, for command lines and configuration files."""

import math
from typing import Any

from jaxlearn.optim import Schedule

from ._decay import cosine, exponential, linear, step

# name -> (the options it takes, with their default values); `epochs` None means the whole run
_OPTIONS: dict[str, dict[str, float | None]] = {
    "constant": {},
    "cosine": {"epochs": None, "end": 0.0},
    "linear": {"epochs": None, "end": 0.0},
    "step": {"epochs": 1.0, "factor": 0.1},
    "exponential": {"epochs": 1.0, "factor": 0.9},
}


def parse(text: str, learning_rate: Any, *, steps_per_epoch: int, epochs: int) -> Schedule | Any:
    """Reads `NAME` or `NAME:option=number,...`, with lengths in epochs.

    Names and options: `constant`; `cosine:epochs,end` and `linear:epochs,end` (to `end`, 0 unless
    given, over `epochs`, the whole run unless given); `step:epochs,factor` and
    `exponential:epochs,factor` (times `factor` for each `epochs`).

    Args:
      text: such as "cosine" or "step:epochs=3,factor=0.5". Parsed, never evaluated.
      learning_rate: the first value.
      steps_per_epoch: updates in an epoch.
      epochs: length of the run.

    Returns:
      A schedule; `learning_rate` itself for "constant".

    Raises:
      ValueError: an unknown name or option, or a value that is not a number in its range.

    >>> schedule = parse("step:epochs=2,factor=0.5", 1.0, steps_per_epoch=10, epochs=6)
    >>> [float(schedule(t)) for t in (0, 19, 20, 40)]
    [1.0, 1.0, 0.5, 0.25]
    """
    name, _, tail = text.partition(":")
    if name not in _OPTIONS:
        raise ValueError(f"schedule {name!r} is unknown; known are {', '.join(_OPTIONS)}")
    options = _OPTIONS[name] | dict(_option(name, item) for item in tail.split(",") if item)
    if name == "constant":
        return learning_rate
    length = options["epochs"]
    steps = max(1, round(steps_per_epoch * (epochs if length is None else length)))
    match name:
        case "cosine":
            return cosine(learning_rate, steps, options["end"])
        case "linear":
            return linear(learning_rate, options["end"], steps)
        case "step":
            return step(learning_rate, steps, options["factor"])
        case _:
            return exponential(learning_rate, options["factor"], steps)


def _option(name: str, item: str) -> tuple[str, float]:
    key, equals, text = item.partition("=")
    if not equals or key not in _OPTIONS[name]:
        known = ", ".join(f"{option}=NUMBER" for option in _OPTIONS[name]) or "no option"
        raise ValueError(f"schedule {name} takes {known}, got {item!r}")
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    low = 0.0 if key == "end" else 1e-9
    if not (low <= value < math.inf):
        bound = "from 0 up" if key == "end" else "above 0"
        raise ValueError(f"schedule {name}: {key} must be a number {bound}, got {text!r}")
    return key, value
