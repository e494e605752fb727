"""Losses of yes-or-no questions, any number of them for an example."""

from typing import Any

import jax
import jax.numpy as jnp

from jaxlearn._check import first_outside

from ._reduce import EPSILON, check_float, floats, reduce


def bce(
    probabilities: jax.Array, targets: jax.Array, weight: jax.Array | None = None, reduction: str = "mean"
) -> jax.Array:
    r"""Binary cross-entropy of probabilities, in nats, for each number.

    $$\ell = -w\,\big(y \log p + (1 - y) \log(1 - p)\big)$$

    Logarithms are cut off at -100, so that a certain and wrong answer costs 100. The slope in $p$ is
    $w\,(p - y) / \max(p (1 - p), 10^{-12})$, also where the logarithm is cut off, so that it stays finite and
    points the right way. Out of a model's logits, `bce_with_logits` is more exact.

    Args:
      probabilities: $p$ in [0, 1], floats of any shape; outside it the loss is NaN where JAX traces.
      targets: $y$ in [0, 1], floats of the same shape.
      weight: $w$, floats, 1 unless given; of the shape of the probabilities or of their last axes, such as
        (classes,).
      reduction: "mean" over all numbers (not divided by the weights), "sum" or "none".

    Returns:
      The loss, shape (), or with "none" that of the probabilities; in their dtype.

    Raises:
      ValueError: shapes that do not fit, an unknown reduction; probabilities or targets outside [0, 1],
        where their values are known.
      TypeError: arrays that are not of floats.

    Source: `torch.nn.functional.binary_cross_entropy`, but for the slope in the targets at $p$ of 0 and 1,
    which is infinite there and here the difference of the cut logarithms, 100.

    >>> bce(jnp.array([0.5, 1.0, 1.0]), jnp.array([1.0, 1.0, 0.0]), reduction="none")
    Array([  0.6931472,   0.       , 100.       ], dtype=float32)
    """
    dtype, p, y = floats("bce", probabilities=probabilities, targets=targets)
    _check_probabilities(probabilities=probabilities, targets=targets)
    losses = _cut_bce(p, y)
    if weight is not None:
        losses = losses * _expand("bce", "weight", weight, losses)
    return reduce("bce", losses, reduction, dtype)


def bce_with_logits(
    logits: jax.Array,
    targets: jax.Array,
    weight: jax.Array | None = None,
    pos_weight: jax.Array | None = None,
    reduction: str = "mean",
) -> jax.Array:
    r"""Binary cross-entropy of logits, in nats, for each number; exact however large they are.

    $$\ell = -w\,\big(q\,y \log \sigma(z) + (1 - y) \log \sigma(-z)\big)$$

    with $\sigma$ the sigmoid.

    Args:
      logits: $z$, floats of any shape.
      targets: $y$ in [0, 1], floats of the same shape.
      weight: $w$, floats, 1 unless given; of the shape of the logits or of their last axes, such as
        (classes,).
      pos_weight: $q$, the weight of a yes, 1 unless given; of shapes as for `weight`. The number of noes for
        each yes balances the two.
      reduction: "mean" over all numbers (not divided by the weights), "sum" or "none".

    Returns:
      The loss, shape (), or with "none" that of the logits; in their dtype.

    Raises:
      ValueError: shapes that do not fit, an unknown reduction.
      TypeError: arrays that are not of floats.

    Source: `torch.nn.functional.binary_cross_entropy_with_logits`.

    >>> bce_with_logits(jnp.array([0.0, 1000.0, 1000.0]), jnp.array([1.0, 1.0, 0.0]), reduction="none")
    Array([6.931472e-01, 0.000000e+00, 1.000000e+03], dtype=float32)
    """
    dtype, z, y = floats("bce_with_logits", logits=logits, targets=targets)
    yes = y * jax.nn.log_sigmoid(z)
    if pos_weight is not None:
        yes = yes * _expand("bce_with_logits", "pos_weight", pos_weight, z)
    losses = -(yes + (1 - y) * jax.nn.log_sigmoid(-z))
    if weight is not None:
        losses = losses * _expand("bce_with_logits", "weight", weight, z)
    return reduce("bce_with_logits", losses, reduction, dtype)


@jax.custom_jvp
def _cut_bce(p: jax.Array, y: jax.Array) -> jax.Array:
    no, yes = _costs(p)
    return (1 - y) * no + y * yes


@_cut_bce.defjvp
def _cut_bce_jvp(primals: Any, tangents: Any) -> tuple[jax.Array, jax.Array]:
    (p, y), (p_dot, y_dot) = primals, tangents
    no, yes = _costs(p)
    slope = (p - y) / jnp.maximum((1 - p) * p, EPSILON)
    return _cut_bce(p, y), slope * p_dot + (yes - no) * y_dot


def _costs(p: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Of a no and of a yes."""
    return jnp.minimum(-jnp.log1p(-p), 100), jnp.minimum(-jnp.log(p), 100)


def _expand(loss: str, name: str, weight: Any, like: jax.Array) -> jax.Array:
    weight = jnp.asarray(weight)
    check_float(loss, name, weight)
    shape = weight.shape
    if shape != like.shape[max(like.ndim - len(shape), 0) :]:
        raise ValueError(
            f"{loss}: {name} of shape {shape} must have shape {like.shape} or that of its last axes"
        )
    return jnp.broadcast_to(weight.astype(like.dtype), like.shape)


def _check_probabilities(**arrays: Any) -> None:
    for name, array in arrays.items():
        if (outside := first_outside(array, 0, 1)) is not None:
            raise ValueError(f"bce: {name} must be in [0, 1], got {float(outside):g}")
