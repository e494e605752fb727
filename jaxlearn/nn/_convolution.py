"""JAX's convolution, with gradients that are fast inside a loop on a CPU."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import jax
import numpy as np
from jax import lax

from ._canonical import Geometry, convolve


def conv_general_dilated(
    lhs: jax.Array,
    rhs: jax.Array,
    window_strides: Sequence[int],
    padding: str | Sequence[tuple[int, int]],
    lhs_dilation: Sequence[int] | None = None,
    rhs_dilation: Sequence[int] | None = None,
    dimension_numbers: Any = None,
    feature_group_count: int = 1,
    batch_group_count: int = 1,
    precision: Any = None,
    preferred_element_type: Any = None,
) -> jax.Array:
    r"""`jax.lax.conv_general_dilated`, and as fast inside a loop on a CPU as outside.

    The same function of the same arguments under every transformation, for flax and for plain JAX. On a
    CPU, JAX's own takes up to 50 times as long for gradients inside `scan` or `fori_loop`; this one does
    not. On other platforms it is JAX's own. With images (batch, height, width, channels) and kernels
    (k, k, channels, features), that is with dimension numbers ("NHWC", "HWIO", "NHWC"),

    $$y_{nijf} = \sum_{a,b,c} w_{abcf}\; x_{n,\; is+ad-p,\; js+bd-p,\; c}$$

    Args:
      lhs: images $x$, by default of shape (batch, channels, *lengths).
      rhs: kernels $w$, by default of shape (features, channels / groups, *window).
      window_strides: $s$, the distance between two windows along each axis.
      padding: $p$, zeros before and after along each axis, or "SAME", "SAME_LOWER" or "VALID".
      lhs_dilation: distance between two numbers of an image, with zeros between; 1 unless given.
      rhs_dilation: $d$, the distance between two numbers of a window; 1 unless given.
      dimension_numbers: the axes of images, kernels and results, ("NCHW", "OIHW", "NCHW") unless given.
      feature_group_count: parts into which channels and features are divided; each feature sees its
        part's channels.
      batch_group_count: parts into which the batch and the features are divided; each feature sees its
        part's images.
      precision: as in `jax.lax`; on a CPU there is only one.
      preferred_element_type: type of the result, that of the operands unless given.

    Returns:
      By default an array of shape (batch, features, *lengths).

    Raises:
      TypeError, ValueError: as `jax.lax.conv_general_dilated`.

    Source: `jax.lax.conv_general_dilated`. In flax, `nn.Conv(16, (3, 3), conv_general_dilated=this)`.

    >>> import jax.numpy as jnp
    >>> images, kernels = jnp.ones((64, 28, 28, 1)), jnp.ones((3, 3, 1, 16))
    >>> axes = ("NHWC", "HWIO", "NHWC")
    >>> conv_general_dilated(images, kernels, (1, 1), "SAME", dimension_numbers=axes).shape
    (64, 28, 28, 16)
    """
    native = partial(
        lax.conv_general_dilated,
        window_strides=window_strides,
        padding=padding,
        lhs_dilation=lhs_dilation,
        rhs_dilation=rhs_dilation,
        dimension_numbers=dimension_numbers,
        feature_group_count=feature_group_count,
        batch_group_count=batch_group_count,
        precision=precision,
        preferred_element_type=preferred_element_type,
    )
    result = jax.eval_shape(native, lhs, rhs)  # raises what JAX raises
    varying = _varying_axes(lhs), _varying_axes(rhs)
    if None in varying:
        return native(lhs, rhs)
    ones = (1,) * (lhs.ndim - 2)
    x_axes, kernel_axes, y_axes = lax.conv_dimension_numbers(lhs.shape, rhs.shape, dimension_numbers)
    stride, gaps, dilation = (tuple(n or ones) for n in (window_strides, lhs_dilation, rhs_dilation))
    if isinstance(padding, str):
        lengths = [lhs.shape[axis] for axis in x_axes[2:]]
        spans = [(rhs.shape[axis] - 1) * d + 1 for axis, d in zip(kernel_axes[2:], dilation, strict=True)]
        padding = lax.padtype_to_pads(lengths, spans, stride, padding)
    geometry = Geometry(stride, tuple((int(a), int(b)) for a, b in padding), gaps, dilation)

    def canonical(lhs: jax.Array, rhs: jax.Array) -> jax.Array:
        axes = varying[0] | varying[1]  # what JAX's own operations see to, a primitive has to ask for
        x, kernel = (
            lax.pcast(a, tuple(axes - own), to="varying") if axes - own else a
            for a, own in zip((lhs, rhs), varying, strict=True)
        )
        x = x.astype(result.dtype).transpose(x_axes[0], *x_axes[2:], x_axes[1])
        kernel = kernel.astype(result.dtype).transpose(*kernel_axes[2:], kernel_axes[1], kernel_axes[0])
        y = _convolve_groups(geometry, feature_group_count, batch_group_count, x, kernel)
        return y.transpose(np.argsort([y_axes[0], *y_axes[2:], y_axes[1]]))

    return lax.platform_dependent(lhs, rhs, cpu=canonical, default=native)


def _convolve_groups(
    geometry: Geometry, feature_groups: int, batch_groups: int, x: jax.Array, kernel: jax.Array
) -> jax.Array:
    groups = feature_groups * batch_groups  # one of them is 1
    if groups == 1:
        return convolve(geometry, x, kernel)
    kernel = kernel.reshape(*kernel.shape[:-1], groups, kernel.shape[-1] // groups)
    if feature_groups > 1:
        x, axis = x.reshape(*x.shape[:-1], groups, x.shape[-1] // groups), -2
    else:
        x, axis = x.reshape(groups, x.shape[0] // groups, *x.shape[1:]), 0
    y = jax.vmap(partial(convolve, geometry), in_axes=(axis, -2), out_axes=-2)(x, kernel)
    return y.reshape(*y.shape[:-2], groups * y.shape[-1])


def _varying_axes(x: jax.Array) -> Any:
    """Mesh axes of a `shard_map` along which `x` differs; None of a JAX that has another name for them."""
    kind = jax.typeof(x)
    return getattr(kind, "vma", getattr(getattr(kind, "mat", None), "varying", None))
