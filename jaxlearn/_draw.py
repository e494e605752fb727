"""What the seed of a run decides: its first parameters, and the order of the examples in each epoch."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from ._check import check_whole
from ._types import PyTree
from .nn import Layer


class Start(NamedTuple):
    """What a run starts from, whatever its optimizer.

    Attributes:
      params, model_state: of the model, as `model.init` draws them, or trained before.
      key: random key of the run.
    """

    params: PyTree
    model_state: PyTree
    key: jax.Array


def draw_start(model: Layer, key: jax.Array, shape: tuple[int, ...]) -> Start:
    """Draws a model's first parameters.

    Args:
      model: see `jaxlearn.nn`.
      key: decides the parameters, and the random key of the run.
      shape: of one example.

    >>> from jaxlearn import nn
    >>> draw_start(nn.linear(3), jax.random.key(0), (4,)).params["weight"].shape
    (3, 4)
    """
    init_key, run_key = jax.random.split(key)
    return Start(*model.init(init_key, shape), run_key)


def draw_order(key: jax.Array, step: jax.Array, examples: int) -> jax.Array:
    """The order of the epoch of a run that begins with this key and step; int32 of shape (examples,).

    Runs with one seed have it in common.
    """
    examples = check_whole("examples", examples, 0)
    orders_key, _ = jax.random.split(key)
    # one sort, where jax.random.permutation makes two: of 60,000 examples less than one pair is equal
    draws = jax.random.bits(jax.random.fold_in(orders_key, step), (examples,), jnp.uint32)
    return jnp.argsort(draws, stable=False).astype(jnp.int32)
