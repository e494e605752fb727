"""Optimizers, layers and whole training runs as pure functions on JAX."""

from . import compare, data, losses, metrics, nn, optim, schedules, training
from ._version import __version__

__all__ = ["__version__", "compare", "data", "losses", "metrics", "nn", "optim", "schedules", "training"]
