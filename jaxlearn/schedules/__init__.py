"""Schedules: functions of the number of updates made so far.

Anything that maps an int32 array of shape () to a number is a schedule; give it to an optimizer in
the place of the learning rate. Lengths are in updates and named `steps`.
"""

from ._decay import cosine, exponential, linear, step
from ._parse import parse

__all__ = ["cosine", "exponential", "linear", "parse", "step"]
