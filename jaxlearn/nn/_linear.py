"""Fully connected layers."""

from typing import Any

import jax
import jax.numpy as jnp

from jaxlearn._check import check_whole

from ._layer import Layer, Params, Shape, check_shape, layer
from .init import Initializer, kaiming_normal


def linear(
    features: int,
    bias: bool = True,
    weight_init: Initializer | None = None,
    bias_init: Initializer | None = None,
) -> Layer:
    r"""$y = W x + b$, with $W$ of shape (features, inputs) and $b$ of shape (features,).

    Args:
      features: length of the output.
      bias: whether there is a $b$.
      weight_init: first values of $W$, `nn.init.kaiming_normal()` unless given.
      bias_init: first values of $b$, 0 unless given.

    Raises:
      ValueError: `features` below 1; from `init` and `apply`, an input that is not a vector or has
        another length.

    Source: `torch.nn.Linear`; `nn.torch_defaults` has its first values.

    >>> import jax, jax.numpy as jnp
    >>> params, state = linear(2).init(jax.random.key(0), (3,))
    >>> linear(2).apply(params, state, jnp.zeros(3))[0]
    Array([0., 0.], dtype=float32)
    """
    features = check_whole("linear: features", features, 1)
    name = f"linear({features})"

    def init(key: Any, shape: Shape) -> Params:
        check_shape(name, shape, ("n",), "put flatten before it")
        weight = (weight_init or kaiming_normal())(key, (features, shape[0]))
        return {"weight": weight} | start_bias(key, features, weight.dtype, bias, bias_init)

    def apply(params: Params, x: jax.Array) -> jax.Array:
        check_shape(name, x.shape, params["weight"].shape[1:])
        return affine(x, params["weight"], params["bias"] if bias else None)

    return layer(init, apply, name)


def affine(x: jax.Array, weight: jax.Array, bias: jax.Array | None) -> jax.Array:
    """$W x + b$ of one vector or of rows of them, or $W x$."""
    y = x @ weight.T
    return y if bias is None else y + jnp.broadcast_to(bias, y.shape)


def start_bias(key: Any, features: int, dtype: Any, bias: bool, bias_init: Initializer | None) -> Params:
    """The first bias of a layer, if it has one; from another key than its weight."""
    if not bias:
        return {}
    start = bias_init or jax.nn.initializers.zeros
    return {"bias": jnp.asarray(start(jax.random.fold_in(key, 1), (features,), dtype))}
