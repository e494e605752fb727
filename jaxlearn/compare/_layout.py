"""How many runs to compute side by side: what is the fastest here, by measurement."""

import math
import time
from collections.abc import Callable, Sequence

import jax
import numpy as np

from jaxlearn.data import Split
from jaxlearn.training import RunState

from ._grid import grid_points, place_values
from ._programs import compile_grid
from ._shape import Shape, make_shape, widest
from ._task import Contender, Task

BATCHES, REPEATS = 10, 5
ENOUGH = 1.0  # seconds, after which two repeats do
MOST_GROUPS = 32  # a device, in what is measured
CLOSE = 1.1  # times as long is not worth another order of sums


def measure_width(contender: Contender, task: Task, start: RunState, devices: Sequence[jax.Device]) -> int:
    """The width with which this grid takes the least time: 1, or as many as there are points.

    On a GPU many runs side by side win by far. On a CPU it depends on the model: products of matrices get
    larger, but what a step works on falls out of the caches. Where it matters little it is 1, with which a
    run is computed as it is alone.
    """
    grid = len(grid_points(contender.axes)), len(task.seeds)
    shapes = {make_shape(*grid, width, len(devices)) for width in (1, widest(*grid, len(devices)))}
    if len(shapes) == 1:
        return 1
    calls, most = {}, max(shape.width for shape in shapes)
    for shape in shapes:
        # about as many runs in each, so that what a call costs by itself decides nothing
        groups = shape.devices * min(MOST_GROUPS, most // shape.width)
        calls[shape] = _few_batches(contender, task, start, shape._replace(groups=groups), devices)
    costs = {shape.width: math.inf for shape in shapes}
    began = time.perf_counter()
    for repeat in range(REPEATS):
        if repeat >= 2 and time.perf_counter() - began > ENOUGH:
            break
        for shape, call in calls.items():
            cost = shape.width * shape.groups * call()
            costs[shape.width] = min(costs[shape.width], cost)
    least = min(costs.values())
    return min(width for width, cost in costs.items() if cost <= CLOSE * least)


def _few_batches(
    contender: Contender, task: Task, start: RunState, shape: Shape, devices: Sequence[jax.Device]
) -> Callable[[], float]:
    """Compiles a few batches of these runs; each call gives the seconds for one of them."""
    few = task.train.labels.size // task.batch_size
    train = Split(*(part[: min(BATCHES, few) * task.batch_size] for part in task.train))
    small = task._replace(train=train, validation=Split(*(part[:1] for part in task.validation)))
    programs = compile_grid(contender, small, start, shape, devices)
    first = place_values(grid_points(contender.axes), np.zeros((shape.groups, shape.width), int))
    rows, seeds = programs.place(first), programs.place(np.zeros(shape.groups, int))
    states = programs.init(rows, seeds)
    orders = np.tile(np.arange(len(train.labels), dtype=np.int32), (len(task.seeds), 1))

    def call() -> float:
        nonlocal states
        began = time.perf_counter()
        states, _ = programs.epoch(rows, states, seeds, orders)
        return (time.perf_counter() - began) / (shape.groups * shape.width)

    return call
