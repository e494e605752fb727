"""Comparing optimizers: every learning rate and seed as one program, at equal budgets.

`compare.functions` compares them on functions of two numbers, where every step can be seen.
"""

from . import functions
from ._compare import Comparison, Progress, compare
from ._grid import log_grid
from ._result import Sweep
from ._statistics import Estimate, Pair, compare_pairs, estimate
from ._task import Contender

__all__ = [
    "Comparison",
    "Contender",
    "Estimate",
    "Pair",
    "Progress",
    "Sweep",
    "compare",
    "compare_pairs",
    "estimate",
    "functions",
    "log_grid",
]
