"""Distances between predicted and true numbers."""

from typing import Any

import jax
import jax.numpy as jnp

from jaxlearn._check import check

from ._reduce import absolute, floats, reduce


def mse(predictions: jax.Array, targets: jax.Array, reduction: str = "mean") -> jax.Array:
    r"""Squared error: $\ell = (x - y)^2$ for each number.

    Args:
      predictions: $x$, floats of any shape.
      targets: $y$, floats of the same shape.
      reduction: "mean" over all numbers, "sum" or "none".

    Returns:
      The loss, shape (), or with "none" that of the predictions; in their dtype.

    Raises:
      ValueError: shapes that differ, an unknown reduction.
      TypeError: arrays that are not of floats.

    Source: `torch.nn.functional.mse_loss`.

    >>> mse(jnp.array([1.0, 2.0]), jnp.array([1.0, 5.0]))
    Array(4.5, dtype=float32)
    """
    dtype, x, y = floats("mse", predictions=predictions, targets=targets)
    return reduce("mse", jnp.square(x - y), reduction, dtype)


def l1(predictions: jax.Array, targets: jax.Array, reduction: str = "mean") -> jax.Array:
    r"""Absolute error: $\ell = |x - y|$ for each number; where they are equal, the slope is 0.

    Args:
      predictions: $x$, floats of any shape.
      targets: $y$, floats of the same shape.
      reduction: "mean" over all numbers, "sum" or "none".

    Returns:
      The loss, shape (), or with "none" that of the predictions; in their dtype.

    Raises:
      ValueError: shapes that differ, an unknown reduction.
      TypeError: arrays that are not of floats.

    Source: `torch.nn.functional.l1_loss`.

    >>> l1(jnp.array([1.0, 2.0]), jnp.array([1.0, 5.0]))
    Array(1.5, dtype=float32)
    """
    dtype, x, y = floats("l1", predictions=predictions, targets=targets)
    return reduce("l1", absolute(x - y), reduction, dtype)


def smooth_l1(
    predictions: jax.Array, targets: jax.Array, beta: Any = 1.0, reduction: str = "mean"
) -> jax.Array:
    r"""Absolute error with a round bottom: a parabola for errors below $\beta$.

    $$\ell = \begin{cases} (x - y)^2 / (2\beta) & |x - y| < \beta \\
      |x - y| - \beta/2 & \text{else} \end{cases}$$

    Args:
      predictions: $x$, floats of any shape.
      targets: $y$, floats of the same shape.
      beta: $\beta$ in [0, inf); 0 gives `l1`.
      reduction: "mean" over all numbers, "sum" or "none".

    Returns:
      The loss, shape (), or with "none" that of the predictions; in their dtype.

    Raises:
      ValueError: shapes that differ, `beta` outside its range, an unknown reduction.
      TypeError: arrays that are not of floats.

    Source: Girshick (2015), https://arxiv.org/abs/1504.08083; `torch.nn.functional.smooth_l1_loss`.

    >>> smooth_l1(jnp.array([0.5, 2.0]), jnp.array([0.0, 5.0]), reduction="none")
    Array([0.125, 2.5  ], dtype=float32)
    """
    check("smooth_l1: beta", beta, "[0, inf)")
    dtype, x, y = floats("smooth_l1", predictions=predictions, targets=targets)
    beta = jnp.asarray(beta, x.dtype)
    error = absolute(x - y)
    losses = jnp.where(beta > 0, _huber(error, beta) / jnp.where(beta > 0, beta, 1), error)
    return reduce("smooth_l1", losses, reduction, dtype)


def huber(predictions: jax.Array, targets: jax.Array, delta: Any = 1.0, reduction: str = "mean") -> jax.Array:
    r"""Squared error for small errors, absolute error for large ones: $\delta$ times `smooth_l1`.

    $$\ell = \begin{cases} (x - y)^2 / 2 & |x - y| \le \delta \\
      \delta\,(|x - y| - \delta/2) & \text{else} \end{cases}$$

    Args:
      predictions: $x$, floats of any shape.
      targets: $y$, floats of the same shape.
      delta: $\delta$ in (0, inf).
      reduction: "mean" over all numbers, "sum" or "none".

    Returns:
      The loss, shape (), or with "none" that of the predictions; in their dtype.

    Raises:
      ValueError: shapes that differ, `delta` outside its range, an unknown reduction.
      TypeError: arrays that are not of floats.

    Source: Huber (1964), https://doi.org/10.1214/aoms/1177703732; `torch.nn.functional.huber_loss`.

    >>> huber(jnp.array([0.5, 2.0]), jnp.array([0.0, 5.0]), delta=2.0, reduction="none")
    Array([0.125, 4.   ], dtype=float32)
    """
    check("huber: delta", delta, "(0, inf)")
    dtype, x, y = floats("huber", predictions=predictions, targets=targets)
    losses = _huber(absolute(x - y), jnp.asarray(delta, x.dtype))
    return reduce("huber", losses, reduction, dtype)


def _huber(error: jax.Array, delta: jax.Array) -> jax.Array:
    """Both pieces in one formula."""
    small = jnp.minimum(error, delta)
    return small * (error - small / 2)
