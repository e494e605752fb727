"""What is told of a run after each epoch."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax

from jaxlearn.optim import current_learning_rate, find_states, states

from ._state import RunState


class EpochReport(NamedTuple):
    """One line of `metrics.jsonl`.

    Attributes:
      epoch: from 1.
      train_loss, train_accuracy: means over the epoch, each example measured before its update.
      val_loss, val_accuracy: after the epoch; None without validation examples.
      learning_rate: of the last update; None where the optimizer's state does not tell.
      seconds: what training took, validation not counted.
    """

    epoch: int
    train_loss: float
    train_accuracy: float
    val_loss: float | None
    val_accuracy: float | None
    learning_rate: float | None
    seconds: float


def updates_skipped(state: RunState) -> int | None:
    """Updates that `optim.skip_nonfinite` has skipped so far; None without one."""
    skipping = find_states(state.opt_state, states.SkipState)
    return sum(int(skip.skipped) for skip in skipping) if skipping else None


def learning_rate_of(opt_state: Any) -> float | None:
    """The learning rate of the last update; None where the optimizer's state does not tell."""
    try:
        return to_number(current_learning_rate(opt_state))
    except ValueError:
        return None


def to_number(scalar: jax.Array) -> float:
    """An array of shape () as the shortest number that rounds to it: 0.001, not 0.0010000000474974513.

    >>> to_number(jax.numpy.float32(0.001))
    0.001
    """
    return float(str(scalar))


def best_epoch(reports: Sequence[EpochReport]) -> int | None:
    """The epoch with the highest validation accuracy, by its loss where that is equal; None without one.

    >>> reports = [EpochReport(n, 0.1, 0.9, 0.2, accuracy, 0.1, 1.0) for n, accuracy in [(1, 0.8), (2, 0.9)]]
    >>> best_epoch(reports), best_epoch([])
    (2, None)
    """
    scores = {}
    for report in reports:
        if report.val_loss is not None and not math.isnan(report.val_loss):
            accuracy = report.val_accuracy or 0.0
            scores[report.epoch] = (0.0 if math.isnan(accuracy) else accuracy, -report.val_loss)
    return max(scores, key=scores.__getitem__) if scores else None


def is_out_of_patience(reports: Sequence[EpochReport], patience: int | None) -> bool:
    """Whether the last `patience` epochs were no better than the best one; never, where that is None."""
    return patience is not None and len(reports) - (best_epoch(reports) or 0) >= patience
