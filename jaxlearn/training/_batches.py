"""How the examples of an epoch are divided into batches, and into blocks that the device can hold."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import NamedTuple

from jaxlearn._split import count_batches


@contextmanager
def last_batch(examples: int) -> Iterator[None]:
    """Says of an error that it is the last batch of an epoch, with so many examples, that is not fit."""
    try:
        yield
    except ValueError as error:
        held = f"{examples} example{'s' if examples > 1 else ''}"
        raise ValueError(
            f"the last batch of an epoch holds {held}: {error}; drop_last=True leaves it out"
        ) from None


class Batches(NamedTuple):
    """How the examples of a run stand in batches and blocks.

    Attributes:
      examples: how many an epoch uses: the first ones of its order.
      batch_size: examples in an update.
      length: examples on the device at a time, a multiple of the batch size; None for all.
    """

    examples: int
    batch_size: int
    length: int | None

    @property
    def updates(self) -> int:
        """Updates in an epoch."""
        return count_batches(self.examples, self.batch_size)

    def bounds(self) -> list[tuple[int, int]]:
        """Where each block begins and ends in the order of an epoch."""
        starts = list(range(0, self.examples, self.length or self.examples))
        if len(starts) > 1 and self.examples - starts[-1] < self.batch_size:
            starts.pop()  # less than a batch goes with the examples before it
        return list(pairwise([*starts, self.examples]))
