"""Runs whose numbers are no longer finite."""

import jax
import numpy as np

from jaxlearn.training import Position, Program, run_parts


class NonFiniteError(ArithmeticError):
    """A loss or a parameter has become NaN or infinite.

    Attributes:
      loss: before the update after which it was so.
      epoch, step: of that update, both from 1; steps count from the begin of the run.
      learning_rate: of that update, None if the optimizer's state does not tell.
      parameter: path of the first parameter that is not finite, None if all are.
    """

    def __init__(
        self, loss: float, epoch: int, step: int, learning_rate: float | None, parameter: str | None
    ):
        rate = "" if learning_rate is None else f" with learning rate {learning_rate:g}"
        after = f"parameter {parameter} is not finite" if parameter else "all parameters are finite"
        super().__init__(f"in epoch {epoch}, step {step}{rate}, the loss was {loss:g}, and {after} after it")
        self.loss, self.epoch, self.step = loss, epoch, step
        self.learning_rate, self.parameter = learning_rate, parameter


def first_bad_loss(position: Position) -> int | None:
    """The place, in the epoch of a position, of the first loss that is not finite."""
    losses = np.asarray(position.state.measured.loss)[: position.done or None]
    bad = np.flatnonzero(~np.isfinite(losses))
    return int(bad[0]) if bad.size else None


def first_bad_parameter(position: Position) -> str | None:
    """The path of the first parameter that is not finite."""
    for path, leaf in jax.tree_util.tree_leaves_with_path(position.state.params):
        if not np.isfinite(np.asarray(leaf)).all():
            return jax.tree_util.keystr(path, simple=True, separator="/")
    return None


def locate(program: Program, good: Position, bad: Position, stop: bool) -> NonFiniteError:
    """Goes through a run once more, from where it was sound, to the update after which it is not.

    First in parts as it was trained, then, in the part found, an update at a time: the numbers are the same.
    Should they not be, as on a device that adds in any order, `bad` is told.

    Args:
      program: of the run.
      good: where to begin.
      bad: where the run is known not to be sound.
      stop: whether a loss that is not finite counts; parameters do in any case.
    """
    last = int(bad.state.step)
    for every in (None, 1):
        for position in run_parts(program, good.copied(), len(bad.reports) + 1, every):
            if (stop and first_bad_loss(position) is not None) or first_bad_parameter(position):
                bad = position
                break
            if int(position.state.step) >= last:
                break
            good = position.copied()
    updates = int(bad.state.step)
    return NonFiniteError(
        float(bad.state.measured.loss[(updates - 1) % program.updates]),
        (updates - 1) // program.updates + 1,
        updates,
        bad.learning_rate,
        first_bad_parameter(bad),
    )
