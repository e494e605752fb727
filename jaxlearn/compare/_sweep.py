"""All learning rates and seeds of one optimizer, trained together."""

import time
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxlearn import optim
from jaxlearn._dtype import shortest
from jaxlearn.training import RunState

from ._arrangement import arrange
from ._grid import place_values
from ._grid_program import GridProgram
from ._result import Sweep, point_scores
from ._task import Contender, Scoring, Task


class Curves(NamedTuple):
    """What every epoch of every run gave; shape (points, seeds, epochs) each."""

    train_loss: np.ndarray
    train_accuracy: np.ndarray
    val_loss: np.ndarray
    val_accuracy: np.ndarray


def train_sweep(
    contender: Contender,
    task: Task,
    programs: GridProgram,
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
    points, seeds, examples = contender.points, task.seeds, task.used
    curves = Curves(*(np.full((len(points), len(seeds), task.epochs), np.nan) for _ in Curves._fields))
    done = np.zeros((len(points), len(seeds)), bool)
    finished: dict[tuple[int, int], Any] = {}
    seconds = 0.0
    for point, seed in arrange(*done.shape, programs.arrangement):
        rows = programs.place(place_values(points, point))
        places = programs.place(seed)
        states = programs.init(rows, places)
        for epoch in range(task.epochs):
            began = time.perf_counter()
            states, scores = programs.epoch(rows, states, places, scoring.orders(epoch))
            seconds += time.perf_counter() - began
            for into, numbers in zip(
                curves, (*states.measured.means(examples, task.batch_size), *scores), strict=True
            ):
                into[point, seed[:, None], epoch] = shortest(numbers)
            report(len(np.unique(point * len(seeds) + seed[:, None])))
        done[point, seed[:, None]] = True
        finished |= _take_runs(states, point, seed)
        finished = _forget_beaten(finished, done, curves)
    chosen = int(np.argmax(point_scores(curves.val_loss[..., -1], curves.val_accuracy[..., -1])))
    result = scoring.test(*_stack([finished[chosen, s] for s in range(len(seeds))]))
    return Sweep(
        contender.optimizer,
        contender.model_name,
        points,
        list(task.seeds),
        scoring.start_loss,
        *curves,
        test_loss=shortest(result.loss),
        confusion=np.asarray(result.confusion),
        seconds=seconds,
        compile_seconds=programs.seconds,
        arrangement=programs.arrangement,
    )


def _take_runs(states: RunState, point: np.ndarray, seed: np.ndarray) -> dict[tuple[int, int], Any]:
    """What it takes to evaluate each run, by point and seed, in the memory of the host."""
    held = jax.device_get((states.opt_state, states.params, states.model_state))

    def run(at: tuple[int, ...]) -> Any:
        return jax.tree.map(lambda leaf: leaf[at].copy(), held)

    return {(int(point[at]), int(seed[at[0]])): run(at) for at in np.ndindex(point.shape)}


def _forget_beaten(finished: dict[tuple[int, int], Any], done: np.ndarray, curves: Curves) -> dict[Any, Any]:
    """Leaves out the runs of points that are complete and not the best so far."""
    complete = np.asarray(done.all(axis=1))
    scores = point_scores(curves.val_loss[..., -1], curves.val_accuracy[..., -1])
    best = int(np.argmax(np.where(complete, scores, -np.inf)))
    return {at: run for at, run in finished.items() if at[0] == best or not complete[at[0]]}


def _stack(runs: list[Any]) -> tuple[Any, Any]:
    """Parameters to evaluate and model states of several runs, with an axis of runs in front."""
    opt_state, params, model_state = jax.tree.map(lambda *leaves: jnp.stack(leaves), *runs)
    return jax.vmap(optim.evaluation_parameters)(opt_state, params), model_state
