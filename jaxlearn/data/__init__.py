"""Datasets as arrays of bytes in memory, from files, a cache, a download or a library."""

from ._dataset import DataError, Dataset, Split, hold_out
from ._load import cache_dir, load

__all__ = ["DataError", "Dataset", "Split", "cache_dir", "hold_out", "load"]
