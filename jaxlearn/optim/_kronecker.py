"""What Shampoo and SOAP share: a matrix for each dimension of a leaf."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp

from ._sharding import replicated


def matrix_axes(shape: tuple[int, ...], max_dim: int, least_ndim: int) -> list[int]:
    """The dimensions that have a matrix: those of at most `max_dim`, none where there is nothing."""
    if len(shape) < least_ndim or 0 in shape:
        return []
    return [axis for axis, n in enumerate(shape) if n <= max_dim]


def gram(x: jax.Array, axis: int) -> jax.Array:
    """Products of the slices of `x` along one axis: $G_{(i)} G_{(i)}^T$, of shape (n, n) for n slices."""
    x = replicated(x)
    others = [i for i in range(x.ndim) if i != axis]
    return jnp.tensordot(x, x, axes=(others, others))


def multiply(
    x: jax.Array, axes: Sequence[int], matrices: Sequence[jax.Array], transpose: bool = False
) -> jax.Array:
    """Multiplies `x` along each of some axes by a matrix of shape (n, n)."""
    x = replicated(x)
    for axis, matrix in zip(axes, matrices, strict=True):
        product = jnp.tensordot(matrix.T if transpose else matrix, x, axes=(1, axis))
        x = jnp.moveaxis(product, 0, axis)
    return x


def identities(x: jax.Array, axes: Sequence[int], dtype: jax.typing.DTypeLike) -> tuple[jax.Array, ...]:
    """An identity for each of these axes, derived from `x`: it varies over devices where `x` does."""
    zeros = jnp.zeros_like(x, dtype)
    return tuple(gram(zeros, axis) + jnp.eye(x.shape[axis], dtype=dtype) for axis in axes)
