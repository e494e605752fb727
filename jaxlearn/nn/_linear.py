"""Fully connected layers."""

from typing import Any

import jax
import jax.numpy as jnp

from ._initializers import he_normal
from ._layer import Layer, Params, Shape, layer


def flatten(x: jax.Array) -> jax.Array:
    """The numbers of one example in a row: shape (n,), the last axis of `x` fastest.

    >>> import jax.numpy as jnp
    >>> flatten(jnp.ones((28, 28, 1))).shape
    (784,)
    """
    return jnp.ravel(x)


def linear(features: int, weight_init: jax.nn.initializers.Initializer | None = None) -> Layer:
    r"""$y = x W + b$, with $W$ of shape (inputs, features) and $b$ of shape (features,).

    Args:
      features: length of the output.
      weight_init: first values of $W$, `he_normal()` unless given; $b$ starts at 0.

    Raises:
      ValueError: `features` below 1; from `init`, an input that is not a vector.

    >>> import jax, jax.numpy as jnp
    >>> params, state = linear(2).init(jax.random.key(0), (3,))
    >>> linear(2).apply(params, state, jnp.zeros(3))[0]
    Array([0., 0.], dtype=float32)
    """
    if features < 1:
        raise ValueError(f"linear: features must be at least 1, got {features}")

    def init(key: Any, shape: Shape) -> Params:
        if len(shape) != 1:
            raise ValueError(
                f"linear({features}): the input must have shape (n,), got {shape}; put flatten before it"
            )
        weight = (weight_init or he_normal())(key, (shape[0], features))
        return {"weight": weight, "bias": jnp.zeros(features, weight.dtype)}

    return layer(init, lambda params, x: x @ params["weight"] + params["bias"])
