"""In which precision to compute."""

from typing import Any

import jax.numpy as jnp


def compute_dtype(dtype: Any) -> Any:
    """`dtype` itself if it is a floating type of 32 bits or more, else float32.

    >>> compute_dtype(jnp.bfloat16)
    dtype('float32')
    """
    wide = jnp.issubdtype(dtype, jnp.inexact) and jnp.dtype(dtype).itemsize >= 4
    return dtype if wide else jnp.dtype("float32")
