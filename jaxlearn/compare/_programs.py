"""The compiled programs of a grid."""

import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxlearn import metrics, optim
from jaxlearn.data import Split
from jaxlearn.training import RunState, make_run
from jaxlearn.training._run import RUNS_ONCE

from ._engine import make_mesh, over_runs, place
from ._grid import grid_points, place_values
from ._memory import needed_memory, show_size
from ._shape import Shape, make_shape
from ._task import Contender, Task, score_run

# runs with one seed have one random key, hence the same batches
STATE_AXES: Any = RunState(0, 0, 0, None, None)  # type: ignore[arg-type]


class Record(NamedTuple):
    """What an epoch of a run gives, shape () each; or what all epochs of all runs gave."""

    train_loss: Any
    train_accuracy: Any
    val_loss: Any
    val_accuracy: Any


class Programs(NamedTuple):
    """A compiled grid.

    Attributes:
      init: `init(values, seeds) -> states`, with places in `Task.seeds`.
      epoch: `epoch(values, states, seeds, orders) -> (states, Record)`; gives the memory of its states to
        its result.
      shape: how the runs stand.
      place: moves values and seeds to the devices.
      memory: bytes that `epoch` takes.
      seconds: what compiling took.
    """

    init: Callable[..., Any]
    epoch: Callable[..., Any]
    shape: Shape
    place: Callable[[Any], Any]
    memory: int
    seconds: float


def compile_grid(
    contender: Contender, task: Task, start: RunState, shape: Shape, devices: Sequence[jax.Device]
) -> Programs:
    """Compiles what trains a program's worth of runs, from the states of `Scoring.start`."""
    began = time.perf_counter()
    mesh = make_mesh(devices[: shape.devices])

    def init(point: dict[str, Any], seed: jax.Array, start: RunState) -> RunState:
        first: RunState = jax.tree.map(lambda leaf: leaf[seed], start)
        return first._replace(opt_state=contender.make(**point).init(first.params))

    def epoch(point: Any, state: RunState, seed: Any, orders: Any, train: Split, validation: Split) -> Any:
        run = make_run(contender.model, contender.make(**point), batch_size=task.batch_size, loss=task.loss)
        state, means = run.epoch(state, train.images, train.labels, orders[seed])
        params = optim.evaluation_parameters(state.opt_state, state.params)
        score = score_run(contender.model, task, (params, state.model_state), validation)
        return state, Record(means.loss, means.accuracy, score.loss, metrics.accuracy(score.confusion))

    start, train, validation = place(mesh, (start, task.train, task.validation), across=False)
    rows = np.zeros((shape.groups, shape.width), int)
    values = place_values(grid_points(contender.axes), rows)
    values, seeds = place(mesh, (values, np.zeros(shape.groups, int)), across=True)
    orders = place(mesh, np.zeros((len(task.seeds), len(task.train.labels)), np.int32), across=False)

    start_runs = over_runs(init, mesh, shape.width, (0, None), STATE_AXES, shared=1)
    first = jax.jit(start_runs, compiler_options=RUNS_ONCE)
    states = jax.eval_shape(first, values, seeds, start)
    many = over_runs(epoch, mesh, shape.width, (0, STATE_AXES, None), (STATE_AXES, 0), shared=3)
    lowered = jax.jit(many, donate_argnums=1).lower(values, states, seeds, orders, train, validation)
    compiled = lowered.compile()

    def next_epoch(values: Any, states: RunState, seeds: Any, orders: Any) -> Any:
        orders = place(mesh, orders, across=False)
        return jax.block_until_ready(compiled(values, states, seeds, orders, train, validation))

    return Programs(
        lambda values, seeds: first(values, seeds, start),
        next_epoch,
        shape,
        lambda tree: place(mesh, tree, across=True),
        needed_memory(compiled, shape.devices),
        time.perf_counter() - began,
    )


def compile_to_fit(
    contender: Contender,
    task: Task,
    start: RunState,
    width: int,
    devices: Sequence[jax.Device],
    memory: int,
) -> Programs:
    """Compiles for as many runs at once as `memory` bytes hold, by what the compiler says it takes.

    Raises:
      ValueError: one run alone needs more.
    """
    points, seeds = len(grid_points(contender.axes)), len(task.seeds)

    def compile_for(most: int | None = None) -> Programs:
        shape = make_shape(points, seeds, width, len(devices), most)
        return compile_grid(contender, task, start, shape, devices)

    programs = compile_for()
    if programs.memory <= memory:
        return programs
    one = compile_for(1)
    if one.memory > memory:
        raise ValueError(
            f"max_memory must be at least {show_size(one.memory)}, which is what one run of "
            f"{contender.name} takes, got {show_size(memory)}"
        )
    each = (programs.memory - one.memory) / (programs.shape.width * programs.shape.groups - 1)
    most = 1 + int((memory - one.memory) / each)
    while (programs := compile_for(most)).memory > memory:
        most = most * 9 // 10
    return programs
