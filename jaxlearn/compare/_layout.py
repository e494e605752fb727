"""How many runs to compute side by side: what is the fastest here, by measurement."""

import time
from collections.abc import Sequence

import jax
import numpy as np

from jaxlearn.data import Split
from jaxlearn.training import RunState

from ._grid import grid_points, place_values
from ._programs import compile_grid
from ._shape import Shape, make_shape, widest
from ._task import Contender, Task

BATCHES, REPEATS = 10, 5
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
    costs = {
        shape.width: shape.width * shape.groups * _seconds(contender, task, start, shape, devices)
        for shape in shapes
    }
    least = min(costs.values())
    return min(width for width, cost in costs.items() if cost <= CLOSE * least)


def _seconds(
    contender: Contender, task: Task, start: RunState, shape: Shape, devices: Sequence[jax.Device]
) -> float:
    """Seconds for one run of a few batches, in a program with one group for each device."""
    few = task.train.labels.size // task.batch_size
    train = Split(*(part[: min(BATCHES, few) * task.batch_size] for part in task.train))
    small = task._replace(train=train, validation=Split(*(part[:1] for part in task.validation)))
    programs = compile_grid(contender, small, start, shape._replace(groups=shape.devices), devices)
    first = place_values(grid_points(contender.axes), np.zeros((shape.devices, shape.width), int))
    rows, seeds = programs.place(first), programs.place(np.zeros(shape.devices, int))
    states = programs.init(rows, seeds)
    orders = np.tile(np.arange(len(train.labels), dtype=np.int32), (len(task.seeds), 1))
    seconds = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        states, _ = programs.epoch(rows, states, seeds, orders)
        seconds.append(time.perf_counter() - began)
    return min(seconds) / (shape.devices * shape.width)
