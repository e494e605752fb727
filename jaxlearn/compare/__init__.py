"""Comparing optimizers: every learning rate and seed as one program, at equal budgets."""

from ._compare import Comparison, Progress, compare
from ._console import compare_with_progress
from ._folder import difference, find_folder, open_folder, versions
from ._functions import SURFACES, Descent, Surface, descend, tune
from ._grid import grid_points, log_grid, parse_values
from ._memory import parse_size
from ._result import Sweep
from ._statistics import Estimate, Pair, compare_pairs, estimate
from ._task import Contender

__all__ = [
    "SURFACES",
    "Comparison",
    "Contender",
    "Descent",
    "Estimate",
    "Pair",
    "Progress",
    "Surface",
    "Sweep",
    "compare",
    "compare_pairs",
    "compare_with_progress",
    "descend",
    "difference",
    "estimate",
    "find_folder",
    "grid_points",
    "log_grid",
    "open_folder",
    "parse_size",
    "parse_values",
    "tune",
    "versions",
]
