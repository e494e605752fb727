"""The training loop: where a run is after each part of an epoch, and after each epoch."""

import time
from collections.abc import Iterator
from typing import NamedTuple

from jaxlearn import metrics
from jaxlearn._check import check_whole

from ._checkpoint import copy_tree
from ._program import Program
from ._report import EpochReport, is_out_of_patience, learning_rate_of, to_number, updates_skipped
from ._state import RunState

FIRST_PART = 16  # updates, which show the speed
PART_SECONDS = 0.5


class Position(NamedTuple):
    """All that a run is between two updates.

    Attributes:
      state: good until the run goes on, which takes over its memory.
      done: updates made in this epoch; 0 after an epoch.
      reports: of the epochs before.
      seconds: what training took in this epoch.
    """

    state: RunState
    done: int
    reports: tuple[EpochReport, ...]
    seconds: float

    def copied(self) -> "Position":
        """The same in memory of its own, which a run that goes on does not take over."""
        return self._replace(state=copy_tree(self.state))


def first_position(program: Program) -> Position:
    """Where a run begins."""
    return Position(program.state, 0, (), 0.0)


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
    while len(reports) < epochs:
        start = time.perf_counter()
        for block in program.blocks(state, done):
            while done < block.end:
                begin, step = done, len(reports) * program.updates + done
                done = min(block.end, begin + (min(pace, every - step % every) if every else pace))
                state = program.advance(state, block, begin, done)
                took = time.perf_counter() - start
                seconds += took
                pace = max(1, round(PART_SECONDS / took * (done - begin)))
                if done < program.updates:
                    yield Position(state, done, reports, seconds)
                start = time.perf_counter()
        state = program.settle(state)
        reports = (*reports, _report(program, state, len(reports) + 1, seconds))
        done, seconds = 0, 0.0
        yield Position(state, done, reports, seconds)


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


def _report(program: Program, state: RunState, number: int, seconds: float) -> EpochReport:
    skipping = updates_skipped(state) is not None
    means = state.measured.means(program.examples, program.batch_size, skipping)
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
