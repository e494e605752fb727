"""In which precision to compute and to write numbers, and complex numbers as pairs of real ones."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np


def compute_dtype(dtype: Any) -> Any:
    """`dtype` itself if it is a floating type of 32 bits or more, else float32.

    >>> compute_dtype(jnp.bfloat16)
    dtype('float32')
    """
    wide = jnp.issubdtype(dtype, jnp.inexact) and jnp.dtype(dtype).itemsize >= 4
    return dtype if wide else jnp.dtype("float32")


def shortest(numbers: Any) -> np.ndarray:
    """Numbers of the device as the shortest doubles that round to them: 0.001, not 0.0010000000474974513.

    >>> float(shortest(jnp.float32(0.001)))
    0.001
    """
    numbers = np.asarray(numbers)
    return np.array([float(str(number)) for number in numbers.ravel()]).reshape(numbers.shape)


def to_pairs(x: Any) -> jax.Array:
    """A complex array as real and imaginary parts, in a last axis of two; a real array as it is.

    >>> to_pairs(jnp.array([1 + 2j])), to_pairs(jnp.array([3.0]))
    (Array([[1., 2.]], dtype=float32), Array([3.], dtype=float32))
    """
    x = jnp.asarray(x)
    return jnp.stack([x.real, x.imag], axis=-1) if jnp.iscomplexobj(x) else x


def from_pairs(pairs: jax.Array, dtype: Any) -> jax.Array:
    """The array of this dtype of which `to_pairs` gives `pairs`.

    >>> from_pairs(jnp.array([[1.0, 2.0]]), jnp.complex64)
    Array([1.+2.j], dtype=complex64)
    """
    if not jnp.issubdtype(dtype, jnp.complexfloating):
        return pairs.astype(dtype)
    return jax.lax.complex(pairs[..., 0], pairs[..., 1]).astype(dtype)
