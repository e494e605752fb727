"""Scoring a model on every example of a set."""

import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.extend.core import Jaxpr, jaxprs_in_params

from jaxlearn import losses, metrics
from jaxlearn._check import check_whole
from jaxlearn._split import Split, are_classes
from jaxlearn._types import Loss
from jaxlearn.nn import Layer

from ._state import to_float

CACHED = 12_000_000  # bytes of the largest activation: more leave the caches, fewer make small products


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
    batch_size: int | None = None,
    loss: Loss = losses.cross_entropy,
) -> Evaluation:
    """Scores every example, whatever the batch size.

    Args:
      model: for one example; see `jaxlearn.nn`.
      params, model_state: of the model.
      images: shape (examples, ...), bytes or numbers.
      labels: classes, integers of shape (examples,), or other targets of shape (examples, ...).
      batch_size: examples worked on together at most; a matter of speed and memory alone. By default as
        many as make the largest array between two operations 12 MB.
      loss: `loss(logits, labels)` of a batch, here of all examples.

    Raises:
      TypeError: images or labels that are not numbers.
      ValueError: a batch size below 1; images and labels that are not as many; a class that there is not,
        where its value is known.

    >>> from jaxlearn import nn
    >>> model = nn.sequential(nn.linear(3))
    >>> params, state = model.init(jax.random.key(0), (4,))
    >>> result = evaluate(model, params, state, jnp.zeros((5, 4)), jnp.arange(5) % 3, batch_size=2)
    >>> print(result.loss, int(result.confusion.sum()))
    1.0986123 5
    """
    batch_size = None if batch_size is None else check_whole("batch_size", batch_size, 1)
    images, labels = map(jnp.asarray, Split(images, labels))

    def forward(images: jax.Array) -> jax.Array:
        return jax.vmap(lambda image: model.apply(params, model_state, to_float(image))[0])(images)

    if batch_size is None:
        batch_size = max(1, CACHED // _largest_activation(forward, images))
    logits = _map_batches(forward, images, batch_size)
    confusion = jnp.zeros((0, 0), jnp.int32)
    if are_classes(labels):
        confusion = metrics.confusion_matrix(labels, jnp.argmax(logits, axis=1), logits.shape[1])
    return Evaluation(loss(logits, labels), confusion)


def _map_batches(function: Callable[[jax.Array], jax.Array], xs: jax.Array, most: int) -> jax.Array:
    """`function` of all examples, at most so many at a time.

    The batches are of one size, for which it is compiled once, where `jax.lax.map` compiles what remains,
    too. The last begins early enough to be full: a few examples are worked on twice.
    """
    examples = xs.shape[0]
    batches = max(1, math.ceil(examples / most))
    size = math.ceil(examples / batches)
    like = jax.eval_shape(function, xs)

    def body(number: jax.Array, results: jax.Array) -> jax.Array:
        begin = jnp.minimum(number * size, examples - size)
        part = function(jax.lax.dynamic_slice_in_dim(xs, begin, size))
        return jax.lax.dynamic_update_slice_in_dim(results, part, begin, 0)

    return jax.lax.fori_loop(0, batches, body, jnp.zeros(like.shape, like.dtype))


def _largest_activation(function: Callable[[jax.Array], jax.Array], xs: jax.Array) -> int:
    """Bytes that one example more adds to the largest array; parameters, which stay as they are, add none."""

    def sizes(examples: int) -> Iterator[int]:
        program = jax.make_jaxpr(function)(jax.ShapeDtypeStruct((examples, *xs.shape[1:]), xs.dtype))
        return _array_sizes(program.jaxpr)

    return max((more - fewer for fewer, more in zip(sizes(2), sizes(3), strict=False)), default=1)


def _array_sizes(program: Jaxpr) -> Iterator[int]:
    for equation in program.eqns:
        arrays: list[Any] = [result.aval for result in equation.outvars]
        yield from (array.size * array.dtype.itemsize for array in arrays)
        for inner in jaxprs_in_params(equation.params):
            yield from _array_sizes(inner)
