r"""First values of the parameters: the counterpart of `torch.nn.init`.

Each factory returns an initializer: `init(key, shape, dtype=None, out_sharding=None) -> array`, the
protocol of `jax.nn.initializers`, whose own fit in its place with `in_axis=-1, out_axis=0`. The dtype is
float32 unless given; a half-precision array is drawn in float32 and rounded once, at the end.

A weight has shape (out, ..., in): (out, in) of a linear layer, (out, height, width, in) of a convolution.
"""

import math
from typing import Any

import jax
import jax.numpy as jnp
from jax.nn.initializers import Initializer as Initializer
from jax.nn.initializers import variance_scaling

from jaxlearn._check import check, check_choice

CONVOLUTIONS = [f"conv{kind}{axes}d" for kind in ("", "_transpose") for axes in (1, 2, 3)]
SQUARED_GAINS = dict.fromkeys(("linear", *CONVOLUTIONS, "sigmoid"), 1.0)
SQUARED_GAINS |= {"tanh": 25 / 9, "relu": 2.0, "selu": 9 / 16}


def uniform(a: float = 0.0, b: float = 1.0) -> Initializer:
    """Uniform between two numbers.

    Args:
      a, b: finite, `a` not above `b`.

    Raises:
      ValueError: other bounds.

    Source: `torch.nn.init.uniform_`.

    >>> x = uniform(-2.0, 1.0)(jax.random.key(0), (1000,))
    >>> bool((-2 <= x.min()) & (x.max() < 1))
    True
    """
    check("uniform: a", a, "(-inf, inf)")
    check("uniform: b", b, "(-inf, inf)")
    check("uniform: b - a", b - a, "[0, inf)")

    def draw(key: Any, shape: Any, dtype: Any, out_sharding: Any) -> jax.Array:
        return jax.random.uniform(key, shape, dtype, a, b, out_sharding=out_sharding)

    return _initializer(draw)


def normal(mean: float = 0.0, std: float = 1.0) -> Initializer:
    """Normal.

    Args:
      mean: finite.
      std: standard deviation, in [0, inf).

    Raises:
      ValueError: a number outside its range.

    Source: `torch.nn.init.normal_`.

    >>> x = normal(3.0, 0.1)(jax.random.key(0), (100_000,))
    >>> round(float(x.mean()), 2), round(float(x.std()), 2)
    (3.0, 0.1)
    """
    check("normal: mean", mean, "(-inf, inf)")
    check("normal: std", std, "[0, inf)")

    def draw(key: Any, shape: Any, dtype: Any, out_sharding: Any) -> jax.Array:
        x = jax.random.normal(key, shape, dtype, out_sharding=out_sharding)
        return jnp.asarray(mean, dtype) + jnp.asarray(std, dtype) * x

    return _initializer(draw)


def truncated_normal(mean: float = 0.0, std: float = 1.0, a: float = -2.0, b: float = 2.0) -> Initializer:
    """Normal, but only what lies between two values.

    Args:
      mean: finite; of the whole distribution, before the cuts.
      std: its standard deviation, in (0, inf).
      a, b: least and greatest value, finite: values themselves, not multiples of `std`. They may lie to
        one side of the mean, by 4 `std` at the most.

    Raises:
      ValueError: a number outside its range, or `b` not above `a`.

    Source: `torch.nn.init.trunc_normal_`. The cuts of `jax.nn.initializers.truncated_normal` are multiples
    of `std`.

    >>> x = truncated_normal(std=10.0)(jax.random.key(0), (1000,))
    >>> bool(abs(x).max() <= 2), round(float(x.std()), 1)  # nearly uniform
    (True, 1.2)
    """
    check("truncated_normal: std", std, "(0, inf)")
    for name, value in (("mean", mean), ("a", a), ("b", b)):
        check(f"truncated_normal: {name}", value, "(-inf, inf)")
    check("truncated_normal: b - a", b - a, "(0, inf)")
    check("truncated_normal: (a - mean) / std", (a - mean) / std, "(-inf, 4]")
    check("truncated_normal: (b - mean) / std", (b - mean) / std, "[-4, inf)")

    def draw(key: Any, shape: Any, dtype: Any, out_sharding: Any) -> jax.Array:
        least, most, center, scale = (jnp.asarray(number, dtype) for number in (a, b, mean, std))
        # cuts further out are none: in float32 erf is 1 there, and one number in 2^23 would be infinite
        lower, upper = (jnp.clip((cut - center) / scale, -5, 5) for cut in (least, most))
        x = jax.random.truncated_normal(key, lower, upper, shape, dtype, out_sharding=out_sharding)
        return jnp.clip(center + scale * x, least, most)

    return _initializer(draw)


