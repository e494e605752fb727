"""How much memory there is, and how much a program takes."""

from collections.abc import Sequence
from typing import Any

import jax

from jaxlearn import _system

SHARE = 0.8  # of what is free: the rest is for data on their way, pictures and neighbours


def show_size(size: float) -> str:
    """A number of bytes for people.

    >>> show_size(1_500_000_000), show_size(200_000)
    ('1.5 GB', '0.2 MB')
    """
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"


def free_memory(devices: Sequence[jax.Device]) -> int | None:
    """Bytes that programs on these devices may take together, now; None where nothing says."""
    if devices[0].platform == "cpu":
        free = _system.free_memory()
        return None if free is None else int(SHARE * free)
    stats = [device.memory_stats() or {} for device in devices]  # a plugin need not know
    try:
        return int(SHARE * sum(stat["bytes_limit"] - stat["bytes_in_use"] for stat in stats))
    except KeyError:
        return None


def needed_memory(compiled: Any, devices: int) -> int:
    """Bytes that a compiled program takes on all its devices, as the compiler laid them out."""
    stats = compiled.memory_analysis()
    own = stats.argument_size_in_bytes + stats.output_size_in_bytes - stats.alias_size_in_bytes
    return int(devices * (own + stats.temp_size_in_bytes))
