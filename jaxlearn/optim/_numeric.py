"""Small functions on arrays and trees that several optimizers share."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from jaxlearn._dtype import compute_dtype, from_pairs, to_pairs

from ._leafwise import PyTree
from ._sharding import place_like


def safe_divide(x: Any, y: Any, otherwise: Any = 0.0) -> jax.Array:
    """`x / y` where `y` is above 0, and `otherwise` where it is not.

    >>> safe_divide(jnp.array([6.0, 0.0]), jnp.array([2.0, 0.0]))
    Array([3., 0.], dtype=float32)
    """
    positive = y > 0
    return jnp.where(positive, x / jnp.where(positive, y, 1.0), otherwise)


def total(rule: Callable[..., jax.Array], *trees: PyTree) -> jax.Array:
    r"""$\sum_{\text{leaves}} \sum_i \text{rule}(x_i, y_i, \dots)$, of shape (); 0 for an empty tree.

    Computed in float32 at the least, for real and imaginary parts as for two numbers.

    >>> total(lambda x, y: x * y, {"a": 3.0, "b": 4.0}, {"a": 1.0, "b": 2.0})
    Array(11., dtype=float32)
    """

    def leaf(*values: jax.Array) -> jax.Array:
        arrays = [to_pairs(x) for x in values]
        dtype = compute_dtype(arrays[0].dtype)
        return jnp.sum(rule(*(x.astype(dtype) for x in arrays))).astype(float)

    return sum(jax.tree.leaves(jax.tree.map(leaf, *trees)), jnp.zeros((), float))


def summed_zeros(x: Any, axis: int | None = None) -> jax.Array:
    """Zeros of the shape and dtype of a sum of `x` over all, or along an axis that is kept with length 1.

    They are the sum of zeros, so that they are divided among devices, and vary over them, as the sum is.

    >>> summed_zeros(jnp.ones((2, 3), jnp.bfloat16), axis=1)
    Array([[0],
           [0]], dtype=bfloat16)
    """
    zeros = jnp.zeros_like(x)
    return jnp.sum(zeros, axis, zeros.dtype, keepdims=axis is not None)


def zero_of(tree: PyTree, dtype: Any = float) -> jax.Array:
    """A 0 of shape () that varies over the axes of a `shard_map` as the numbers of a tree do.

    >>> zero_of({"a": 3.0, "b": 4.0}, jnp.int32)
    Array(0, dtype=int32)
    """
    return total(jnp.zeros_like, tree).astype(dtype)


def normal_like(key: jax.Array, tree: PyTree) -> PyTree:
    """Standard normal numbers with the structure, shapes and dtypes of `tree`; complex ones are two of them.

    >>> normal_like(jax.random.key(0), {"a": jnp.ones(3), "b": None})["a"].shape
    (3,)
    """
    leaves, structure = jax.tree.flatten(tree)
    keys = jax.random.split(key, len(leaves))
    likes = [jax.eval_shape(to_pairs, x) for x in leaves]
    draws = [jax.random.normal(k, like.shape, like.dtype) for k, like in zip(keys, likes, strict=True)]
    joined = [_spread(from_pairs(draw, x.dtype), x) for draw, x in zip(draws, leaves, strict=True)]
    return jax.tree.unflatten(structure, joined)


def _spread(x: jax.Array, like: jax.Array) -> jax.Array:
    """`x`, divided among devices as another array and varying over the axes of a `shard_map` as it does."""
    return place_like(x + jnp.zeros_like(like), like)