def constant(value: float) -> Initializer:
    """One number everywhere.

    Raises:
      ValueError: an array, or NaN.

    Source: `torch.nn.init.constant_`.

    >>> constant(0.25)(jax.random.key(0), (2,))
    Array([0.25, 0.25], dtype=float32)
    """
    check("constant: value", value, "[-inf, inf]")
    return jax.nn.initializers.constant(value)


def zeros() -> Initializer:
    """0 everywhere, as `torch.nn.init.zeros_`.

    >>> zeros()(jax.random.key(0), (2,))
    Array([0., 0.], dtype=float32)
    """
    return jax.nn.initializers.zeros


def ones() -> Initializer:
    """1 everywhere, as `torch.nn.init.ones_`.

    >>> ones()(jax.random.key(0), (2,))
    Array([1., 1.], dtype=float32)
    """
    return jax.nn.initializers.ones


def xavier_uniform(gain: float = 1.0) -> Initializer:
    r"""Uniform within $\pm g\sqrt{6/(\text{fan}_{in}+\text{fan}_{out})}$, for layers before a tanh.

    Args:
      gain: $g$ in [0, inf); `nn.init.gain` has PyTorch's for each activation.

    Raises:
      ValueError: `gain` outside its range; from the initializer, a weight with fewer than two axes.

    Source: Glorot & Bengio (2010), https://proceedings.mlr.press/v9/glorot10a.html;
    `torch.nn.init.xavier_uniform_`.

    >>> float(abs(xavier_uniform()(jax.random.key(0), (200, 400))).max())  # sqrt(6 / 600)
    0.1
    """
    return _xavier("xavier_uniform", gain, "uniform")


def xavier_normal(gain: float = 1.0) -> Initializer:
    r"""Normal with mean 0 and variance $2g^2/(\text{fan}_{in}+\text{fan}_{out})$, for layers before a tanh.

    A true normal distribution; `jax.nn.initializers.xavier_normal` cuts its tails.

    Args, Raises and Source: as `xavier_uniform`; `torch.nn.init.xavier_normal_`.

    >>> float(xavier_normal()(jax.random.key(0), (50, 150)).std())  # sqrt(2 / 200)
    0.10
    """
    return _xavier("xavier_normal", gain, "normal")


def kaiming_uniform(a: float = 0.0, mode: str = "fan_in", nonlinearity: str = "leaky_relu") -> Initializer:
    r"""Uniform within $\pm g\sqrt{3/\text{fan}}$, for layers before a ReLU.

    Args:
      a: slope of the leaky ReLU below 0, finite; without meaning for other activations.
      mode: "fan_in" keeps the size of activations, "fan_out" that of gradients.
      nonlinearity: the activation after the layer, which sets $g$: see `gain`.

    Raises:
      ValueError: an unknown word; from the initializer, a weight with fewer than two axes.

    Source: He et al. (2015), https://arxiv.org/abs/1502.01852; `torch.nn.init.kaiming_uniform_`.

    >>> float(abs(kaiming_uniform()(jax.random.key(0), (400, 600))).max())  # sqrt(6 / 600)
    0.1
    """
    return _kaiming("kaiming_uniform", a, mode, nonlinearity, "uniform")


def kaiming_normal(a: float = 0.0, mode: str = "fan_in", nonlinearity: str = "leaky_relu") -> Initializer:
    r"""Normal with mean 0 and variance $g^2/\text{fan}$, for layers before a ReLU.

    A true normal distribution, as in the paper; `jax.nn.initializers.he_normal` cuts its tails.

    Args, Raises and Source: as `kaiming_uniform`; `torch.nn.init.kaiming_normal_`.

    >>> float(kaiming_normal()(jax.random.key(0), (1000, 200)).std())  # sqrt(2 / 200)
    0.10
    """
    return _kaiming("kaiming_normal", a, mode, nonlinearity, "normal")


