"""How the runs of a grid stand in a program."""

import math
from typing import NamedTuple

import numpy as np

PADDING = 1.15  # of a device's time at most this much for runs that only fill up


class Arrangement(NamedTuple):
    """How many runs a program trains, and in which order.

    A group is `width` runs with one seed, computed side by side by `vmap`: they share their batches. A
    device works through its groups one after another (`lax.map`), the devices work at the same time.

    Attributes:
      width: runs in a group.
      groups: groups in a program, over all devices.
      devices: how many work.
    """

    width: int
    groups: int
    devices: int


def make_arrangement(
    points: int, seeds: int, width: int, devices: int, most: int | None = None
) -> Arrangement:
    """The arrangement for a grid of `points` times `seeds` runs.

    Args:
      points, seeds: of the grid.
      width: runs side by side, at most.
      devices: that there are.
      most: runs in a program at most (default: all).

    >>> make_arrangement(points=7, seeds=3, width=5, devices=2)
    Arrangement(width=4, groups=6, devices=2)
    >>> make_arrangement(7, 3, width=7, devices=2, most=3), make_arrangement(7, 3, width=7, devices=2, most=1)
    (Arrangement(width=1, groups=2, devices=2), Arrangement(width=1, groups=1, devices=1))
    """
    limit = points * seeds if most is None else most
    devices = min(devices, limit, points * seeds)
    width = max(1, min(width, limit // devices, points))
    width = math.ceil(points / math.ceil(points / width))  # no group much emptier than the others
    rounds = math.ceil(math.ceil(points / width) * seeds / devices)
    parts = 1 if most is None else math.ceil(rounds / max(1, most // (width * devices)))
    return Arrangement(width, math.ceil(rounds / parts) * devices, devices)


def widest(points: int, seeds: int, devices: int) -> int:
    """The largest width for which devices spend little time on runs that only fill up.

    >>> widest(points=7, seeds=3, devices=2), widest(points=7, seeds=3, devices=1)
    (4, 7)
    """

    arrangements = [make_arrangement(points, seeds, width, devices) for width in range(1, points + 1)]
    work = [arrangement.width * arrangement.groups for arrangement in arrangements]
    return max(s.width for s, runs in zip(arrangements, work, strict=True) if runs <= PADDING * work[0])


def arrange(points: int, seeds: int, arrangement: Arrangement) -> list[tuple[np.ndarray, np.ndarray]]:
    """Which run stands where, for each program: points of shape (groups, width), seeds of shape (groups,).

    What is left of a group or of the last program is filled up with runs that stand there already.

    >>> for point, seed in arrange(3, 1, Arrangement(width=2, groups=2, devices=1)):
    ...     print(point.tolist(), seed.tolist())
    [[0, 1], [2, 2]] [0, 0]
    """
    starts = np.arange(0, points, arrangement.width)
    point = np.minimum(starts[:, None] + np.arange(arrangement.width), points - 1)
    point, seed = np.repeat(point, seeds, axis=0), np.tile(np.arange(seeds), len(starts))
    chunks = range(0, len(seed), arrangement.groups)
    rows = [np.minimum(np.arange(at, at + arrangement.groups), len(seed) - 1) for at in chunks]
    return [(point[row], seed[row]) for row in rows]
