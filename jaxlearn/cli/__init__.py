"""A command line around runs and comparisons, for any models and optimizers: `train.py` is one."""

from ._config import CompareConfig, RunConfig
from ._main import main
from ._recipe import Recipe

__all__ = [
    "CompareConfig",
    "Recipe",
    "RunConfig",
    "main",
]
