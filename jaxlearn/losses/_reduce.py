"""What the losses share: checks of their arrays, and what is made of the losses of all examples."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxlearn._check import check_choice
from jaxlearn._dtype import compute_dtype

REDUCTIONS = ("mean", "sum", "none")
EPSILON = float(np.float32(1e-12))  # rounded as PyTorch's is, whatever the dtype


def floats(loss: str, **arrays: Any) -> tuple[Any, ...]:
    """The dtype of the first array, and then all of them in that dtype, or in float32 where it is shorter.

    Raises:
      TypeError: an array that is not of floats.
      ValueError: arrays of different shapes.

    >>> floats("mse", predictions=jnp.ones(2, jnp.bfloat16), targets=jnp.zeros(2))
    (dtype(bfloat16), Array([1., 1.], dtype=float32), Array([0., 0.], dtype=float32))
    """
    arrays = {name: jnp.asarray(array) for name, array in arrays.items()}
    for name, array in arrays.items():
        check_float(loss, name, array)
    if len({array.shape for array in arrays.values()}) > 1:
        each = [f"{name} of shape {array.shape}" for name, array in arrays.items()]
        raise ValueError(f"{loss}: {', '.join(each[:-1])} and {each[-1]} must have the same shape")
    dtype = next(iter(arrays.values())).dtype
    return dtype, *(array.astype(compute_dtype(dtype)) for array in arrays.values())


def check_float(loss: str, name: str, array: jax.Array) -> None:
    """Raises a TypeError unless an array is of floats."""
    if not jnp.issubdtype(array.dtype, jnp.floating):
        raise TypeError(f"{loss}: {name} must be floats, got {array.dtype}")


def signs(loss: str, targets: Any, inputs: str, shape: tuple[int, ...], dtype: Any) -> jax.Array:
    """Targets of 1 and -1, whole numbers or floats, in `dtype`; they must have shape `shape`."""
    targets = jnp.asarray(targets)
    if not (jnp.issubdtype(targets.dtype, jnp.signedinteger) or jnp.issubdtype(targets.dtype, jnp.floating)):
        raise TypeError(f"{loss}: targets must be numbers 1 or -1, got {targets.dtype}")
    if targets.shape != shape:
        raise ValueError(f"{loss}: {inputs} need targets of shape {shape}, got shape {targets.shape}")
    return targets.astype(dtype)


def absolute(x: jax.Array) -> jax.Array:
    """|x|, with slope 0 at 0 as in PyTorch; of `jnp.abs` it is 1."""
    return x * jax.lax.stop_gradient(jnp.sign(x))


def positive_part(x: jax.Array) -> jax.Array:
    """max(0, x), with slope 1 at 0 as PyTorch's clamp; of `jnp.maximum` it is 1/2. NaN stays."""
    return jnp.where(x < 0, 0, x)


def reduce(
    loss: str, losses: jax.Array, reduction: str, dtype: Any, weights: jax.Array | None = None
) -> jax.Array:
    """The mean, the sum or all of the losses, in `dtype`.

    Where weights are given, the losses have been multiplied by them, and the mean divides by their sum.
    """
    check_choice(f"{loss}: reduction", reduction, REDUCTIONS)
    if reduction == "mean":
        losses = jnp.mean(losses) if weights is None else jnp.sum(losses) / jnp.sum(weights)
    elif reduction == "sum":
        losses = jnp.sum(losses)
    return losses.astype(dtype)
