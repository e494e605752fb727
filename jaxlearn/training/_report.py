"""What is told of a run after each epoch."""

from typing import Any, NamedTuple

import jax

from jaxlearn.optim import current_learning_rate, find_states, states

from ._run import RunState


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
