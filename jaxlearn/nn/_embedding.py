"""Vectors for whole numbers."""

from typing import Any

import jax
import jax.numpy as jnp

from jaxlearn._check import check_whole, first_outside

from ._layer import Layer, Params, Shape, State


def embedding(count: int, features: int, padding_index: int | None = None) -> Layer:
    """A vector for each of the numbers 0 to `count` - 1: any shape to (*shape, features).

    Parameter: "embedding" (count, features), standard normal at first.

    Args:
      count: how many numbers there are, from 1.
      features: length of a vector, from 1.
      padding_index: from 0 to `count` - 1, a number whose vector starts at 0 and gets no gradient.

    Raises:
      ValueError: an argument outside its range; from `apply`, a number in `x` outside 0 to `count` - 1.
        Under `jax.jit` and `jax.vmap`, where numbers are not known yet, its vector is NaN instead.
      TypeError: from `apply`, an `x` that does not hold whole numbers.

    Source: `torch.nn.Embedding`. Negative numbers do not count from the end, here as there, and in
    `padding_index`, too, where they do in PyTorch.

    >>> layer = embedding(10, 3, padding_index=0)
    >>> params, state = layer.init(jax.random.key(0), (4,))
    >>> y, _ = layer.apply(params, state, jnp.array([5, 2, 0, 0]))
    >>> y.shape, y[2].tolist()
    ((4, 3), [0.0, 0.0, 0.0])
    """
    count = check_whole("embedding: count", count, 1)
    features = check_whole("embedding: features", features, 1)
    if padding_index is not None:
        padding_index = check_whole("embedding: padding_index", padding_index, 0, count - 1)
    name = f"embedding({count}, {features})"

    def init(key: Any, shape: Shape) -> tuple[Params, State]:
        vectors = jax.random.normal(key, (count, features))
        if padding_index is not None:
            vectors = vectors.at[padding_index].set(0)
        return {"embedding": vectors}, {}

    def apply(
        params: Params, state: State, x: jax.Array, *, key: Any = None, train: bool = False
    ) -> tuple[jax.Array, State]:
        _check_numbers(name, x, count)
        vectors = params["embedding"].at[x]
        y = vectors.get(mode="fill", fill_value=jnp.nan, wrap_negative_indices=False)
        if padding_index is not None:
            padding = jnp.broadcast_to((x == padding_index)[..., None], y.shape)
            y = jnp.where(padding, jax.lax.stop_gradient(y), y)
        return y, state

    return Layer(init, apply, name, input_type=int)


def _check_numbers(name: str, x: jax.Array, count: int) -> None:
    if not jnp.issubdtype(x.dtype, jnp.integer):
        raise TypeError(f"{name}: the input must hold whole numbers, got {x.dtype}")
    if (outside := first_outside(x, 0, count - 1)) is not None:
        raise ValueError(f"{name}: index {outside} is out of range for {count} rows (0 to {count - 1})")
