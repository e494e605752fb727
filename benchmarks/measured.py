"""What peers measure in turn, or why one did not."""

import statistics
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple, TypeAlias

import numpy as np

from .peer import Peer, PeerError
from .problem import SEEDS
from .tables import show


class Measured(NamedTuple):
    """What one peer gave, in the order of the seeds; and the seconds until it was ready."""

    seconds: list[float]
    losses: list[float]
    start: float = 0.0

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    def __str__(self) -> str:
        return f"{show(self.median)} ({show(min(self.seconds))} to {show(max(self.seconds))})"


class Failed(NamedTuple):
    """Why a peer measured nothing, short enough for a table's cell."""

    reason: str

    def __str__(self) -> str:
        return self.reason


Found: TypeAlias = Measured | Failed


def measure_in_turn(peers: Mapping[str, Peer], repeats: int) -> dict[str, Found]:
    """What each peer measured with the seeds 0, 1, 2 ...; then they end.

    They compile one after another, because compilers for GPUs measure kernels. One that fails is told on
    standard error, and the others go on.
    """
    starts: dict[str, float] = {}
    answers: dict[str, list[list[float]]] = {name: [] for name in peers}
    failed: dict[str, Failed] = {}

    @contextmanager
    def noting_failure(name: str, reason: str) -> Iterator[None]:
        try:
            yield
        except PeerError as error:
            memory = "out of memory" in str(error).lower()
            failed[name] = Failed("out of memory" if memory else reason)
            tell(f"{name}, {peers[name].name}, {reason}: {error}")

    try:
        for name, peer in peers.items():
            with noting_failure(name, "did not start"):
                starts[name] = peer.start()
        for seed in range(repeats):
            for name, peer in peers.items():
                if name not in failed:
                    with noting_failure(name, "ended while measuring"):
                        answers[name].append(peer.measure(seed))
    finally:
        for peer in peers.values():
            peer.close()
    return {
        name: failed.get(name) or Measured([a[0] for a in each], [a[1] for a in each], starts[name])
        for name, each in answers.items()
    }


def tell(line: str) -> None:
    print(f"benchmarks.run: {line}", file=sys.stderr, flush=True)


def rate(found: Found, amount: float) -> str | Failed:
    """So much a second: the median (least to largest), or why there is none."""
    if isinstance(found, Failed):
        return found
    least, largest = amount / max(found.seconds), amount / min(found.seconds)
    return f"{amount / found.median:,.0f} ({least:,.0f} to {largest:,.0f})"


def ratio(found: Found, to: Found) -> float | None:
    """That of the medians; None where either has failed."""
    return None if isinstance(found, Failed) or isinstance(to, Failed) else found.median / to.median


def show_ratio(found: Found, to: Found) -> str:
    of_medians = ratio(found, to)
    return "" if of_medians is None else f"{of_medians:.2f}"


def show_difference(ours: Found, *theirs: Found) -> str:
    """How far losses of the same seed were apart at most; empty where there is nothing to compare."""
    measured = [each.losses[:SEEDS] for each in theirs if isinstance(each, Measured)]
    if isinstance(ours, Failed) or not measured:
        return ""
    apart = np.abs(np.array(measured) - ours.losses[:SEEDS])
    return f"{apart.max():.1e}"
