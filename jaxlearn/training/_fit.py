"""The training loop: where a run is after each part of an epoch, and after each epoch."""

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from jaxlearn import metrics
from jaxlearn._check import check_whole
from jaxlearn._dtype import shortest

from ._position import EpochReport, Position
from ._program import Program
from ._state import RunState

FIRST_PART = 16  # updates, which show the speed
PART_SECONDS = 0.5


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
    state, done, reports, seconds = position
    pace = FIRST_PART
    epoch = int(state.step) // program.updates
    while epoch < epochs:
        start = time.perf_counter()
        for block in program.blocks(state, done):
            while done < block.end:
                begin, step = done, epoch * program.updates + done
                done = min(block.end, begin + (min(pace, every - step % every) if every else pace))
                state = program.advance(state, block, begin, done)
                took = time.perf_counter() - start
                seconds += took
                pace = max(1, round(PART_SECONDS / took * (done - begin)))
                if done < program.updates:
                    yield Position(state, done, reports, seconds)
                start = time.perf_counter()
        state = program.settle(state)
        epoch += 1
        reports = (*reports, _report(program, Position(state, 0, reports, seconds), epoch))
        done, seconds = 0, 0.0
        yield Position(state, done, reports, seconds)


def fit(
    program: Program,
    epochs: int,
    *,
    start: RunState | Position | None = None,
    patience: int | None = None,
    callbacks: Sequence[Callable[[EpochReport], Any]] = (),
) -> Iterator[tuple[RunState, EpochReport]]:
    """Trains, and yields the state and a report after each epoch.

    A state that is kept stays as it is, at the price of a copy of it after each epoch. So the best epoch of a
    run that is stopped early is `max(fit(program, 50, patience=5), key=lambda after: after[1].val_accuracy)`.

    Args:
      program: what to run; it may be run again.
      epochs: how many there are to be in all, those before `start` counted.
      start: where to go on: a state, such as `load_checkpoint` reads, or a position, such as
        `recording.restore` finds, which knows the epochs before, too; default: at the beginning.
      callbacks: each is called with every report, such as `report.log_tensorboard(folder)`.
      patience: ends the run when this many epochs, one after the other, were no better than the best one by
        validation accuracy or, where that is equal, loss; from 1. Default: never.

    Raises:
      ValueError: a number below its range; patience without validation examples.

    >>> from jaxlearn import data, nn, optim
    >>> from jaxlearn.training import compile_run
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
    state = program.state if start is None else start
    position = state if isinstance(state, Position) else Position(state, int(state.step) % program.updates)
    return _fit(program, epochs, position.copied(), patience, callbacks)


def _fit(
    program: Program,
    epochs: int,
    start: Position,
    patience: int | None,
    callbacks: Sequence[Callable[[EpochReport], Any]],
) -> Iterator[tuple[RunState, EpochReport]]:
    if start.is_out_of_patience(patience):
        return
    for position in run_parts(program, start, epochs):
        if not position.done:
            for callback in callbacks:
                callback(position.reports[-1])
            yield program.copy(position.state), position.reports[-1]
            if position.is_out_of_patience(patience):
                return


def _report(program: Program, position: Position, epoch: int) -> EpochReport:
    """What the epoch gave that ends at a position."""
    skipping = position.updates_skipped is not None
    means = position.state.measured.means(program.examples, program.batch_size, skipping)
    result = program.validate(position.state) if program.validate else None
    return EpochReport(
        epoch=epoch,
        train_loss=float(shortest(means.loss)),
        train_accuracy=float(shortest(means.accuracy)),
        val_loss=float(shortest(result.loss)) if result else None,
        val_accuracy=float(shortest(metrics.accuracy(result.confusion))) if result else None,
        learning_rate=position.learning_rate,
        seconds=position.seconds,
    )
