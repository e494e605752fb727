"""Windows that slide over the leading axes of an array, and what layers with such windows share."""

import itertools
from collections.abc import Sequence
from typing import TypeAlias

import jax
import jax.numpy as jnp

from jaxlearn._check import check_whole

from ._layer import Shape

Size: TypeAlias = int | Sequence[int]


def sizes(name: str, value: Size, axes: int, least: int) -> tuple[int, ...]:
    """One number for each axis, out of one for all or as many as there are axes.

    >>> sizes("conv2d: stride", 2, axes=2, least=1)
    (2, 2)
    >>> sizes("conv2d: stride", (2, 1, 1), axes=2, least=1)
    Traceback (most recent call last):
    ...
    ValueError: conv2d: stride must be one number or 2, got (2, 1, 1)
    """
    size = check_size(name, value, least)
    numbers = (size,) * axes if isinstance(size, int) else size
    if len(numbers) != axes:
        raise ValueError(f"{name} must be one number or {axes}, got {value!r}")
    return tuple(numbers)


def check_size(name: str, value: Size, least: int) -> Size:
    """Whole numbers from `least`, one for all axes or one for each, as Python's own.

    >>> import numpy as np
    >>> check_size("max_pool: window", [np.int64(2), 3], 1)
    (2, 3)
    """
    if isinstance(value, Sequence) and not isinstance(value, str):
        return tuple(check_whole(name, number, least) for number in value)
    return check_whole(name, value, least)


def pad(x: jax.Array, padding: Sequence[tuple[int, int]], value: float = 0.0) -> jax.Array:
    """Adds rows of `value` before and after, along the leading axes."""
    if not any(itertools.chain(*padding)):
        return x
    return jnp.pad(x, [*padding, (0, 0)], constant_values=jnp.asarray(value, x.dtype))


def slide(
    x: jax.Array, window: Sequence[int], stride: Sequence[int], dilation: Sequence[int] | None = None
) -> list[jax.Array]:
    """The number at each place of a window, in reading order, for all places of the window at once.

    Args:
      x: shape (*lengths, channels).
      window, stride, dilation: size of the window, and the distances between two windows and between
        two numbers of one window, along each axis; the dilation is 1 unless given.

    Returns:
      As many arrays as a window has places, each of shape (*windows, channels).

    >>> [a[:, 0].tolist() for a in slide(jnp.arange(5)[:, None], (3,), (2,))]
    [[0, 2], [1, 3], [2, 4]]
    """
    dilation = dilation or (1,) * len(window)
    counts = output_lengths(x.shape, window, stride, dilation)
    views = []
    for place in itertools.product(*map(range, window)):
        starts = [a * d for a, d in zip(place, dilation, strict=True)]
        stops = [start + (n - 1) * s + 1 for start, n, s in zip(starts, counts, stride, strict=True)]
        views.append(x[tuple(map(slice, starts, stops, stride))])
    return views


def output_lengths(
    lengths: Shape, window: Sequence[int], stride: Sequence[int], dilation: Sequence[int]
) -> tuple[int, ...]:
    """How many windows fit along each axis."""
    pairs = zip(lengths[: len(window)], window, stride, dilation, strict=True)
    return tuple((length - (k - 1) * d - 1) // s + 1 for length, k, s, d in pairs)


def check_length(name: str, shape: Shape, least: Sequence[int]) -> None:
    """Raises where not one window fits."""
    if any(length < k for length, k in zip(shape, least, strict=False)):
        needed, got = (" x ".join(map(str, lengths[: len(least)])) for lengths in (least, shape))
        raise ValueError(f"{name}: the input must be at least {needed}, got {got}")
