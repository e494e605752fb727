"""Optimizers, layers and whole training runs as pure functions on JAX."""

from . import compare, data, losses, metrics, nn, optim, recording, report, schedules, training
from ._files import CheckpointError
from ._saved import Saved, load, save
from ._version import __version__

__all__ = [
    "CheckpointError",
    "Saved",
    "__version__",
    "compare",
    "data",
    "load",
    "losses",
    "metrics",
    "nn",
    "optim",
    "recording",
    "report",
    "save",
    "schedules",
    "training",
]
