"""Pooling over sequences of shape (time, channels) and images of shape (height, width, channels)."""

import functools
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ._layer import Function, Shape
from ._windows import Size, check_length, check_size, pad, sizes, slide


def max_pool(window: Size, stride: Size | None = None, padding: Size = 0) -> Function:
    """Returns a function that takes the largest value of each window, channel by channel.

    Of an image (h, w, channels) or a sequence (t, channels); rows and columns that fill no window are
    left out. Of equal values the first in reading order gets the gradient, as in PyTorch; `jnp.max`
    alone would share it out, and on flat backgrounds ties are common.

    Args:
      window: size of the windows; one number, or one for each axis.
      stride: distance between two windows, their size unless given.
      padding: rows on each side that no maximum is taken from, at most half a window.

    Raises:
      ValueError: a size below its least value, too much padding; from the function, an input of another
        rank, or that has no window.

    Source: `torch.nn.MaxPool2d` and `MaxPool1d`, channels last.

    >>> import jax.numpy as jnp
    >>> max_pool(2)(jnp.arange(16.0).reshape(4, 4, 1))[..., 0]
    Array([[ 5.,  7.],
           [13., 15.]], dtype=float32)
    """

    def pool(x: jax.Array, *windows: Any) -> jax.Array:
        size, steps, edges = windows
        return _max_pool(size, steps, pad(x, edges, -jnp.inf))

    return _pool("max_pool", window, stride, padding, pool)


def avg_pool(
    window: Size, stride: Size | None = None, padding: Size = 0, count_include_pad: bool = True
) -> Function:
    """Returns a function that takes the mean of each window, channel by channel.

    Of an image (h, w, channels) or a sequence (t, channels); rows and columns that fill no window are
    left out.

    Args:
      window: size of the windows; one number, or one for each axis.
      stride: distance between two windows, their size unless given.
      padding: rows of zeros on each side, at most half a window.
      count_include_pad: whether those zeros count in the mean.

    Raises:
      ValueError: a size below its least value, too much padding; from the function, an input of another
        rank, or that has no window.

    Source: `torch.nn.AvgPool2d` and `AvgPool1d`, channels last.

    >>> import jax.numpy as jnp
    >>> avg_pool(2)(jnp.arange(16.0).reshape(4, 4, 1))[..., 0]
    Array([[ 2.5,  4.5],
           [10.5, 12.5]], dtype=float32)
    """

    def pool(x: jax.Array, *windows: Any) -> jax.Array:
        size, steps, edges = windows
        total = functools.reduce(jnp.add, slide(pad(x, edges), size, steps))
        if count_include_pad:
            return total / np.prod(size).item()
        inside = pad(jnp.ones((*x.shape[:-1], 1), x.dtype), edges)
        return total / jnp.broadcast_to(functools.reduce(jnp.add, slide(inside, size, steps)), total.shape)

    return _pool("avg_pool", window, stride, padding, pool)


def adaptive_avg_pool(size: Size) -> Function:
    r"""Returns a function that takes means over as many windows as asked for, whatever the input's size.

    Window $i$ of $m$ along an axis of length $n$ holds the places from $\lfloor i n / m \rfloor$ to
    before $\lceil (i + 1) n / m \rceil$. With `size` 1 it is the mean over the whole image, or sequence.

    Args:
      size: length of the output along each axis; one number, or one for each axis.

    Raises:
      ValueError: a size below 1; from the function, an input of another rank.

    Source: `torch.nn.AdaptiveAvgPool2d` and `AdaptiveAvgPool1d`, channels last.

    >>> import jax.numpy as jnp
    >>> adaptive_avg_pool(2)(jnp.arange(5.0).reshape(5, 1))[:, 0]
    Array([1., 3.], dtype=float32)
    """
    size = check_size("adaptive_avg_pool: size", size, 1)
    name = f"adaptive_avg_pool({size})"

    def apply(x: jax.Array) -> jax.Array:
        _check_rank(name, size, x.shape)
        for axis, (count, length) in enumerate(
            zip(sizes(name, size, x.ndim - 1, 1), x.shape[:-1], strict=True)
        ):
            means = jnp.asarray(_means(count, length), x.dtype)
            x = jnp.moveaxis(jnp.tensordot(means, x, axes=(1, axis)), 0, axis)
        return x

    return _named(name, apply)


