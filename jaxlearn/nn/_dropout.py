"""Dropout."""

from typing import Any

import jax
import jax.numpy as jnp

from jaxlearn._check import check, is_zero

from ._layer import Layer, Params, State


def dropout(rate: float = 0.5) -> Layer:
    r"""Sets each number to 0 with probability $p$ while training, and divides the others by $1 - p$.

    When not training, $y = x$. Every example draws from its own key: `jax.random.split(key, batch)`,
    mapped by `jax.vmap` beside the examples.

    Args:
      rate: $p$ in [0, 1].

    Raises:
      ValueError: a rate outside its range; from `apply` with `train=True`, no key.

    Source: Srivastava et al. (2014), https://jmlr.org/papers/v15/srivastava14a.html; equal to
    `torch.nn.Dropout`.

    >>> import jax, jax.numpy as jnp
    >>> dropout(0.5).apply({}, {}, jnp.ones(6), key=jax.random.key(0), train=True)[0]
    Array([0., 0., 2., 2., 0., 2.], dtype=float32)
    """
    check("dropout: rate", rate, "[0, 1]")

    def apply(
        params: Params, state: State, x: jax.Array, *, key: Any = None, train: bool = False
    ) -> tuple[jax.Array, State]:
        return drop("dropout", rate, x, key) if train else x, state

    return Layer(lambda key, shape: ({}, {}), apply, f"dropout({rate})")


def drop(name: str, rate: float, x: jax.Array, key: Any) -> jax.Array:
    """Dropout itself; see `dropout`."""
    if is_zero(rate) or is_zero(1 - rate):
        return x * (1 - rate)
    if key is None:
        raise ValueError(f"{name}: dropout needs a random key: apply(..., key=key, train=True)")
    kept = jax.random.bernoulli(key, 1 - rate, x.shape)
    return jnp.where(kept, x / (1 - rate), 0)
