"""A run for good: shown while it trains, saved so that it can go on, and what it leaves behind."""

from jaxlearn._checkpoint import params_digest

from ._keeper import Saving, read_config, restore
from ._nonfinite import NonFiniteError
from ._record import record_run
from ._signals import Stopped

__all__ = [
    "NonFiniteError",
    "Saving",
    "Stopped",
    "params_digest",
    "read_config",
    "record_run",
    "restore",
]
