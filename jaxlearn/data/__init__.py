"""Datasets as arrays of bytes in memory, from files, a cache, a download or a library."""

from jaxlearn._split import Split, count_batches

from ._dataset import DataError, Dataset, digest, hold_out
from ._load import cache_dir, load
from ._pictures import Picture, read_picture

__all__ = [
    "DataError",
    "Dataset",
    "Picture",
    "Split",
    "cache_dir",
    "count_batches",
    "digest",
    "hold_out",
    "load",
    "read_picture",
]