def orthogonal(gain: float = 1.0) -> Initializer:
    r"""A random orthogonal matrix, evenly distributed over all of them, times $g$.

    A weight of shape (out, ..., in) is the matrix of `out` rows that `reshape(out, -1)` makes of it; the rows
    are orthonormal, or the columns where they are fewer.

    Args and Raises: as `xavier_uniform`.

    Source: Saxe et al. (2014), https://arxiv.org/abs/1312.6120; `torch.nn.init.orthogonal_`.

    >>> q = orthogonal()(jax.random.key(0), (4, 3, 3, 2)).reshape(4, -1)
    >>> bool(abs(q @ q.T - jnp.eye(4)).max() < 1e-6)
    True
    """
    check("orthogonal: gain", gain, "[0, inf)")
    return _initializer(jax.nn.initializers.orthogonal(gain), "orthogonal")


def gain(nonlinearity: str, param: float | None = None) -> Any:
    r"""By how much an activation wants larger weights before it.

    Args:
      nonlinearity: "linear", "sigmoid" or a convolution, such as "conv2d" or "conv_transpose1d": 1;
        "tanh": 5/3; "relu": $\sqrt 2$; "leaky_relu": $\sqrt{2/(1+a^2)}$; "selu": 3/4.
      param: $a$, the slope of the leaky ReLU below 0, finite; 0.01 unless given.

    Raises:
      ValueError: an unknown word, or a slope that is not finite.

    Source: `torch.nn.init.calculate_gain`.

    >>> gain("leaky_relu", 1.0)
    1.0
    """
    slope = 0.01 if param is None else param
    check("gain: param", slope, "(-inf, inf)")
    return _squared_gain("gain", nonlinearity, slope) ** 0.5


def fans(shape: tuple[int, ...]) -> tuple[int, int]:
    """How many inputs an output of a weight has, and how many outputs an input: (fan_in, fan_out).

    Raises:
      ValueError: `shape` is not (out, ..., in).

    >>> fans((32, 3, 3, 16))
    (144, 288)
    """
    _check_weight("fans", shape)
    outputs, *kernel, inputs = shape
    return math.prod(kernel) * inputs, math.prod(kernel) * outputs


def _xavier(name: str, gain: float, distribution: Any) -> Initializer:
    check(f"{name}: gain", gain, "[0, inf)")
    return _initializer(variance_scaling(gain * gain, "fan_avg", distribution), name)


def _kaiming(name: str, a: float, mode: Any, nonlinearity: str, distribution: Any) -> Initializer:
    check(f"{name}: a", a, "(-inf, inf)")
    check_choice(f"{name}: mode", mode, ("fan_in", "fan_out"))
    return _initializer(variance_scaling(_squared_gain(name, nonlinearity, a), mode, distribution), name)


def _squared_gain(name: str, nonlinearity: str, slope: Any) -> Any:
    """Exactly 2 for a ReLU: the root of it squared would not be."""
    check_choice(f"{name}: nonlinearity", nonlinearity, (*SQUARED_GAINS, "leaky_relu"))
    return SQUARED_GAINS[nonlinearity] if nonlinearity in SQUARED_GAINS else 2 / (1 + slope * slope)


def _initializer(draw: Any, weight: str = "") -> Initializer:
    """Draws in float32 at the least; a `weight`, which gives its name to errors, must have fans."""

    def init(key: Any, shape: Any, dtype: Any = None, out_sharding: Any = None) -> jax.Array:
        dtype = jnp.result_type(float) if dtype is None else dtype
        wide = dtype if jnp.finfo(dtype).bits >= 32 else jnp.float32
        if weight:
            _check_weight(weight, shape)
        if 0 in shape:  # a fan may be 0, too
            return jnp.zeros(shape, dtype, out_sharding=out_sharding)
        if not weight:
            return draw(key, shape, wide, out_sharding).astype(dtype)
        # drawn with outputs last, as `jax.nn.initializers` have them: one key, one network
        drawn = jnp.moveaxis(draw(key, (*shape[1:], shape[0]), wide, None), -1, 0).astype(dtype)
        return drawn if out_sharding is None else jax.sharding.reshard(drawn, out_sharding)

    return init


def _check_weight(name: str, shape: tuple[int, ...]) -> None:
    if len(shape) < 2:
        raise ValueError(f"{name}: the weight must have shape (out, ..., in), got {tuple(shape)}")
