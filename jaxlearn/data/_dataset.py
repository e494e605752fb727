"""What a dataset is."""

import zlib
from typing import Any, NamedTuple

import numpy as np

from jaxlearn._check import check_whole
from jaxlearn._split import Split, are_classes, check_classes, check_together


class DataError(ValueError):
    """A dataset that cannot be had: a missing or broken file, or no network. One line says which."""


class _Parts(NamedTuple):
    name: str
    train: Split
    test: Split
    classes: int
    origin: str


class Dataset(_Parts):
    """A dataset in memory, checked when it is put together.

    Attributes:
      name: such as "mnist".
      train: the examples to learn from.
      test: the examples to look at once, at the end.
      classes: number of classes.
      origin: where it was taken from and why, for people to read.

    Raises:
      TypeError: labels that are no integers, or what `Split` does not take.
      ValueError: labels that are not from 0 to `classes` - 1; training and test images of other shapes, or
        bytes here and other numbers there; and as `Split`.
    """

    __slots__ = ()

    def __new__(cls, name: str, train: Any, test: Any, classes: int, origin: str) -> "Dataset":
        classes = check_whole("classes", classes, 1)
        train, test = check_together(train=train, test=test)
        for split, labels in (("train", train.labels), ("test", test.labels)):
            if not are_classes(labels):
                raise TypeError(f"labels of {split} must be integers, hence classes, got {labels.dtype}")
        check_classes(classes, train=train, test=test)
        return super().__new__(cls, name, train, test, classes, origin)


def digest(dataset: Dataset) -> str:
    """A checksum, CRC-32, over all examples: one dataset is told from another that goes by its name.

    >>> split = Split(np.zeros((5, 1, 1, 1), np.uint8), np.arange(5, dtype=np.int32))
    >>> digest(Dataset("none", split, split, 5, "here"))
    '62c688be'
    """
    crc = 0
    for array in (*dataset.train, *dataset.test):
        crc = zlib.crc32(np.ascontiguousarray(array).data, crc)
    return f"{crc:08x}"


def hold_out(split: Split, examples: int, seed: int = 0) -> tuple[Split, Split]:
    """Divides examples at random into those to train on and some to validate on.

    Args:
      split: the examples.
      examples: how many to hold out; less than there are.
      seed: of the choice. It is not the run's seed, so that all runs validate on the same examples.

    Returns:
      The rest and the examples held out, each in the order that it had.

    Raises:
      TypeError, ValueError: as `Split`; `examples` is negative or leaves nothing to train on.

    >>> split = Split(np.zeros((5, 1, 1, 1), np.uint8), np.arange(5, dtype=np.int32))
    >>> rest, held_out = hold_out(split, 2)
    >>> len(rest.labels), len(held_out.labels), sorted([*rest.labels, *held_out.labels])
    (3, 2, [np.int32(0), np.int32(1), np.int32(2), np.int32(3), np.int32(4)])
    """
    (split,) = check_together(split=split)
    total = len(split.labels)
    examples = check_whole("examples to hold out", examples, 0, total - 1)
    chosen = np.zeros(total, bool)
    chosen[np.random.default_rng(check_whole("seed", seed, 0)).permutation(total)[:examples]] = True
    return tuple(Split(split.images[mask], split.labels[mask]) for mask in (~chosen, chosen))  # type: ignore[return-value]
