"""Where a run is: its state, and what has been reported of its epochs."""

import math
from typing import NamedTuple

from jaxlearn._checkpoint import copy_tree
from jaxlearn._dtype import shortest
from jaxlearn.optim import current_learning_rate, find_states, states

from ._state import RunState


class EpochReport(NamedTuple):
    """What an epoch gave: one line of `metrics.jsonl`.

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


class Position(NamedTuple):
    """All that a run is between two updates; `Position(program.state)` is its beginning.

    Attributes:
      state: good until the run goes on, which takes over its memory.
      done: updates made in this epoch; 0 after an epoch.
      reports: of the epochs before.
      seconds: what training took in this epoch.

    >>> from types import SimpleNamespace
    >>> epochs = enumerate([0.8, 0.9, 0.85], start=1)
    >>> reports = (EpochReport(n, 0.1, 0.9, 0.2, accuracy, 0.1, 1.0) for n, accuracy in epochs)
    >>> position = Position(SimpleNamespace(), reports=tuple(reports))
    >>> position.best_epoch, position.is_out_of_patience(1), position.is_out_of_patience(2)
    (2, True, False)
    """

    state: RunState
    done: int = 0
    reports: tuple[EpochReport, ...] = ()
    seconds: float = 0.0

    def copied(self) -> "Position":
        """The same in memory of its own, which a run that goes on does not take over."""
        return self._replace(state=copy_tree(self.state))

    @property
    def best_epoch(self) -> int | None:
        """That with the highest validation accuracy, by its loss where that is equal; None without one."""
        scores = {}
        for report in self.reports:
            if report.val_loss is not None and not math.isnan(report.val_loss):
                accuracy = report.val_accuracy or 0.0
                scores[report.epoch] = (0.0 if math.isnan(accuracy) else accuracy, -report.val_loss)
        return max(scores, key=scores.__getitem__) if scores else None

    def is_out_of_patience(self, patience: int | None) -> bool:
        """Whether the last `patience` epochs were no better than the best one; never, where that is None."""
        if patience is None or not self.reports:
            return False
        best = self.best_epoch or self.reports[0].epoch - 1
        return self.reports[-1].epoch - best >= patience

    @property
    def learning_rate(self) -> float | None:
        """That of the last update; None where the optimizer's state does not tell."""
        try:
            return float(shortest(current_learning_rate(self.state.opt_state)))
        except ValueError:
            return None

    @property
    def updates_skipped(self) -> int | None:
        """Updates that `optim.skip_nonfinite` has skipped so far; None without one."""
        skipping = find_states(self.state.opt_state, states.SkipState)
        return sum(int(skip.skipped) for skip in skipping) if skipping else None
