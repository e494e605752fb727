"""Optimizers, layers and whole training runs as pure functions on JAX."""

from . import data, losses, metrics, nn, optim, schedules, training
from ._version import __version__

__all__ = ["__version__", "data", "losses", "metrics", "nn", "optim", "schedules", "training"]
