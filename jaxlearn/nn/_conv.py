"""Convolution and pooling over images of shape (height, width, channels)."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from ._initializers import he_normal
from ._layer import Layer, Params, Shape, layer


def conv2d(
    features: int,
    kernel_size: int,
    stride: int = 1,
    padding: int = 0,
    weight_init: jax.nn.initializers.Initializer | None = None,
) -> Layer:
    r"""Slides `features` kernels over an image: (h, w, channels) to (h', w', features).

    $$y_{ijf} = b_f + \sum_{a,b,c} W_{abcf}\; x_{is+a-p,\; js+b-p,\; c}, \qquad
      h' = \lfloor (h + 2p - k)/s \rfloor + 1$$

    with $W$ of shape (k, k, channels, features) and $b$ of shape (features,). It is a
    cross-correlation, as in PyTorch. On a CPU it runs as one matrix product over patches, because
    XLA's convolution there is ten times slower inside a loop; elsewhere the vendor's convolution runs.

    Args:
      features: number of kernels.
      kernel_size: $k$, their height and width.
      stride: $s$, the distance between two windows.
      padding: $p$, rows and columns of zeros on each side.
      weight_init: first values of $W$, `he_normal()` unless given; $b$ starts at 0.

    Raises:
      ValueError: a size below its least value; from `init`, an input that is not an image, or is
        smaller than the kernel.

    >>> import jax, jax.numpy as jnp
    >>> params, state = conv2d(16, 3).init(jax.random.key(0), (28, 28, 1))
    >>> conv2d(16, 3).apply(params, state, jnp.ones((28, 28, 1)))[0].shape
    (26, 26, 16)
    """
    name = f"conv2d({features}, {kernel_size})"
    for argument, value, least in [
        ("features", features, 1),
        ("kernel_size", kernel_size, 1),
        ("stride", stride, 1),
        ("padding", padding, 0),
    ]:
        if value < least:
            raise ValueError(f"conv2d: {argument} must be at least {least}, got {value}")

    def init(key: Any, shape: Shape) -> Params:
        _check_image(name, shape, kernel_size - 2 * padding)
        weight = (weight_init or he_normal())(key, (kernel_size, kernel_size, shape[2], features))
        return {"weight": weight, "bias": jnp.zeros(features, weight.dtype)}

    def apply(params: Params, x: jax.Array) -> jax.Array:
        y = lax.platform_dependent(
            x,
            params["weight"],
            cpu=partial(_convolve_patches, stride=stride, padding=padding),
            default=partial(_convolve_natively, stride=stride, padding=padding),
        )
        return y + jnp.broadcast_to(params["bias"], y.shape)

    return layer(init, apply)


def max_pool(window: int) -> Any:
    """Returns a function that takes the largest value of each `window` x `window` square.

    (h, w, channels) to (h // window, w // window, channels), channel by channel; rows and columns
    that fill no window are left out. Of equal values the first in reading order gets the gradient,
    as in PyTorch; `jnp.max` alone would share it out, and on flat backgrounds ties are common.

    Raises:
      ValueError: `window` below 1; from the function, an input that is no image or has no window.

    >>> import jax.numpy as jnp
    >>> max_pool(2)(jnp.arange(16.0).reshape(4, 4, 1))[..., 0]
    Array([[ 5.,  7.],
           [13., 15.]], dtype=float32)
    """
    if window < 1:
        raise ValueError(f"max_pool: window must be at least 1, got {window}")

    def apply(x: jax.Array) -> jax.Array:
        _check_image(f"max_pool({window})", x.shape, window)
        height, width = x.shape[0] // window * window, x.shape[1] // window * window
        return _max_pool(window, x[:height, :width])

    return apply


def _check_image(name: str, shape: Shape, least: int) -> None:
    if len(shape) != 3:
        raise ValueError(f"{name}: the input must have shape (height, width, channels), got {shape}")
    if min(shape[:2]) < least:
        raise ValueError(f"{name}: the image must be at least {least} x {least}, got {shape[0]} x {shape[1]}")


def _convolve_natively(x: jax.Array, weight: jax.Array, stride: int, padding: int) -> jax.Array:
    return lax.conv_general_dilated(
        x[None],
        weight,
        window_strides=(stride, stride),
        padding=[(padding, padding)] * 2,
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
    )[0]


def _convolve_patches(x: jax.Array, weight: jax.Array, stride: int, padding: int) -> jax.Array:
    k, _, channels, features = weight.shape
    x = jnp.pad(x, [(padding, padding), (padding, padding), (0, 0)])
    height, width = (x.shape[0] - k) // stride + 1, (x.shape[1] - k) // stride + 1
    rows, columns = (height - 1) * stride + 1, (width - 1) * stride + 1
    shifted = [x[a : a + rows : stride, b : b + columns : stride] for a in range(k) for b in range(k)]
    patches = jnp.concatenate(shifted, axis=-1)  # (height, width, k * k * channels)
    return patches @ weight.reshape(k * k * channels, features)


# a custom JVP would serve forward mode, too, but keeps the mask and makes a CNN's step a fifth slower
@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _max_pool(window: int, x: jax.Array) -> jax.Array:
    return jnp.max(_squares(window, x), axis=(1, 3))


def _max_pool_forward(window: int, x: jax.Array) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
    y = _max_pool(window, x)
    return y, (x, y)


def _max_pool_backward(
    window: int, residuals: tuple[jax.Array, jax.Array], grad: jax.Array
) -> tuple[jax.Array]:
    x, y = residuals
    taken = jnp.zeros(y.shape, bool)
    rows = []
    for a in range(window):
        row = []
        for b in range(window):
            largest = x[a::window, b::window] == y
            row.append(jnp.where(largest & ~taken, grad, 0))
            taken |= largest
        rows.append(jnp.stack(row, axis=2))  # (h / window, w / window, window, channels)
    grads = jnp.stack(rows, axis=1)  # (h / window, window, w / window, window, channels)
    return (grads.reshape(x.shape),)


_max_pool.defvjp(_max_pool_forward, _max_pool_backward)


def _squares(window: int, x: jax.Array) -> jax.Array:
    height, width, channels = x.shape
    return x.reshape(height // window, window, width // window, window, channels)
