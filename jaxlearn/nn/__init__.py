"""Layers for one example, as pairs of pure functions.

`apply` sees one example, an image of shape (28, 28, 1) and not a batch: the batch comes from
`jax.vmap`. Parameters are nested dicts of arrays. An activation is any function of an array:
`sequential(linear(100), relu, linear(10))`.
"""

from jax.nn import elu, log_softmax, mish, relu, selu, sigmoid, silu, softmax, tanh

from . import init
from ._activations import (
    ACTIVATIONS,
    activation,
    gelu,
    hardswish,
    hardtanh,
    leaky_relu,
    prelu,
    softplus,
)
from ._attention import attention, multi_head_attention
from ._compose import each, flatten, identity, parallel, residual, sequential
from ._conv import conv1d, conv2d
from ._convolution import conv_general_dilated
from ._dropout import dropout
from ._embedding import embedding
from ._layer import Layer, layer, output_shape
from ._linear import linear
from ._norm import batch_norm, group_norm, layer_norm, rms_norm
from ._pool import adaptive_avg_pool, avg_pool, max_pool
from ._recurrent import gru, gru_cell, lstm, lstm_cell, rnn, rnn_cell
from ._reinitialize import reinitialize, torch_defaults
from ._summary import summarize, summary

__all__ = [
    "ACTIVATIONS",
    "Layer",
    "activation",
    "adaptive_avg_pool",
    "attention",
    "avg_pool",
    "batch_norm",
    "conv1d",
    "conv2d",
    "conv_general_dilated",
    "dropout",
    "each",
    "elu",
    "embedding",
    "flatten",
    "gelu",
    "group_norm",
    "gru",
    "gru_cell",
    "hardswish",
    "hardtanh",
    "identity",
    "init",
    "layer",
    "layer_norm",
    "leaky_relu",
    "linear",
    "log_softmax",
    "lstm",
    "lstm_cell",
    "max_pool",
    "mish",
    "multi_head_attention",
    "output_shape",
    "parallel",
    "prelu",
    "reinitialize",
    "relu",
    "residual",
    "rms_norm",
    "rnn",
    "rnn_cell",
    "selu",
    "sequential",
    "sigmoid",
    "silu",
    "softmax",
    "softplus",
    "summarize",
    "summary",
    "tanh",
    "torch_defaults",
]
