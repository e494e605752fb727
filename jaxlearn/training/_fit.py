"""From data to a trained state: compile once, then one call an epoch."""

import time
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxlearn import losses, metrics
from jaxlearn._check import check_whole, whole
from jaxlearn._compile import compile_all
from jaxlearn._split import Split, check_outputs, check_together
from jaxlearn._types import Loss
from jaxlearn.nn import Layer, output_shape
from jaxlearn.optim import evaluation_parameters

from ._checkpoint import copy_tree
from ._evaluate import Evaluation, evaluate
from ._parts import Parts, join_parts, lower_parts
from ._report import EpochReport, is_out_of_patience, learning_rate_of, to_number, updates_skipped
from ._run import Means, RunState, count_updates, make_run
from ._statistics import join_settling, lower_settling

FIRST_PART = 16  # updates, by which the speed is told
PART_SECONDS = 0.5


class Program(NamedTuple):
    """A compiled run: nothing in it compiles again.

    Attributes:
      state: the first state.
      copy: `copy(state) -> state`, in memory of its own.
      parts: an epoch, a part at a time; see `run_parts`.
      settle: `settle(state) -> state`, after an epoch: where the optimizer averages parameters, the running
        statistics become those of the average, by one more pass over the training examples; see `update_bn`.
      validate: `validate(state) -> Evaluation`, or None without validation examples.
      test: `test(state) -> Evaluation`.
      compile_seconds: what compiling took.
      examples: training examples in an epoch; with `drop_last` a multiple of the batch size.
      batch_size: examples in an update; the last one of an epoch may have less.
      measured: shapes and dtypes of what the updates of an epoch measure.
    """

    state: RunState
    copy: Callable[[RunState], RunState]
    parts: Parts
    settle: Callable[[RunState], RunState]
    validate: Callable[[RunState], Evaluation] | None
    test: Callable[[RunState], Evaluation]
    compile_seconds: float
    examples: int
    batch_size: int
    measured: Means

    @property
    def updates(self) -> int:
        """Updates in an epoch."""
        return count_updates(self.examples, self.batch_size)

    def epoch(self, state: RunState) -> tuple[RunState, Means]:
        """Every example once, but for what is left out. `state` stays as it is: what is trained is a copy."""
        state = self.copy(state)
        parts = self.parts(state, self.nothing_measured(), 0, lambda done: self.updates)
        state, measured, _ = deque(parts, maxlen=1).pop()
        return self.settle(state), self.means(measured)

    def nothing_measured(self) -> Means:
        return jax.device_put(jax.tree.map(lambda like: np.zeros(like.shape, like.dtype), self.measured))

    def means(self, measured: Means, skipping: bool = False) -> Means:
        """Means over an epoch out of what its updates measured; of what is finite, if `skipping`."""
        sizes = np.full(self.updates, self.batch_size)
        sizes[-1] = self.examples - self.batch_size * (self.updates - 1)

        def mean(all: np.ndarray) -> Any:
            counted = np.isfinite(all) if skipping and np.isfinite(all).any() else slice(None)
            return np.average(all[counted], weights=sizes[counted]).astype(all.dtype)

        return jax.tree.map(mean, jax.device_get(measured))


