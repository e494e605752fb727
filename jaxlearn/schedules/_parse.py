"""A schedule from a line of text, for command lines and configuration files."""

import math
from collections.abc import Callable
from typing import Any

from jaxlearn._check import check_whole
from jaxlearn.optim import Schedule

from ._common import LONGEST
from ._cycle import cyclic, one_cycle, warm_restarts
from ._decay import cosine, exponential, linear, polynomial, step
from ._warmup import inverse_sqrt, warmup, warmup_stable_decay


class _Share(float):
    """A length, unless the user gives one, as a share of the run."""


# name -> (the options it takes, with their default values; how it is built of them, with lengths in
# updates and `rest`, what warm-up and decay leave of the run). `epochs` None means all of the rest.
# A default of 0 says that 0 is allowed, a default that is an int that only whole numbers are. A
# warm-up that is 0 unless given comes before what is built; the others are a part of it.
_SCHEDULES: dict[str, tuple[dict[str, Any], Callable[..., Any]]] = {
    "constant": ({}, lambda rate, rest: rate),
    "cosine": (
        {"epochs": None, "end": 0.0, "warmup": 0.0},
        lambda rate, rest, epochs, end: cosine(rate, epochs or rest, end),
    ),
    "linear": (
        {"epochs": None, "end": 0.0, "warmup": 0.0},
        lambda rate, rest, epochs, end: linear(rate, end, epochs or rest),
    ),
    "polynomial": (
        {"epochs": None, "power": 1.0, "end": 0.0, "warmup": 0.0},
        lambda rate, rest, epochs, power, end: polynomial(rate, epochs or rest, power, end),
    ),
    "step": (
        {"epochs": 1.0, "factor": 0.1, "warmup": 0.0},
        lambda rate, rest, epochs, factor: step(rate, epochs, factor),
    ),
    "exponential": (
        {"epochs": 1.0, "factor": 0.9, "warmup": 0.0},
        lambda rate, rest, epochs, factor: exponential(rate, factor, epochs),
    ),
    "warm_restarts": (
        {"epochs": 1.0, "growth": 1, "end": 0.0, "warmup": 0.0},
        lambda rate, rest, epochs, growth, end: warm_restarts(rate, epochs, growth, end),
    ),
    "cyclic": (
        {"epochs": 2.0, "start": 0.0, "factor": 1.0},
        lambda rate, rest, epochs, start, factor: cyclic(
            rate, start, max(1, epochs // 2), max(1, epochs - epochs // 2), step(1.0, max(2, epochs), factor)
        ),
    ),
    "one_cycle": (
        {"warmup": _Share(0.3)},
        lambda rate, rest, warmup: one_cycle(rate, warmup + rest, warmup_fraction=warmup / (warmup + rest)),
    ),
    "inverse_sqrt": (
        {"warmup": _Share(0.1)},
        lambda rate, rest, warmup: inverse_sqrt(rate, warmup),
    ),
    "warmup_stable_decay": (
        {"warmup": _Share(0.1), "decay": _Share(0.2), "end": 0.0},
        lambda rate, rest, warmup, decay, end: warmup_stable_decay(rate, warmup, rest, decay, end),
    ),
}


def parse(text: str, learning_rate: Any, *, steps_per_epoch: int, epochs: int) -> Schedule | Any:
    """Reads `NAME` or `NAME:option=number,...`, with lengths in epochs.

    | text | the learning rate (in brackets: the value of an option unless given) |
    |---|---|
    | `constant` | stays |
    | `cosine:epochs,end,warmup` | falls to `end` (0) over `epochs` (the rest of the run) |
    | `linear:epochs,end,warmup` | the same in a straight line |
    | `polynomial:epochs,power,end,warmup` | the same with a `power` (1) of the time left |
    | `step:epochs,factor,warmup` | times `factor` (0.1) after each `epochs` (1) |
    | `exponential:epochs,factor,warmup` | times `factor` (0.9) over each `epochs` (1), smoothly |
    | `warm_restarts:epochs,growth,end,warmup` | cosines of `epochs` (1), each `growth` (1) times as long |
    | `cyclic:epochs,start,factor` | up from `start` (0) and down in each `epochs` (2), each time \
`factor` (1) times as far |
    | `one_cycle:warmup` | up for `warmup` (0.3 of the run), down to almost 0 for the rest |
    | `inverse_sqrt:warmup` | up for `warmup` (0.1 of the run), down with the root of the time |
    | `warmup_stable_decay:warmup,decay,end` | up for `warmup` (0.1 of the run), stays, down to `end` (0) \
for the last `decay` (0.2 of the run) |

    Before a schedule that falls from the start, `warmup` (0) is a linear rise from 0.

    Args:
      text: such as "cosine" or "step:epochs=3,factor=0.5". Parsed, never evaluated.
      learning_rate: the first value; the highest, where the schedule rises first.
      steps_per_epoch: updates in an epoch.
      epochs: length of the run.

    Returns:
      A schedule; `learning_rate` itself for "constant".

    Raises:
      ValueError: an unknown name or option, a value that is not a number in its range, or a warm-up
        that leaves nothing of the run.

    >>> schedule = parse("step:epochs=2,factor=0.5", 1.0, steps_per_epoch=10, epochs=6)
    >>> [float(schedule(t)) for t in (0, 19, 20, 40)]
    [1.0, 1.0, 0.5, 0.25]
    """
    steps_per_epoch = check_whole("steps_per_epoch", steps_per_epoch, 1)
    epochs = check_whole("epochs", epochs, 1)
    name, _, tail = text.partition(":")
    if name not in _SCHEDULES:
        raise ValueError(f"schedule {name!r} is unknown; known are {', '.join(_SCHEDULES)}")
    defaults, build = _SCHEDULES[name]
    run = {key: value * epochs if isinstance(value, _Share) else value for key, value in defaults.items()}
    options: dict[str, Any] = run | dict(_option(name, item) for item in tail.split(",") if item)
    taken = {key: options[key] for key in ("warmup", "decay") if key in options}
    if 0 < epochs <= sum(taken.values()):
        got = ", ".join(f"{key}={value:g}" for key, value in taken.items())
        raise ValueError(f"schedule {name}: {' + '.join(taken)} must be below {epochs} epochs, got {got}")

    def updates(length: float | None) -> int:
        return max(1, round(min(steps_per_epoch * length, LONGEST))) if length else 0

    options |= {key: updates(options[key]) for key in ("epochs", *taken) if key in options}
    rest = max(1, steps_per_epoch * epochs - sum(options[key] for key in taken))
    before = options.pop("warmup") if defaults.get("warmup") == 0 else 0
    schedule = build(learning_rate, rest, **options)
    return warmup(schedule, before) if before else schedule


def _option(name: str, item: str) -> tuple[str, float]:
    defaults = _SCHEDULES[name][0]
    key, equals, text = item.partition("=")
    if not equals or key not in defaults:
        known = ", ".join(f"{option}=NUMBER" for option in defaults) or "no option"
        raise ValueError(f"schedule {name} takes {known}, got {item!r}")
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    whole = isinstance(defaults[key], int)
    low, bound = (0.0, "from 0 up") if defaults[key] == 0 else (1e-9, "above 0")
    if not (low <= value < math.inf) or (whole and value % 1):
        kind = "a whole number" if whole else "a number"
        raise ValueError(f"schedule {name}: {key} must be {kind} {bound}, got {text!r}")
    return key, int(value) if whole else value
