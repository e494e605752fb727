"""What is compared, and what all optimizers on a model have in common."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxlearn import losses
from jaxlearn._compile import compile_all
from jaxlearn._draw import Start, draw_order, draw_start
from jaxlearn._dtype import shortest
from jaxlearn._split import Split, count_batches
from jaxlearn._types import Loss
from jaxlearn.nn import Layer
from jaxlearn.training import Evaluation, Run, evaluate, make_run

from ._grid import grid_points


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

    @property
    def name(self) -> str:
        """The optimizer with its model."""
        return f"{self.optimizer} on {self.model_name}"

    @property
    def points(self) -> list[dict[str, float]]:
        """Every combination of the values on its axes, the last one changing fastest.

        Raises:
          ValueError: there are more than 10,000.
        """
        return grid_points(self.axes)


class Task(NamedTuple):
    """What every contender is compared on, and the budget of a run.

    Attributes:
      train, validation, test: examples to learn from, to choose by, and to look at once.
      seeds: of the runs; the same seed gives every optimizer the same first weights and batches.
      epochs, batch_size: of every run.
      loss: `loss(outputs, targets)` of a batch.
      drop_last: whether every epoch leaves out a last batch that would be smaller.
    """

    train: Split
    validation: Split
    test: Split
    seeds: tuple[int, ...]
    epochs: int
    batch_size: int
    loss: Loss = losses.cross_entropy
    drop_last: bool = False

    def make_run(self, model: Layer, optimizer: Any) -> Run:
        """A run of a model, as every contender has it."""
        return make_run(
            model, optimizer, batch_size=self.batch_size, loss=self.loss, drop_last=self.drop_last
        )

    @property
    def used(self) -> int:
        """Training examples in an epoch."""
        return self.updates * self.batch_size if self.drop_last else len(self.train.labels)

    @property
    def updates(self) -> int:
        """Updates in an epoch."""
        return count_batches(len(self.train.labels), self.batch_size, self.drop_last)

    def draw_start(self, model: Layer, key: jax.Array) -> Start:
        """What all runs of a model with one seed start from."""
        return draw_start(model, key, self.train.images.shape[1:])


class Scoring(NamedTuple):
    """What all optimizers on one model have in common.

    Attributes:
      start: what the runs start from, stacked over the seeds.
      start_loss: their validation loss, shape (seeds,).
      orders: `orders(epoch)`: the orders of the training examples, int32 of shape (seeds, examples).
      test: `test(params, model_state) -> Evaluation` on the test examples, of runs that are stacked.
    """

    start: Start
    start_loss: np.ndarray
    orders: Callable[[int], jax.Array]
    test: Callable[[Any, Any], Evaluation]


def make_scoring(model: Layer, task: Task) -> Scoring:
    examples = len(task.train.labels)

    @jax.jit
    def start_all(seeds: jax.Array) -> Start:
        return jax.lax.map(lambda seed: task.draw_start(model, jax.random.key(seed)), seeds)

    def draw(keys: jax.Array, step: jax.Array) -> jax.Array:
        return jax.lax.map(lambda key: draw_order(key, step, examples), keys)

    @jax.jit
    def score(runs: Any, examples: Split) -> Evaluation:
        return jax.lax.map(lambda run: score_run(model, task, run, examples), runs)

    seeds = np.array(task.seeds, np.uint32)
    like = jax.eval_shape(start_all, seeds)
    runs = (like.params, like.model_state)
    compiled = compile_all({
        "start": start_all.lower(seeds),
        "validation": score.lower(runs, task.validation),
        "orders": jax.jit(draw).lower(like.key, jax.ShapeDtypeStruct((), jnp.int32)),
        "test": score.lower(runs, task.test),
    })  # fmt: skip
    starts = compiled["start"](seeds)
    start_loss = compiled["validation"]((starts.params, starts.model_state), task.validation).loss
    return Scoring(
        starts,
        shortest(start_loss),
        lambda epoch: compiled["orders"](starts.key, jnp.asarray(epoch * task.updates, jnp.int32)),
        lambda params, model_state: compiled["test"]((params, model_state), task.test),
    )


def score_run(model: Layer, task: Task, run: tuple[Any, Any], examples: Any) -> Evaluation:
    return evaluate(model, *run, examples.images, examples.labels, loss=task.loss)