def compile_run(
    model: Layer,
    optimizer: Any,
    train: Split,
    validation: Split,
    test: Split,
    *,
    batch_size: int,
    seed: int,
    loss: Loss = losses.cross_entropy,
    at_a_time: int | None = None,
    drop_last: bool = False,
) -> Program:
    """Moves the data to the device, draws the first parameters and compiles everything that follows.

    Args:
      model: for one example; see `jaxlearn.nn`.
      optimizer: a pair of `init` and `update`, from jaxlearn or optax.
      train, validation, test: examples; `validation` may hold none.
      batch_size: examples in an update.
      seed: of the first parameters, the shuffling and dropout.
      loss: `loss(logits, labels)` of a batch.
      at_a_time: training examples on the device at a time, where it cannot hold all of them: a multiple of
        the batch size. The next are read meanwhile, such as out of a `numpy.memmap`. Default: all.
      drop_last: whether every epoch leaves out a last batch that would be smaller, as PyTorch's `DataLoader`.

    Raises:
      TypeError: what is no split, images or labels that are not numbers.
      ValueError: a batch size below 1 or above the number of training examples; `at_a_time` that is no
        multiple of it; images and labels that are not as many; splits that do not look alike; a label for
        which the model has no output.
    """
    start = time.perf_counter()
    train, validation, test = check_together(train=train, validation=validation, test=test)
    batch_size, seed = check_whole("batch_size", batch_size, 1), check_whole("seed", seed, 0, 2**32 - 1)
    if batch_size > len(train.labels):
        raise ValueError(f"batch_size must be at most the {len(train.labels)} examples, got {batch_size}")
    held = None if at_a_time is None else whole(at_a_time) or 0
    if held is not None and (held < 1 or held % batch_size):
        raise ValueError(f"at_a_time must be a multiple of the batch size {batch_size}, got {at_a_time!r}")
    at_a_time = held
    run = make_run(model, optimizer, batch_size=batch_size, loss=loss, drop_last=drop_last)
    key, shape = jax.random.key(seed), train.images.shape[1:]
    init = jax.jit(run.init, static_argnums=1).lower(key, shape)
    like = init.out_info
    outputs = output_shape(model, like.params, like.model_state, shape)
    check_outputs(outputs, train=train, validation=validation, test=test)

    def score(state: RunState, images: jax.Array, labels: jax.Array) -> Evaluation:
        params = evaluation_parameters(state.opt_state, state.params)
        return evaluate(model, params, state.model_state, images, labels, loss=loss)

    held_out = {"test": test} | ({"validation": validation} if len(validation.labels) else {})
    batch = (
        jax.ShapeDtypeStruct((batch_size, *array.shape[1:]), jax.dtypes.canonicalize_dtype(array.dtype))
        for array in train
    )
    _, means = jax.eval_shape(run.step, like, *batch)
    updates = count_updates(len(train.labels), batch_size, drop_last)
    used = updates * batch_size if drop_last else len(train.labels)
    measured = jax.tree.map(lambda mean: jax.ShapeDtypeStruct((updates,), mean.dtype), means)
    compiled = compile_all({
        "init": init,
        "copy": jax.jit(partial(jax.tree.map, jnp.copy)).lower(like),
        "parts": lower_parts(run, like, measured, train, used, batch_size, at_a_time),
        "settling": lower_settling(model, like, train.images, used, batch_size, at_a_time),
        **{name: jax.jit(score).lower(like, *split) for name, split in held_out.items()},
    })  # fmt: skip
    scores = {name: partial(_call, compiled[name], jax.device_put(split)) for name, split in held_out.items()}
    if at_a_time is None:
        train = jax.device_put(train)
    parts = join_parts(compiled["parts"], train, used, batch_size, at_a_time)
    settle = join_settling(compiled["settling"], train.images, used, batch_size, at_a_time)
    state = compiled["init"](key)
    seconds = time.perf_counter() - start
    validate = scores.get("validation")
    return Program(
        state, compiled["copy"], parts, settle, validate, scores["test"], seconds, used, batch_size, measured
    )


def _call(compiled: Any, split: Split, state: RunState) -> Any:
    return jax.block_until_ready(compiled(state, *split))


class Position(NamedTuple):
    """All that a run is between two updates.

    Attributes:
      state: good until the run goes on, which takes over its memory.
      measured: loss and accuracy of each update of this epoch, those to come not counted.
      done: updates made in this epoch; 0 after an epoch.
      reports: of the epochs before.
      seconds: what training took in this epoch.
    """

    state: RunState
    measured: Means
    done: int
    reports: tuple[EpochReport, ...]
    seconds: float

    def copied(self) -> "Position":
        """The same in memory of its own, which a run that goes on does not take over."""
        state, measured = copy_tree((self.state, self.measured))
        return self._replace(state=state, measured=measured)


