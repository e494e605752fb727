"""How many runs to compute side by side: what is the fastest here, by measurement."""

import math
import time
from collections.abc import Callable, Sequence

import jax
import numpy as np

from jaxlearn._draw import Start
from jaxlearn.data import Split

from ._arrangement import Arrangement, make_arrangement, widest
from ._grid import place_values
from ._grid_program import GridProgram, compile_grids
from ._task import Contender, Task

BATCHES, REPEATS = 10, 5
ENOUGH = 1.0  # seconds, after which two repeats do
MOST_GROUPS = 32  # a device, in what is measured
CLOSE = 1.1  # times as long is not worth another order of sums


def measure_width(contender: Contender, task: Task, start: Start, devices: Sequence[jax.Device]) -> int:
    """The width with which this grid takes the least time: 1, as many as there are points, or between.

    On a GPU many runs side by side win by far. On a CPU it depends on the model: products of matrices get
    larger, but what a step works on falls out of the caches. Where it matters little it is 1, with which a
    run is computed as it is alone.
    """
    grid = len(contender.points), len(task.seeds)
    most = widest(*grid, len(devices))
    arrangements = [make_arrangement(*grid, width, len(devices)) for width in {1, math.isqrt(most), most}]
    whole = {arrangement.width: arrangement for arrangement in sorted(arrangements)}
    if len(whole) == 1:
        return 1
    # about as many runs in each, so that what a call costs by itself decides nothing
    few = [s._replace(groups=s.devices * min(MOST_GROUPS, max(whole) // s.width)) for s in whole.values()]
    calls = _few_batches(contender, task, start, few, devices)
    costs = dict.fromkeys(whole, math.inf)
    began = time.perf_counter()
    for repeat in range(REPEATS):
        if repeat >= 2 and time.perf_counter() - began > ENOUGH:
            break
        for width, call in calls.items():
            cost = width * whole[width].groups * call()
            costs[width] = min(costs[width], cost)
    least = min(costs.values())
    return min(width for width, cost in costs.items() if cost <= CLOSE * least)


def _few_batches(
    contender: Contender,
    task: Task,
    start: Start,
    arrangements: Sequence[Arrangement],
    devices: Sequence[jax.Device],
) -> dict[int, Callable[[], float]]:
    """Compiles a few batches for each arrangement; by its width a call that gives the seconds for one run."""
    few = task.train.labels.size // task.batch_size
    train = Split(*(part[: min(BATCHES, few) * task.batch_size] for part in task.train))
    small = task._replace(train=train, validation=Split(*(part[:1] for part in task.validation)))
    orders = np.tile(np.arange(len(train.labels), dtype=np.int32), (len(task.seeds), 1))

    def prepare(programs: GridProgram) -> Callable[[], float]:
        arrangement = programs.arrangement
        first = place_values(contender.points, np.zeros((arrangement.groups, arrangement.width), int))
        rows, seeds = programs.place(first), programs.place(np.zeros(arrangement.groups, int))
        states = programs.init(rows, seeds)

        def call() -> float:
            nonlocal states
            began = time.perf_counter()
            states, _ = programs.epoch(rows, states, seeds, orders)
            return (time.perf_counter() - began) / (arrangement.groups * arrangement.width)

        return call

    compiled = compile_grids(
        [(contender, arrangement) for arrangement in arrangements], small, start, devices
    )
    return {programs.arrangement.width: prepare(programs) for programs in compiled}
