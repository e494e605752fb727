"""Convolution over sequences of shape (time, channels) and images of shape (height, width, channels)."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from jaxlearn._check import check_choice, check_whole

from ._convolution import conv_general_dilated
from ._layer import Layer, Params, Shape, check_shape, layer
from ._linear import start_bias
from ._windows import Size, check_length, check_size, sizes
from .init import Initializer, kaiming_normal

AXES = {1: ("time",), 2: ("height", "width")}
LAYOUTS = {1: ("NTC", "OTI", "NTC"), 2: ("NHWC", "OHWI", "NHWC")}


def conv1d(
    features: int,
    kernel_size: Size,
    stride: Size = 1,
    padding: Size | str = 0,
    dilation: Size = 1,
    groups: int = 1,
    bias: bool = True,
    weight_init: Initializer | None = None,
    bias_init: Initializer | None = None,
) -> Layer:
    r"""Slides `features` kernels over a sequence: (t, channels) to (t', features).

    `conv2d` along one axis, with $W$ of shape (features, k, channels / groups).

    Args: as `conv2d`.

    Raises: as `conv2d`.

    Source: `torch.nn.Conv1d`, channels last.

    >>> import jax, jax.numpy as jnp
    >>> params, state = conv1d(8, 3).init(jax.random.key(0), (10, 4))
    >>> conv1d(8, 3).apply(params, state, jnp.ones((10, 4)))[0].shape
    (8, 8)
    """
    return _conv(1, features, kernel_size, stride, padding, dilation, groups, bias, weight_init, bias_init)


def conv2d(
    features: int,
    kernel_size: Size,
    stride: Size = 1,
    padding: Size | str = 0,
    dilation: Size = 1,
    groups: int = 1,
    bias: bool = True,
    weight_init: Initializer | None = None,
    bias_init: Initializer | None = None,
) -> Layer:
    r"""Slides `features` kernels over an image: (h, w, channels) to (h', w', features).

    $$y_{ijf} = b_f + \sum_{a,b,c} W_{fabc}\; x_{is+ad-p,\; js+bd-p,\; c}, \qquad
      h' = \lfloor (h + 2p - d(k-1) - 1)/s \rfloor + 1$$

    with $W$ of shape (features, k, k, channels / groups) and $b$ of shape (features,). It is a
    cross-correlation, as in PyTorch. It runs as `conv_general_dilated`.

    Args:
      features: number of kernels.
      kernel_size: $k$, the size of the kernels; this and what follows one number, or one for each axis.
      stride: $s$, the distance between two windows.
      padding: $p$, rows of zeros on each side; "valid" for none, "same" for as many as keep the size at
        a stride of 1.
      dilation: $d$, the distance between two numbers of a window.
      groups: parts into which channels and features are divided; each feature sees its part's channels.
      bias: whether there is a $b$.
      weight_init: first values of $W$, `nn.init.kaiming_normal()` unless given.
      bias_init: first values of $b$, 0 unless given.

    Raises:
      ValueError: a size below its least value, features or channels that `groups` does not divide, "same"
        with another stride than 1; from `init` and `apply`, an input that is not an image, has other
        channels, or is smaller than the kernel.

    Source: `torch.nn.Conv2d`, channels last; `nn.torch_defaults` has its first values.

    >>> import jax, jax.numpy as jnp
    >>> params, state = conv2d(16, 3).init(jax.random.key(0), (28, 28, 1))
    >>> conv2d(16, 3).apply(params, state, jnp.ones((28, 28, 1)))[0].shape
    (26, 26, 16)
    """
    return _conv(2, features, kernel_size, stride, padding, dilation, groups, bias, weight_init, bias_init)


def _conv(
    axes: int,
    features: int,
    kernel_size: Size,
    stride: Size,
    padding: Size | str,
    dilation: Size,
    groups: int,
    bias: bool,
    weight_init: Initializer | None,
    bias_init: Initializer | None,
) -> Layer:
    kind = f"conv{axes}d"
    features = check_whole(f"{kind}: features", features, 1)
    groups = check_whole(f"{kind}: groups", groups, 1)
    if features % groups:
        raise ValueError(f"{kind}: features must be a multiple of groups, got {features} and {groups}")
    kernel_size = check_size(f"{kind}: kernel_size", kernel_size, 1)
    name = f"{kind}({features}, {kernel_size})"
    kernel = sizes(f"{kind}: kernel_size", kernel_size, axes, 1)
    steps = sizes(f"{kind}: stride", stride, axes, 1)
    gaps = sizes(f"{kind}: dilation", dilation, axes, 1)
    span = tuple((k - 1) * d + 1 for k, d in zip(kernel, gaps, strict=True))
    edges = _edges(kind, padding, span, steps)

    def check_input(shape: Shape, channels: int | str) -> None:
        check_shape(name, shape, (*AXES[axes], channels))
        check_length(name, shape, [n - sum(edge) for n, edge in zip(span, edges, strict=True)])

    def init(key: Any, shape: Shape) -> Params:
        check_input(shape, "channels")
        if shape[-1] % groups:
            raise ValueError(f"{name}: groups must divide the channels, got {groups} for {shape[-1]}")
        weight = (weight_init or kaiming_normal())(key, (features, *kernel, shape[-1] // groups))
        return {"weight": weight} | start_bias(key, features, weight.dtype, bias, bias_init)

    def apply(params: Params, x: jax.Array) -> jax.Array:
        check_input(x.shape, params["weight"].shape[-1] * groups)
        y = conv_general_dilated(
            x[None],
            params["weight"],
            steps,
            edges,
            rhs_dilation=gaps,
            dimension_numbers=LAYOUTS[axes],
            feature_group_count=groups,
        )[0]
        return y + jnp.broadcast_to(params["bias"], y.shape) if bias else y

    return layer(init, apply, name)


def _edges(
    kind: str, padding: Size | str, span: Sequence[int], stride: Sequence[int]
) -> tuple[tuple[int, int], ...]:
    """Rows of zeros before and after, along each axis."""
    if not isinstance(padding, str):
        return tuple((p, p) for p in sizes(f"{kind}: padding", padding, len(span), 0))
    check_choice(f"{kind}: padding", padding, ("same", "valid"))
    if padding == "valid":
        return ((0, 0),) * len(span)
    if set(stride) != {1}:
        raise ValueError(f"{kind}: padding 'same' needs a stride of 1, got {tuple(stride)}")
    return tuple(((n - 1) // 2, n // 2) for n in span)
