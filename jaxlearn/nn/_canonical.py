"""A convolution that is as fast inside a loop on a CPU as outside.

XLA runs a convolution on a CPU through a fast library only where it is in one form, here called canonical:
images (batch, *lengths, channels), kernels (*window, channels, features). A pass of its compiler brings
other forms into this one, but looks at the entry of a program alone and not into its loops. JAX's gradients
are in other forms, so that inside `scan` or `fori_loop`, where training happens, they become plain loops,
up to 50 times slower (https://github.com/jax-ml/jax/issues/12868).

The convolution here is canonical, and so are its two transposes, because they are the same convolution of
transposed operands. This takes a primitive. The rules of a `jax.custom_vjp` would see the single examples
that layers are written for, under vmap, and compute a kernel's gradient for each example to add them up. The
rules of a primitive see the batch, because its batching rule has merged the examples' axis into it.
"""

import functools
import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
from jax import lax
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

from ._windows import pad, slide

Numbers: TypeAlias = tuple[int, ...]  # one for each axis of the images

# Where something else than XLA's convolution wins: measured with JAX 0.10.2 and 0.12.0 on 2 cores
FEW_PRODUCTS, FEW_FEATURES = 32, 16  # as in the first layer of a CNN: `_gather` takes half as long
MOST_ZEROS, MANY_PLACES = 2, 49  # as in the gradient of 8 x 8 through 5 x 5: `_scatter`, two thirds
PIECE = 2**19  # bytes of a batch: in such pieces, the kernel's gradient of 256 images takes half as long


class Geometry(NamedTuple):
    """How the windows lie; numbers for each axis, the padding as zeros before and after.

    Attributes:
      stride: distance between two windows.
      padding: zeros around the images; negative numbers take away.
      image_dilation: distance between two numbers of the images, with zeros between them.
      dilation: distance between two numbers of a window.
    """

    stride: Numbers
    padding: tuple[tuple[int, int], ...]
    image_dilation: Numbers
    dilation: Numbers


def convolve(geometry: Geometry, x: jax.Array, kernel: jax.Array) -> jax.Array:
    """Images (batch, *lengths, channels) with kernels (*window, channels, features); for a CPU only."""
    return _convolve.bind(x, kernel, geometry=geometry)


def _run(x: jax.Array, kernel: jax.Array, *, geometry: Geometry) -> jax.Array:
    if any(edge < 0 for edge in itertools.chain(*geometry.padding)):  # it would become a plain loop
        edges = zip(geometry.padding, geometry.image_dilation, strict=True)
        x = _stretch(x, [(before, after, gap - 1) for (before, after), gap in edges])
        axes = len(geometry.stride)
        geometry = geometry._replace(padding=((0, 0),) * axes, image_dilation=(1,) * axes)
    return _algorithm(geometry, x.shape, kernel.shape)(geometry, x, kernel)


def _algorithm(
    geometry: Geometry, images: Numbers, kernel: Numbers
) -> Callable[[Geometry, jax.Array, jax.Array], jax.Array]:
    *window, channels, features = kernel
    if max(geometry.image_dilation, default=1) > 1:
        return _native
    if math.prod(window) * channels <= FEW_PRODUCTS and features <= FEW_FEATURES:
        return _gather
    numbers, results = (math.prod(lengths) for lengths in (images[1:-1], _lengths(geometry, images, kernel)))
    if (
        max(geometry.stride, default=1) > 1
        or MOST_ZEROS * numbers > results
        or math.prod(window) > MANY_PLACES
    ):
        return _native
    return _scatter


def _native(geometry: Geometry, x: jax.Array, kernel: jax.Array) -> jax.Array:
    axes = "".join(chr(ord("a") + i) for i in range(len(geometry.stride)))
    layout = (f"N{axes}C", f"{axes}IO", f"N{axes}C")
    return lax.conv_general_dilated(x, kernel, *geometry, dimension_numbers=layout)


def _gather(geometry: Geometry, x: jax.Array, kernel: jax.Array) -> jax.Array:
    """One product of the kernel and what lies under each window."""
    stride, padding, _, dilation = geometry
    *window, _, features = kernel.shape
    cut = lambda x: jnp.concatenate(slide(pad(x, padding), window, stride, dilation), axis=-1)
    return jax.vmap(cut)(x) @ kernel.reshape(-1, features)


def _scatter(geometry: Geometry, x: jax.Array, kernel: jax.Array) -> jax.Array:
    """One product of the images and the kernel, whose results are then added up where they belong."""
    *window, _, features = kernel.shape
    products = jnp.einsum("...c,kcf->...kf", x, kernel.reshape(math.prod(window), -1, features))
    after = [m - n for n, m in zip(x.shape[1:-1], _lengths(geometry, x.shape, kernel.shape), strict=True)]
    parts = []
    for i, place in enumerate(itertools.product(*map(range, window))):
        starts = [p - a * d for a, (p, _), d in zip(place, geometry.padding, geometry.dilation, strict=True)]
        edges = [(start, n - start, 0) for start, n in zip(starts, after, strict=True)]
        parts.append(_stretch(products[..., i, :], edges))
    return functools.reduce(jnp.add, parts)


