"""Scoring a model on every example of a set."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxlearn import losses, metrics
from jaxlearn.nn import Layer

from ._run import Loss, are_classes, to_float


class Evaluation(NamedTuple):
    """How a model did.

    Attributes:
      loss: of all examples, shape ().
      confusion: counts, shape (classes, classes); `jaxlearn.metrics` reads scores from it. Shape (0, 0) where
        targets are no integers, hence no classes.
    """

    loss: jax.Array
    confusion: jax.Array


def evaluate(
    model: Layer,
    params: Any,
    model_state: Any,
    images: jax.Array,
    labels: jax.Array,
    *,
    batch_size: int = 128,
    loss: Loss = losses.cross_entropy,
) -> Evaluation:
    """Scores every example, whatever the batch size.

    Args:
      model: for one example; see `jaxlearn.nn`.
      params, model_state: of the model.
      images: shape (examples, ...), bytes or numbers.
      labels: classes, integers of shape (examples,), or other targets of shape (examples, ...).
      batch_size: examples worked on together; a matter of memory alone.
      loss: `loss(logits, labels)` of a batch, here of all examples.

    Raises:
      ValueError: a batch size below 1.

    >>> from jaxlearn import nn
    >>> model = nn.sequential(nn.linear(3))
    >>> params, state = model.init(jax.random.key(0), (4,))
    >>> result = evaluate(model, params, state, jnp.zeros((5, 4)), jnp.arange(5) % 3, batch_size=2)
    >>> print(result.loss, int(result.confusion.sum()))
    1.0986123 5
    """
    if batch_size < 1:
        raise ValueError(f"batch_size must be at least 1, got {batch_size}")

    def forward(image: jax.Array) -> jax.Array:
        return model.apply(params, model_state, to_float(image))[0]

    logits = jax.lax.map(forward, images, batch_size=min(batch_size, images.shape[0]))
    confusion = jnp.zeros((0, 0), jnp.int32)
    if are_classes(labels):
        confusion = metrics.confusion_matrix(labels, jnp.argmax(logits, axis=1), logits.shape[1])
    return Evaluation(loss(logits, labels), confusion)
