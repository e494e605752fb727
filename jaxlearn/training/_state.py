"""What a run is between two updates."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxlearn._split import count_batches
from jaxlearn._types import PyTree


class Measured(NamedTuple):
    """What the updates of an epoch measured, each just before it changed the parameters.

    Attributes:
      loss: shape (updates,).
      accuracy: share of right answers, shape (updates,); NaN where targets are no integers, hence no classes.
    """

    loss: Any
    accuracy: Any

    def means(self, examples: int, batch_size: int, skipping: bool = False) -> "Measured":
        """Means over the examples of an epoch; over the updates with finite numbers, if `skipping`.

        >>> float(Measured(np.array([1.0, 4.0]), np.array([0.5, 1.0])).means(examples=3, batch_size=2).loss)
        2.0
        """
        updates = count_batches(examples, batch_size)
        sizes = np.minimum(batch_size, examples - batch_size * np.arange(updates))

        def mean(numbers: np.ndarray) -> Any:
            finite = np.isfinite(numbers)
            counted = finite if skipping and finite.any() else np.ones_like(finite)
            weights = sizes * counted
            return np.average(np.where(counted, numbers, 0), axis=-1, weights=weights).astype(numbers.dtype)

        return Measured(*map(mean, jax.device_get(self)))


class RunState(NamedTuple):
    """Everything that changes while a run trains: one pytree, to vmap, shard, donate and save.

    Attributes:
      params: parameters of the model.
      model_state: what the model changes by itself, such as running means; a dict, often empty.
      opt_state: state of the optimizer.
      key: random key of the run, which stays: it and `step` decide what shuffling and dropout draw.
      step: updates made so far; int32 of shape ().
      measured: of the updates of this epoch so far; of those to come, what the epoch before measured.
    """

    params: PyTree
    model_state: PyTree
    opt_state: PyTree
    key: jax.Array
    step: jax.Array
    measured: Measured


def draw_key(state: RunState) -> jax.Array:
    """The key of what layers draw, such as dropout, in the next update of a run."""
    _, draws_key = jax.random.split(state.key)
    return jax.random.fold_in(draws_key, state.step)


def to_float(images: jax.Array) -> jax.Array:
    """Bytes 0 ... 255 become numbers 0 ... 1; numbers stay as they are.

    >>> to_float(jnp.array([0, 255], jnp.uint8))
    Array([0., 1.], dtype=float32)
    """
    if images.dtype != jnp.uint8:
        return images
    return images.astype(jnp.result_type(float)) * (1 / 255)  # dividing takes four times as long