def _means(count: int, length: int) -> np.ndarray:
    """A matrix whose rows take the means of the windows of one axis."""
    places = np.arange(length)
    starts = np.arange(count) * length // count
    stops = -(-np.arange(1, count + 1) * length // count)
    inside = (places >= starts[:, None]) & (places < stops[:, None])
    return inside / inside.sum(axis=1, keepdims=True)


def _pool(kind: str, window: Size, stride: Size | None, padding: Size, pool: Callable[..., Any]) -> Function:
    """What the two kinds of windows share: reading the sizes, and checking the input."""
    window = check_size(f"{kind}: window", window, 1)
    stride = window if stride is None else check_size(f"{kind}: stride", stride, 1)
    padding = check_size(f"{kind}: padding", padding, 0)
    name = f"{kind}({window})"

    def read(axes: int) -> tuple[Sequence[int], Sequence[int], Sequence[tuple[int, int]]]:
        size = sizes(f"{kind}: window", window, axes, 1)
        steps = sizes(f"{kind}: stride", stride, axes, 1)
        edges = sizes(f"{kind}: padding", padding, axes, 0)
        for k, p in zip(size, edges, strict=True):
            if p > k // 2:
                raise ValueError(f"{kind}: padding must be at most half a window, got {p} for {k}")
        return size, steps, tuple((p, p) for p in edges)

    def apply(x: jax.Array) -> jax.Array:
        _check_rank(name, window, x.shape)
        size, steps, edges = read(x.ndim - 1)
        check_length(name, x.shape, [k - sum(edge) for k, edge in zip(size, edges, strict=True)])
        return pool(x, size, steps, edges)

    read(next((len(s) for s in (window, stride, padding) if not isinstance(s, int)), 1))
    return _named(name, apply)


def _named(name: str, function: Function) -> Function:
    function.__name__ = name  # for `summary`
    return function


def _check_rank(name: str, size: Size, shape: Shape) -> None:
    ranks = (2, 3) if isinstance(size, int) else (len(size) + 1,)
    if len(shape) not in ranks:
        known = {2: "(time, channels)", 3: "(height, width, channels)"}
        needed = " or ".join(known.get(rank, f"of {rank} axes") for rank in ranks)
        raise ValueError(f"{name}: the input must have shape {needed}, got {shape}")


# a custom JVP would serve forward mode, too, but keeps the mask and makes a CNN's step a fifth slower
@partial(jax.custom_vjp, nondiff_argnums=(0, 1))
def _max_pool(window: Sequence[int], stride: Sequence[int], x: jax.Array) -> jax.Array:
    # a maximum of slices: a max over the axes of reshaped windows takes twice as long on a CPU
    return functools.reduce(jnp.maximum, slide(x, window, stride))


def _max_pool_forward(
    window: Sequence[int], stride: Sequence[int], x: jax.Array
) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
    y = _max_pool(window, stride, x)
    return y, (x, y)


def _max_pool_backward(
    window: Sequence[int], stride: Sequence[int], residuals: tuple[jax.Array, jax.Array], grad: jax.Array
) -> tuple[jax.Array]:
    x, y = residuals
    winner = jnp.full(y.shape, -1)  # in reading order, the first of the largest
    for place, view in reversed([*enumerate(slide(x, window, stride))]):
        winner = jnp.where(view == y, place, winner)
    places = np.arange(np.prod(window))
    if tuple(window) != tuple(stride):
        grads = [jnp.where(winner == place, grad, 0) for place in places]
        (total,) = jax.linear_transpose(lambda x: slide(x, window, stride), x)(grads)
        return (total,)
    # windows that do not overlap: every number belongs to one of them, or to none
    axes = range(1, 2 * len(window), 2)
    own, grad = jnp.expand_dims(winner, axes), jnp.expand_dims(grad, axes)  # (h, 1, w, 1, channels)
    places = places.reshape([n for k in window for n in (1, k)] + [1])  # (1, k, 1, k, 1)
    covered = [n * k for n, k in zip(y.shape, window, strict=False)]
    rest = [(0, length - n) for length, n in zip(x.shape, covered, strict=False)]
    return (pad(jnp.where(own == places, grad, 0).reshape(*covered, x.shape[-1]), rest),)


_max_pool.defvjp(_max_pool_forward, _max_pool_backward)
