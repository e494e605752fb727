"""Activation functions with PyTorch's meanings: jax.nn's where they agree, value and gradient."""

import difflib
from typing import Any

import jax
import jax.numpy as jnp
from jax.nn import (
    elu,
    hard_swish,
    log_softmax,
    mish,
    relu,
    selu,
    sigmoid,
    silu,
    softmax,
    tanh,
)

from jaxlearn._check import check, check_choice

from ._compose import identity
from ._layer import Function, Layer, Params, Shape, channels_of, check_last_axes, layer

hardswish = hard_swish


def leaky_relu(x: jax.Array, negative_slope: float = 0.01) -> jax.Array:
    r"""$y = x$ where $x > 0$, and $\alpha x$ elsewhere.

    At 0 its slope is $\alpha$, as in PyTorch; that of `jax.nn.leaky_relu` is 1.

    Args:
      x: any shape.
      negative_slope: $\alpha$.

    Source: Maas et al. (2013), "Rectifier nonlinearities improve neural network acoustic models";
    `torch.nn.LeakyReLU`.

    >>> print(leaky_relu(jnp.array([-1.0, 2.0]), 0.1))
    [-0.1  2. ]
    """
    return jnp.where(x > 0, x, negative_slope * x)


def gelu(x: jax.Array, approximate: str = "none") -> jax.Array:
    r"""$y = x\,\Phi(x)$, with $\Phi$ the normal distribution function.

    Args:
      x: any shape.
      approximate: "none"; or "tanh", which `jax.nn.gelu` takes unless told not to, for
        $\Phi(x) \approx \frac12 (1 + \tanh(\sqrt{2/\pi}\,(x + 0.044715\,x^3)))$.

    Raises:
      ValueError: another `approximate`.

    Source: Hendrycks & Gimpel (2016), https://arxiv.org/abs/1606.08415; `torch.nn.GELU`.

    >>> print(gelu(jnp.array([-1.0, 1.0])))
    [-0.15865526  0.8413447 ]
    """
    check_choice("gelu: approximate", approximate, ("none", "tanh"))
    return jax.nn.gelu(x, approximate=approximate == "tanh")


def softplus(x: jax.Array, beta: float = 1.0, threshold: float = 20.0) -> jax.Array:
    r"""$y = \frac1\beta \log(1 + e^{\beta x})$, a smooth ReLU; $y = x$ where $\beta x$ is above `threshold`.

    Args:
      x: any shape.
      beta: $\beta$, not 0.
      threshold: where $y$ becomes $x$; `jnp.inf` for never, which is `jax.nn.softplus`.

    Source: Dugas et al. (2001), "Incorporating second-order functional knowledge for better option
    pricing"; `torch.nn.Softplus`.

    >>> print(softplus(jnp.array([0.0, 30.0])))
    [ 0.6931472 30.       ]
    """
    return jnp.where(beta * x > threshold, x, jax.nn.softplus(beta * x) / beta)


def hardtanh(x: jax.Array, min_value: float = -1.0, max_value: float = 1.0) -> jax.Array:
    """The nearest number to `x` between two bounds.

    At the bounds its slope is 0, as in PyTorch; that of `jax.nn.hard_tanh` is 1.

    Args:
      x: any shape.
      min_value, max_value: the bounds.

    Source: `torch.nn.Hardtanh`.

    >>> print(hardtanh(jnp.array([-2.0, 0.5, 2.0])))
    [-1.   0.5  1. ]
    """
    return jnp.where(x <= min_value, min_value, jnp.where(x >= max_value, max_value, x))


def prelu(per_channel: bool = False, start: float = 0.25) -> Layer:
    r"""$y = x$ where $x > 0$, and $\alpha x$ elsewhere, with an $\alpha$ that is learnt.

    Parameter: "slope" $\alpha$, of shape (), or (channels,) for one along each place of the last axis.

    Args:
      per_channel: an $\alpha$ for each channel, and not one for all.
      start: the first $\alpha$.

    Raises:
      ValueError: a `start` that is not finite; from `apply`, other channels than the slopes'.

    Source: He et al. (2015), https://arxiv.org/abs/1502.01852; equal to `torch.nn.PReLU`, channels last.

    >>> params, state = prelu().init(jax.random.key(0), (2,))
    >>> print(prelu().apply(params, state, jnp.array([-1.0, 2.0]))[0])
    [-0.25  2.  ]
    """
    check("prelu: start", start, "(-inf, inf)")

    def init(key: Any, shape: Shape) -> Params:
        return {"slope": jnp.full(channels_of("prelu", shape) if per_channel else (), start)}

    def apply(params: Params, x: jax.Array) -> jax.Array:
        if per_channel:
            check_last_axes("prelu", x.shape, params["slope"].shape)
        slope = jnp.broadcast_to(params["slope"], x.shape)
        return jnp.where(x > 0, x, slope * x)

    return layer(init, apply, "prelu")


ACTIVATIONS: dict[str, Function] = {
    "elu": elu,
    "gelu": gelu,
    "hardswish": hardswish,
    "hardtanh": hardtanh,
    "identity": identity,
    "leaky_relu": leaky_relu,
    "log_softmax": log_softmax,
    "mish": mish,
    "relu": relu,
    "selu": selu,
    "sigmoid": sigmoid,
    "silu": silu,
    "softmax": softmax,
    "softplus": softplus,
    "tanh": tanh,
}


def activation(name: str) -> Function:
    """The activation function of a name: what turns a command line's word into a layer.

    Raises:
      ValueError: an unknown name.

    >>> print(activation("relu")(jnp.array([-1.0, 2.0])))
    [0. 2.]
    >>> activation("rleu")
    Traceback (most recent call last):
    ...
    ValueError: activation 'rleu' is unknown; did you mean relu?
    """
    if name not in ACTIVATIONS:
        close = difflib.get_close_matches(str(name), ACTIVATIONS, n=1)
        hint = f"did you mean {close[0]}?" if close else f"known are {', '.join(ACTIVATIONS)}"
        raise ValueError(f"activation {name!r} is unknown; {hint}")
    return ACTIVATIONS[name]
