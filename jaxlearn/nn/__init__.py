"""Layers for one example, as pairs of pure functions.

`apply` sees one example, an image of shape (28, 28, 1) and not a batch: the batch comes from
`jax.vmap`. Parameters are nested dicts of arrays. An activation is any function of an array:
`sequential(linear(100), jax.nn.relu, linear(10))`.
"""

from ._conv import conv2d, max_pool
from ._initializers import he_normal
from ._layer import Layer, layer, sequential
from ._linear import flatten, linear

__all__ = ["Layer", "conv2d", "flatten", "he_normal", "layer", "linear", "max_pool", "sequential"]