def _stretch(x: jax.Array, edges: Sequence[tuple[int, int, int]]) -> jax.Array:
    """Zeros before, after and between along the inner axes; negative numbers take away."""
    return lax.pad(x, jnp.zeros((), x.dtype), [(0, 0, 0), *edges, (0, 0, 0)])


def _lengths(geometry: Geometry, images: Numbers, kernel: Numbers) -> Numbers:
    """How many windows fit along each axis."""
    axes = zip(images[1:-1], kernel, *geometry, strict=False)
    return tuple(
        max((max((n - 1) * gap + 1, 0) + sum(edge) - (k - 1) * d - 1) // s + 1, 0)
        for n, k, s, edge, gap, d in axes
    )


def _abstract(x: Any, kernel: Any, *, geometry: Geometry) -> Any:
    lengths = _lengths(geometry, x.shape, kernel.shape)
    spec = [x.sharding.spec[0], *[None] * len(lengths), kernel.sharding.spec[-1]]
    return x.update(
        shape=(x.shape[0], *lengths, kernel.shape[-1]),
        sharding=x.sharding.update(spec=jax.sharding.PartitionSpec(*spec)),
        weak_type=False,
    )


def _images_gradient(grad: jax.Array, x: Any, kernel: jax.Array, *, geometry: Geometry) -> jax.Array:
    """The outputs' gradient, with zeros between and around, and the kernel turned round."""
    stride, _, image_dilation, dilation = geometry
    axes = tuple(range(kernel.ndim - 2))
    edges = []
    for n, m, k, s, edge, gap, d in zip(
        x.aval.shape[1:-1], grad.shape[1:-1], kernel.shape, *geometry, strict=False
    ):
        before = (k - 1) * d - edge[0]
        edges.append((before, (n - 1) * gap + (k - 1) * d - (m - 1) * s - before))
    turned = Geometry(image_dilation, tuple(edges), stride, dilation)
    return convolve(turned, grad, jnp.flip(kernel, axes).swapaxes(-1, -2))


def _kernel_gradient(grad: jax.Array, x: jax.Array, kernel: Any, *, geometry: Geometry) -> jax.Array:
    """The images as (channels, *lengths, batch), with kernels (*lengths, batch, features)."""
    if not grad.size:
        return jnp.zeros(kernel.aval.shape, grad.dtype)
    stride, _, image_dilation, dilation = geometry
    edges = []
    for n, m, k, s, (before, _), gap, d in zip(
        x.shape[1:-1], grad.shape[1:-1], kernel.aval.shape, *geometry, strict=False
    ):
        edges.append((before, (m - 1) * s + (k - 1) * d - (n - 1) * gap - before))
    turned = Geometry(dilation, tuple(edges), image_dilation, stride)
    inner = tuple(range(1, x.ndim - 1))

    def of_piece(x: jax.Array, grad: jax.Array) -> jax.Array:
        total = convolve(turned, x.transpose(-1, *inner, 0), grad.transpose(*inner, 0, -1))
        return total.transpose(*inner, 0, -1)

    return _sum_of_pieces(of_piece, x, grad)


def _sum_of_pieces(function: Any, *batches: jax.Array) -> jax.Array:
    """What `function` makes of a batch and adds up, out of pieces of the batch that stay in the cache."""
    examples = len(batches[0])
    most = PIECE * examples // sum(a.size * a.dtype.itemsize for a in batches)
    size = max((n for n in range(1, min(most, examples) + 1) if examples % n == 0), default=1)
    if 4 * size < most or size >= examples:  # few divisors: pieces would be too small
        return function(*batches)
    # every piece takes examples from the whole batch, and so from every device that holds a share of it
    shares = [a.reshape(size, -1, *a.shape[1:]) for a in batches]
    piece = lambda i: function(*(lax.dynamic_index_in_dim(a, i, axis=1, keepdims=False) for a in shares))
    return lax.fori_loop(1, examples // size, lambda i, total: total + piece(i), piece(0))


def _batch(arrays: Any, axes: Any, *, geometry: Geometry) -> tuple[jax.Array, int]:
    x, kernel = arrays
    x_axis, kernel_axis = axes
    if kernel_axis is None:
        x = jnp.moveaxis(x, x_axis, 0)
        y = convolve(geometry, x.reshape(-1, *x.shape[2:]), kernel)
        return y.reshape(*x.shape[:2], *y.shape[1:]), 0
    if x_axis is None:
        kernel = jnp.moveaxis(kernel, kernel_axis, -2)
        y = convolve(geometry, x, kernel.reshape(*kernel.shape[:-2], -1))
        return y.reshape(*y.shape[:-1], *kernel.shape[-2:]), y.ndim - 1
    # a kernel for each batch: in turn, as fast as each alone; as groups of one convolution they take twice as
    # long, as patches and one product up to four times
    pairs = jnp.moveaxis(x, x_axis, 0), jnp.moveaxis(kernel, kernel_axis, 0)
    return lax.map(lambda pair: convolve(geometry, *pair), pairs), 0


_convolve = Primitive("canonical_convolution")
_convolve.def_impl(_run)
_convolve.def_abstract_eval(_abstract)
ad.defbilinear(_convolve, _images_gradient, _kernel_gradient)
batching.primitive_batchers[_convolve] = _batch
mlir.register_lowering(_convolve, mlir.lower_fun(_run, multiple_results=False))
