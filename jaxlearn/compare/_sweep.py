"""All learning rates and seeds of one optimizer, trained together."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxlearn import losses, metrics, optim
from jaxlearn.data import Split
from jaxlearn.nn import Layer
from jaxlearn.training import Evaluation, RunState, draw_order, evaluate, make_run
from jaxlearn.training._run import Loss

from ._engine import make_mesh, over_runs, place
from ._grid import grid_points
from ._memory import needed_memory, show_size
from ._result import Sweep, point_scores
from ._shape import Shape, arrange, make_shape

# runs with one seed have one random key, hence the same batches
STATE_AXES: Any = RunState(0, 0, 0, None, None)  # type: ignore[arg-type]


class Contender(NamedTuple):
    """An optimizer on a model, and where its best hyperparameters are looked for.

    Attributes:
      optimizer: its name.
      make: `make(**point)` gives a pair of `init` and `update`, from jaxlearn or optax; it is called with
        traced numbers, so that one program serves every point.
      axes: for each hyperparameter that is searched, the values to try.
      model: for one example; see `jaxlearn.nn`.
      model_name: told apart from other models by it.
    """

    optimizer: str
    make: Callable[..., Any]
    axes: Mapping[str, Sequence[float]]
    model: Layer
    model_name: str = "model"


class Task(NamedTuple):
    """What every contender is compared on, and the budget of a run.

    Attributes:
      train, validation, test: examples to learn from, to choose by, and to look at once.
      seeds: of the runs; the same seed gives every optimizer the same first weights and batches.
      epochs, batch_size: of every run.
      loss: `loss(outputs, targets)` of a batch.
    """

    train: Split
    validation: Split
    test: Split
    seeds: tuple[int, ...]
    epochs: int
    batch_size: int
    loss: Loss = losses.cross_entropy


class Record(NamedTuple):
    """What an epoch of a run gives, shape () each; or what all epochs of all runs gave."""

    train_loss: Any
    train_accuracy: Any
    val_loss: Any
    val_accuracy: Any


class Scoring(NamedTuple):
    """What all optimizers on one model have in common.

    Attributes:
      start: states before training, without those of an optimizer, stacked over the seeds.
      start_loss: their validation loss, shape (seeds,).
      orders: `orders(epoch)`: the orders of the training examples, int32 of shape (seeds, examples).
      test: `test(params, model_state) -> Evaluation` on the test examples, of runs that are stacked.
    """

    start: RunState
    start_loss: np.ndarray
    orders: Callable[[int], jax.Array]
    test: Callable[[Any, Any], Evaluation]


def make_scoring(model: Layer, task: Task) -> Scoring:
    run = make_run(model, optim.sgd(0.0), batch_size=task.batch_size, loss=task.loss)
    examples = len(task.train.labels)

    @jax.jit
    def start(seeds: jax.Array, validation: Split) -> tuple[RunState, jax.Array]:
        def one(seed: jax.Array) -> tuple[RunState, jax.Array]:
            state = run.init(jax.random.key(seed), task.train.images.shape[1:])
            loss = _evaluate(model, task, (state.params, state.model_state), validation).loss
            return state._replace(opt_state=()), loss

        return jax.lax.map(one, seeds)

    @jax.jit
    def orders(keys: jax.Array, step: jax.Array) -> jax.Array:
        return jax.lax.map(lambda key: draw_order(key, step, examples), keys)

    @jax.jit
    def test(runs: Any, examples: Split) -> Evaluation:
        return jax.lax.map(lambda run: _evaluate(model, task, run, examples), runs)

    states, losses = start(np.array(task.seeds, np.uint32), task.validation)
    steps = math.ceil(examples / task.batch_size)
    return Scoring(
        states,
        _shortest(losses),
        lambda epoch: orders(states.key, jnp.asarray(epoch * steps)),
        lambda params, model_state: test((params, model_state), task.test),
    )


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
        score = _evaluate(contender.model, task, (params, state.model_state), validation)
        return state, Record(means.loss, means.accuracy, score.loss, metrics.accuracy(score.confusion))

    start, train, validation = place(mesh, (start, task.train, task.validation), across=False)
    values = {name: jnp.zeros((shape.groups, shape.width)) for name in contender.axes}
    values, seeds = place(mesh, (values, np.zeros(shape.groups, int)), across=True)
    orders = place(mesh, np.zeros((len(task.seeds), len(task.train.labels)), np.int32), across=False)

    first = jax.jit(over_runs(init, mesh, shape.width, (0, None), STATE_AXES, shared=1))
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


def _evaluate(model: Layer, task: Task, run: tuple[Any, Any], examples: Any) -> Evaluation:
    return evaluate(model, *run, examples.images, examples.labels, loss=task.loss)


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
            f"{contender.optimizer} on {contender.model_name} takes, got {show_size(memory)}"
        )
    each = (programs.memory - one.memory) / (programs.shape.width * programs.shape.groups - 1)
    most = 1 + int((memory - one.memory) / each)
    while (programs := compile_for(most)).memory > memory:
        most = most * 9 // 10
    return programs


def train_sweep(
    contender: Contender,
    task: Task,
    programs: Programs,
    scoring: Scoring,
    report: Callable[[int], None],
) -> Sweep:
    """Trains every point with every seed, chooses a point, and looks at the test examples with it.

    Args:
      contender, task: what to train.
      programs: as from `compile_to_fit`.
      scoring: as from `make_scoring`.
      report: called after each epoch of a program with the number of runs that went through it.
    """
    points, seeds = grid_points(contender.axes), task.seeds
    values = {name: np.array([point[name] for point in points]) for name in contender.axes}
    record = Record(*(np.full((len(points), len(seeds), task.epochs), np.nan) for _ in Record._fields))
    done = np.zeros((len(points), len(seeds)), bool)
    finished: dict[tuple[int, int], Any] = {}
    seconds = 0.0
    for point, seed in arrange(*done.shape, programs.shape):
        rows = programs.place({name: jnp.asarray(numbers[point]) for name, numbers in values.items()})
        places = programs.place(seed)
        states = programs.init(rows, places)
        for epoch in range(task.epochs):
            began = time.perf_counter()
            states, measured = programs.epoch(rows, states, places, scoring.orders(epoch))
            seconds += time.perf_counter() - began
            for into, numbers in zip(record, measured, strict=True):
                into[point, seed[:, None], epoch] = _shortest(numbers)
            report(len(np.unique(point * len(seeds) + seed[:, None])))
        done[point, seed[:, None]] = True
        finished |= _take_runs(states, point, seed)
        finished = _forget_beaten(finished, done, record)
    chosen = int(np.argmax(point_scores(record.val_loss[..., -1], record.val_accuracy[..., -1])))
    result = scoring.test(*_stack([finished[chosen, s] for s in range(len(seeds))]))
    return Sweep(
        contender.optimizer,
        contender.model_name,
        points,
        list(task.seeds),
        scoring.start_loss,
        *record,
        test_loss=_shortest(result.loss),
        confusion=np.asarray(result.confusion),
        seconds=seconds,
        compile_seconds=programs.seconds,
        shape=programs.shape,
    )


def _take_runs(states: RunState, point: np.ndarray, seed: np.ndarray) -> dict[tuple[int, int], Any]:
    """What it takes to evaluate each run, by point and seed, in the memory of the host."""
    held = jax.device_get((states.opt_state, states.params, states.model_state))

    def run(at: tuple[int, ...]) -> Any:
        return jax.tree.map(lambda leaf: leaf[at].copy(), held)

    return {(int(point[at]), int(seed[at[0]])): run(at) for at in np.ndindex(point.shape)}


def _forget_beaten(finished: dict[tuple[int, int], Any], done: np.ndarray, record: Record) -> dict[Any, Any]:
    """Leaves out the runs of points that are complete and not the best so far."""
    complete = np.asarray(done.all(axis=1))
    scores = point_scores(record.val_loss[..., -1], record.val_accuracy[..., -1])
    best = int(np.argmax(np.where(complete, scores, -np.inf)))
    return {at: run for at, run in finished.items() if at[0] == best or not complete[at[0]]}


def _stack(runs: list[Any]) -> tuple[Any, Any]:
    """Parameters to evaluate and model states of several runs, with an axis of runs in front."""
    opt_state, params, model_state = jax.tree.map(lambda *leaves: jnp.stack(leaves), *runs)
    return jax.vmap(optim.evaluation_parameters)(opt_state, params), model_state


def _shortest(numbers: Any) -> np.ndarray:
    """Numbers of the device as the shortest doubles that round to them: 0.001, not 0.0010000000474974513."""
    numbers = np.asarray(numbers)
    return np.array([float(str(number)) for number in numbers.ravel()]).reshape(numbers.shape)
