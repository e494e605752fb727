"""Schedules: functions of the number of updates made so far.

Anything that maps an int32 array of shape () to a number is a schedule; give it to an optimizer in
the place of the learning rate, or of any other number. Lengths are in updates and named `steps`, and
have to be known when the program is built; `value`, `start`, `end` and `factor` may be arrays.
"""

from ._combine import join, multiplicative, product
from ._cycle import cyclic, one_cycle, warm_restarts
from ._decay import cosine, exponential, linear, multi_step, polynomial, step
from ._parse import parse
from ._warmup import inverse_sqrt, warmup, warmup_stable_decay

__all__ = [
    "cosine",
    "cyclic",
    "exponential",
    "inverse_sqrt",
    "join",
    "linear",
    "multi_step",
    "multiplicative",
    "one_cycle",
    "parse",
    "polynomial",
    "product",
    "step",
    "warm_restarts",
    "warmup",
    "warmup_stable_decay",
]
