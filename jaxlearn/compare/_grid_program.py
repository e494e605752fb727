"""The compiled programs of a grid."""

import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.sharding import Mesh

from jaxlearn import metrics, optim
from jaxlearn._compile import compile_all
from jaxlearn._draw import Start
from jaxlearn.data import Split
from jaxlearn.training import RunState

from ._arrangement import Arrangement, make_arrangement
from ._engine import make_mesh, over_runs, place
from ._grid import place_values
from ._memory import needed_memory, show_size
from ._task import Contender, Task, score_run

# runs with one seed have one random key, hence the same batches
STATE_AXES: Any = RunState(0, 0, 0, None, None, 0)  # type: ignore[arg-type]


class GridProgram(NamedTuple):
    """A compiled grid.

    Attributes:
      init: `init(values, seeds) -> states`, with places in `Task.seeds`.
      epoch: `epoch(values, states, seeds, orders) -> (states, (loss, accuracy))`, these on the validation
        examples; gives the memory of its states to its result.
      arrangement: how the runs stand.
      place: moves values and seeds to the devices.
      memory: bytes that `epoch` takes.
      seconds: what compiling took: its share, where several grids were compiled at the same time.
    """

    init: Callable[..., Any]
    epoch: Callable[..., Any]
    arrangement: Arrangement
    place: Callable[[Any], Any]
    memory: int
    seconds: float


def compile_grids(
    grids: Sequence[tuple[Contender, Arrangement]], task: Task, start: Start, devices: Sequence[jax.Device]
) -> list[GridProgram]:
    """Compiles what trains a program's worth of runs of each contender, all of them at the same time.

    Args:
      grids: contenders on one model, and how the runs of each stand.
      task: what they train on.
      start: that of `Scoring`.
      devices: the first of them are used, as many as an arrangement says.
    """
    began = time.perf_counter()
    meshes = {arrangement.devices: make_mesh(devices[: arrangement.devices]) for _, arrangement in grids}
    data = {n: place(mesh, (start, task.train, task.validation), across=False) for n, mesh in meshes.items()}
    places = [
        (arrangement, meshes[arrangement.devices], data[arrangement.devices]) for _, arrangement in grids
    ]
    lowered = [_lower(grid[0], task, *where) for grid, where in zip(grids, places, strict=True)]
    compiled = compile_all(lowered)
    seconds = (time.perf_counter() - began) / len(grids)
    return [_join(pair, *where, seconds) for pair, where in zip(compiled, places, strict=True)]


def _lower(
    contender: Contender, task: Task, arrangement: Arrangement, mesh: Mesh, data: tuple[Start, Split, Split]
) -> tuple[jax.stages.Lowered, jax.stages.Lowered]:
    """The programs of `GridProgram.init` and `GridProgram.epoch`."""

    def init(point: dict[str, Any], seed: jax.Array, start: Start) -> RunState:
        run = task.make_run(contender.model, contender.make(**point))
        return run.init(jax.tree.map(lambda leaf: leaf[seed], start), task.train)

    def epoch(
        point: Any, state: RunState, seed: Any, orders: Any, train: Split, validation: Split
    ) -> tuple[RunState, tuple[jax.Array, jax.Array]]:
        run = task.make_run(contender.model, contender.make(**point))
        state = run.settle(run.advance(state, train, orders[seed]), train.images)
        params = optim.evaluation_parameters(state.opt_state, state.params)
        score = score_run(contender.model, task, (params, state.model_state), validation)
        return state, (score.loss, metrics.accuracy(score.confusion))

    rows = np.zeros((arrangement.groups, arrangement.width), int)
    values = place_values(contender.points, rows)
    values, seeds = place(mesh, (values, np.zeros(arrangement.groups, int)), across=True)
    orders = place(mesh, np.zeros((len(task.seeds), len(task.train.labels)), np.int32), across=False)
    start, train, validation = data
    first = jax.jit(over_runs(init, mesh, arrangement.width, (0, None), STATE_AXES, shared=1))
    states = jax.eval_shape(first, values, seeds, start)
    many = over_runs(epoch, mesh, arrangement.width, (0, STATE_AXES, None), (STATE_AXES, 0), shared=3)
    all_runs = jax.jit(many, donate_argnums=1)
    return (
        first.lower(values, seeds, start),
        all_runs.lower(values, states, seeds, orders, train, validation),
    )


def _join(
    compiled: Any, arrangement: Arrangement, mesh: Mesh, data: tuple[Start, Split, Split], seconds: float
) -> GridProgram:
    """The compiled programs of a grid with the data that they read."""
    (init, epoch), (start, train, validation) = compiled, data

    def next_epoch(values: Any, states: RunState, seeds: Any, orders: Any) -> Any:
        orders = place(mesh, orders, across=False)
        return jax.block_until_ready(epoch(values, states, seeds, orders, train, validation))

    return GridProgram(
        lambda values, seeds: init(values, seeds, start),
        next_epoch,
        arrangement,
        lambda tree: place(mesh, tree, across=True),
        needed_memory(epoch, arrangement.devices),
        seconds,
    )


def compile_to_fit(
    contenders: Sequence[Contender],
    task: Task,
    start: Start,
    width: int,
    devices: Sequence[jax.Device],
    memory: int | None,
) -> list[GridProgram]:
    """Compiles for as many runs at once as `memory` bytes hold, by what the compiler says they take.

    Raises:
      ValueError: one run alone needs more.
    """

    def grid(contender: Contender, most: int | None = None) -> tuple[Contender, Arrangement]:
        points, seeds = len(contender.points), len(task.seeds)
        return contender, make_arrangement(points, seeds, width, len(devices), most)

    def compile_for(contender: Contender, most: int) -> GridProgram:
        return compile_grids([grid(contender, most)], task, start, devices)[0]

    def fit(contender: Contender, whole: GridProgram) -> GridProgram:
        if memory is None or whole.memory <= memory:
            return whole
        one = compile_for(contender, 1)
        if one.memory > memory:
            raise ValueError(
                f"max_memory must be at least {show_size(one.memory)}, which is what one run of "
                f"{contender.name} takes, got {show_size(memory)}"
            )
        each = (whole.memory - one.memory) / (whole.arrangement.width * whole.arrangement.groups - 1)
        most = 1 + int((memory - one.memory) / each)
        while (programs := compile_for(contender, most)).memory > memory:
            most = most * 9 // 10
        return programs

    together = compile_grids([grid(contender) for contender in contenders], task, start, devices)
    return [fit(*pair) for pair in zip(contenders, together, strict=True)]
