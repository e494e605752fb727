"""What Shampoo and SOAP share: a matrix for each dimension of a leaf."""

import jax
import jax.numpy as jnp


def gram(x: jax.Array, axis: int) -> jax.Array:
    """Products of the slices of `x` along one axis: $G_{(i)} G_{(i)}^T$, of shape (n, n) for n slices."""
    others = [i for i in range(x.ndim) if i != axis]
    return jnp.tensordot(x, x, axes=(others, others))


def multiply(x: jax.Array, matrices: tuple[jax.Array | None, ...], transpose: bool = False) -> jax.Array:
    """Multiplies `x` along each axis by a matrix of shape (n, n); along one that has None, by nothing."""
    for axis, matrix in enumerate(matrices):
        if matrix is not None:
            product = jnp.tensordot(matrix.T if transpose else matrix, x, axes=(1, axis))
            x = jnp.moveaxis(product, 0, axis)
    return x


def identities(
    x: jax.Array, max_dim: int, least_ndim: int, dtype: jax.typing.DTypeLike
) -> tuple[jax.Array | None, ...]:
    """An identity for each axis of at most `max_dim`; None for longer ones and where there is nothing."""
    if x.ndim < least_ndim or not x.size:
        return (None,) * x.ndim
    return tuple(jnp.eye(n, dtype=dtype) if n <= max_dim else None for n in x.shape)
