"""What a sweep gave, and which of its points is chosen."""

import json
from typing import Any, NamedTuple

import numpy as np

from jaxlearn._files import to_json
from jaxlearn._store import Stored

from ._grid import edge


class Sweep(NamedTuple):
    """All runs of one optimizer on one model.

    Attributes:
      optimizer, model: names.
      points: the hyperparameters of each row.
      seeds: of each column.
      start_loss: validation loss before training, shape (seeds,).
      train_loss, train_accuracy, val_loss, val_accuracy: shape (points, seeds, epochs); accuracies are NaN
        where targets are no classes.
      test_loss: of the chosen point, shape (seeds,).
      confusion: of the chosen point on the test examples, shape (seeds, classes, classes); (seeds, 0, 0)
        where targets are no classes.
      seconds: training and validating all runs, compiling not counted.
      compile_seconds: compiling.
      arrangement: how the runs stood: width, groups and devices.
    """

    optimizer: str
    model: str
    points: list[dict[str, float]]
    seeds: list[int]
    start_loss: np.ndarray
    train_loss: np.ndarray
    train_accuracy: np.ndarray
    val_loss: np.ndarray
    val_accuracy: np.ndarray
    test_loss: np.ndarray
    confusion: np.ndarray
    seconds: float
    compile_seconds: float
    arrangement: tuple[int, int, int]

    @property
    def name(self) -> str:
        """The optimizer with its model."""
        return f"{self.optimizer} on {self.model}"

    @property
    def epochs(self) -> int:
        return self.val_loss.shape[2]

    @property
    def by_accuracy(self) -> bool:
        """Whether runs are judged by accuracy, else by loss."""
        return is_accuracy(self.val_accuracy)

    @property
    def diverged(self) -> np.ndarray:
        """Runs with a loss that is not finite, or that ended at twice the loss before training; booleans
        of shape (points, seeds)."""
        losses = np.concatenate([self.train_loss, self.val_loss], axis=2)
        worse = self.train_loss[:, :, -1] > self.start_loss + np.abs(self.start_loss)
        return np.asarray(~np.isfinite(losses).all(axis=2) | worse)

    @property
    def scores(self) -> np.ndarray:
        """What each point is judged by: mean over the seeds after the last epoch, shape (points,)."""
        return point_scores(self.val_loss[:, :, -1], self.val_accuracy[:, :, -1])

    @property
    def chosen(self) -> int:
        """The point with the best score; the first of several."""
        return int(np.argmax(self.scores))

    @property
    def edges(self) -> dict[str, str]:
        """Hyperparameters whose chosen value is the least or the largest of three or more that were tried."""
        chosen = self.points[self.chosen]
        sides = {name: edge(value, (p[name] for p in self.points)) for name, value in chosen.items()}
        return {name: side for name, side in sides.items() if side}

    @property
    def test_scores(self) -> np.ndarray:
        """Of the chosen point: test accuracy, or test loss where targets are no classes; shape (seeds,)."""
        if not self.by_accuracy:
            return self.test_loss
        return np.asarray(np.trace(self.confusion, axis1=1, axis2=2) / self.confusion.sum(axis=(1, 2)))

    def epochs_to(self, target: float) -> list[int | None]:
        """For each seed of the chosen point: epochs until the validation score was `target`; None: never."""
        curves = self.val_accuracy if self.by_accuracy else -self.val_loss
        reached = curves[self.chosen] >= (target if self.by_accuracy else -target)
        return [int(np.argmax(row)) + 1 if row.any() else None for row in reached]

    @property
    def epoch_seconds(self) -> float:
        """Seconds for an epoch of one run, in this grid: what they all took, divided by their number."""
        return self.seconds / (len(self.points) * len(self.seeds) * self.epochs)


def is_accuracy(val_accuracy: np.ndarray) -> bool:
    return not bool(np.isnan(val_accuracy).all())


def point_scores(val_loss: np.ndarray, val_accuracy: np.ndarray) -> np.ndarray:
    """Mean over seeds of accuracy or, where there is none, of minus the loss; NaN counts as the worst.

    A point is judged by all its seeds, so that one lucky run decides nothing.

    >>> loss = np.array([[1.0, 3.0], [2.5, 2.5], [0.1, np.nan]])
    >>> point_scores(loss, np.full((3, 2), np.nan))
    array([-2. , -2.5, -inf])
    """
    runs = val_accuracy if is_accuracy(val_accuracy) else -val_loss
    means = runs.mean(axis=1)
    return np.where(np.isnan(means), -np.inf, means)


def to_stored(sweep: Sweep) -> Stored:
    """A sweep as arrays and what JSON says of them; `from_stored` reads it. Infinities become NaN."""
    arrays, about = {}, {}
    for name, value in sweep._asdict().items():
        if name == "confusion":
            arrays[name] = np.asarray(value, np.int64)
        elif isinstance(value, np.ndarray):
            arrays[name] = np.where(np.isfinite(value), value, np.nan).astype(np.float64)
        else:
            about[name] = value
    return Stored(arrays, json.loads(to_json(about)))


def from_stored(stored: Stored) -> Sweep:
    """The sweep that `to_stored` took apart.

    Raises:
      KeyError, TypeError: it is none.
    """
    fields: dict[str, Any] = {**stored.about, **stored.arrays}
    return Sweep(**fields)._replace(arrangement=tuple(stored.about["arrangement"]))
