"""The works of the benchmarks, as each peer does them.

A work is a function that builds all it needs and returns `measure(seed) -> (seconds, loss)`: seconds of
what is measured alone, and the loss it led to (NaN where there is none).
"""

from collections.abc import Callable

Measure = Callable[[int], tuple[float, float]]