def first_position(program: Program) -> Position:
    """Where a run begins."""
    return Position(program.state, program.nothing_measured(), 0, (), 0.0)


def run_parts(
    program: Program, position: Position, epochs: int, every: int | None = None
) -> Iterator[Position]:
    """Trains, and yields where it is after each part of an epoch.

    The batches and their results are the same wherever parts end.

    Args:
      program: what to run.
      position: where to begin.
      epochs: how many there are to be in all.
      every: number of updates in the run after each multiple of which a part ends. Besides, parts end after
        about half a second.
    """
    epochs = check_whole("epochs", epochs, 0)
    every = None if every is None else check_whole("every", every, 1)
    state, measured, done, reports, seconds = position
    pace = FIRST_PART

    def until(done: int) -> int:
        before = len(reports) * program.updates + done
        return done + min(pace, every - before % every if every else pace)

    while len(reports) < epochs:
        start, before = time.perf_counter(), done
        parts = program.parts(state, measured, done, until)
        for state, measured, done in parts:
            took = time.perf_counter() - start
            seconds += took
            pace = max(1, round(PART_SECONDS / took * (done - before)))
            before = done
            if done < program.updates:
                yield Position(state, measured, done, reports, seconds)
            start = time.perf_counter()
        state = program.settle(state)
        reports = (*reports, _report(program, state, measured, len(reports) + 1, seconds))
        done, seconds = 0, 0.0
        yield Position(state, measured, done, reports, seconds)


def fit(
    program: Program, epochs: int, *, start: Position | None = None, patience: int | None = None
) -> Iterator[tuple[RunState, EpochReport]]:
    """Trains, and yields the state and a report after each epoch.

    A state that is kept stays as it is, at the price of a copy of it after each epoch. So the best epoch of a
    run that is stopped early is `max(fit(program, 50, patience=5), key=lambda after: after[1].val_accuracy)`.

    Args:
      program: what to run; it may be run again.
      epochs: how many there are to be in all, those before `start` counted.
      start: where to go on, such as `restore` finds; default: at the beginning.
      patience: ends the run when this many epochs, one after the other, were no better than the best one by
        validation accuracy or, where that is equal, loss; from 1. Default: never.

    Raises:
      ValueError: a number below its range; patience without validation examples.

    >>> from jaxlearn import data, nn, optim
    >>> digits = data.load("digits")
    >>> train, validation = data.hold_out(digits.train, 100)
    >>> model = nn.sequential(nn.flatten, nn.linear(10))
    >>> program = compile_run(
    ...     model, optim.adam(1e-2), train, validation, digits.test, batch_size=64, seed=0
    ... )
    >>> *_, (state, report) = fit(program, epochs=3)
    >>> report.epoch, int(state.step), report.val_accuracy > 0.8
    (3, 63, True)
    """
    patience = None if patience is None else check_whole("patience", patience, 1)
    if patience is not None and program.validate is None:
        raise ValueError(f"patience needs validation examples, got patience={patience} without")
    return _fit(program, epochs, (start or first_position(program)).copied(), patience)


def _fit(
    program: Program, epochs: int, start: Position, patience: int | None
) -> Iterator[tuple[RunState, EpochReport]]:
    if is_out_of_patience(start.reports, patience):
        return
    for position in run_parts(program, start, epochs):
        if not position.done:
            yield program.copy(position.state), position.reports[-1]
            if is_out_of_patience(position.reports, patience):
                return


def _report(program: Program, state: RunState, measured: Means, number: int, seconds: float) -> EpochReport:
    means = program.means(measured, skipping=updates_skipped(state) is not None)
    result = program.validate(state) if program.validate else None
    return EpochReport(
        epoch=number,
        train_loss=to_number(means.loss),
        train_accuracy=to_number(means.accuracy),
        val_loss=to_number(result.loss) if result else None,
        val_accuracy=to_number(metrics.accuracy(result.confusion)) if result else None,
        learning_rate=learning_rate_of(state.opt_state),
        seconds=seconds,
    )
