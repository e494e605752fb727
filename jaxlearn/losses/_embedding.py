"""Losses that push alike things together and others apart, by a margin."""

from typing import Any

import jax
import jax.numpy as jnp

from jaxlearn._check import check

from ._reduce import EPSILON, absolute, floats, positive_part, reduce, signs


def margin_ranking(
    x1: jax.Array, x2: jax.Array, targets: jax.Array, margin: Any = 0.0, reduction: str = "mean"
) -> jax.Array:
    r"""Asks for one score to be higher than another, by a margin: $\ell = \max(0, m - y\,(x_1 - x_2))$.

    Args:
      x1, x2: $x_1$ and $x_2$, scores, floats of any one shape.
      targets: $y$, 1 where $x_1$ should be the higher one and -1 where $x_2$ should, of the same shape.
      margin: $m$ in [0, inf).
      reduction: "mean" over all numbers, "sum" or "none".

    Returns:
      The loss, shape (), or with "none" that of the scores; in the dtype of `x1`.

    Raises:
      ValueError: shapes that differ, `margin` outside its range, an unknown reduction.
      TypeError: scores that are not floats.

    Source: `torch.nn.functional.margin_ranking_loss`, which takes negative margins, too.

    >>> margin_ranking(jnp.array([2.0, 2.0]), jnp.array([1.0, 1.0]), jnp.array([1, -1]), reduction="none")
    Array([0., 1.], dtype=float32)
    """
    check("margin_ranking: margin", margin, "[0, inf)")
    dtype, x1, x2 = floats("margin_ranking", x1=x1, x2=x2)
    y = signs("margin_ranking", targets, f"scores of shape {x1.shape}", x1.shape, x1.dtype)
    losses = positive_part(jnp.asarray(margin, x1.dtype) - y * (x1 - x2))
    return reduce("margin_ranking", losses, reduction, dtype)


def hinge_embedding(
    distances: jax.Array, targets: jax.Array, margin: Any = 1.0, reduction: str = "mean"
) -> jax.Array:
    r"""Asks for small distances between alike things, and ones above a margin between others.

    $$\ell = \begin{cases} x & y = 1 \\ \max(0, m - x) & y = -1 \end{cases}$$

    Args:
      distances: $x$, floats of any shape.
      targets: $y$, 1 for alike things and -1 for others, of the same shape; of any other number the loss is
        the sum of both cases, as in PyTorch.
      margin: $m$ in [0, inf).
      reduction: "mean" over all numbers, "sum" or "none".

    Returns:
      The loss, shape (), or with "none" that of the distances; in their dtype.

    Raises:
      ValueError: shapes that differ, `margin` outside its range, an unknown reduction.
      TypeError: distances that are not floats.

    Source: `torch.nn.functional.hinge_embedding_loss`, which takes negative margins, too.

    >>> hinge_embedding(jnp.array([0.25, 0.25]), jnp.array([1, -1]), reduction="none")
    Array([0.25, 0.75], dtype=float32)
    """
    check("hinge_embedding: margin", margin, "[0, inf)")
    dtype, x = floats("hinge_embedding", distances=distances)
    y = signs("hinge_embedding", targets, f"distances of shape {x.shape}", x.shape, x.dtype)
    near = jnp.where(y != -1, x, 0)
    far = jnp.where(y != 1, positive_part(jnp.asarray(margin, x.dtype) - x), 0)
    return reduce("hinge_embedding", near + far, reduction, dtype)


def triplet_margin(
    anchors: jax.Array,
    positives: jax.Array,
    negatives: jax.Array,
    margin: Any = 1.0,
    p: float = 2.0,
    eps: Any = 1e-6,
    swap: bool = False,
    reduction: str = "mean",
) -> jax.Array:
    r"""Asks for an anchor to be nearer to its like than to another, by a margin.

    $$\ell = \max\big(0,\; m + d(a, p) - d(a, n)\big), \qquad d(x, y) = \lVert x - y + \epsilon \rVert_p$$

    Where a distance is 0 its slope is 0.

    Args:
      anchors: $a$, floats of shape (..., features).
      positives, negatives: $p$ and $n$, likewise.
      margin: $m$ in [0, inf).
      p: order of the norm in [1, inf], a Python number.
      eps: $\epsilon$ in [0, inf), added to each difference.
      swap: compare with $\min(d(a, n), d(p, n))$ in place of $d(a, n)$.
      reduction: "mean" over the examples, "sum" or "none".

    Returns:
      The loss, shape (), or with "none" that of the anchors without their last axis; in their dtype.

    Raises:
      ValueError: shapes that differ or lack the last axis, a number outside its range, an unknown reduction.
      TypeError: arrays that are not of floats.

    Source: Balntas et al. (2016), https://www.bmva-archive.org.uk/bmvc/2016/papers/paper119/;
    `torch.nn.functional.triplet_margin_loss`, which wants a margin above 0.

    >>> anchor, positive, negative = jnp.array([[0.0, 0.0], [3.0, 0.0], [0.0, 1.5]])
    >>> triplet_margin(anchor, positive, negative)
    Array(2.5, dtype=float32)
    """
    check("triplet_margin: margin", margin, "[0, inf)")
    check("triplet_margin: p", p, "[1, inf]")
    check("triplet_margin: eps", eps, "[0, inf)")
    dtype, a, like, other = floats(
        "triplet_margin", anchors=anchors, positives=positives, negatives=negatives
    )
    _check_features("triplet_margin: anchors", a)
    eps = jnp.asarray(eps, a.dtype)
    far = _norm(a - other + eps, p)
    if swap:
        far = jnp.minimum(far, _norm(like - other + eps, p))
    losses = positive_part(jnp.asarray(margin, a.dtype) + _norm(a - like + eps, p) - far)
    return reduce("triplet_margin", losses, reduction, dtype)


def cosine_embedding(
    x1: jax.Array, x2: jax.Array, targets: jax.Array, margin: Any = 0.0, reduction: str = "mean"
) -> jax.Array:
    r"""Asks for alike vectors to point the same way, and others to differ by more than a margin.

    $$\ell = \begin{cases} 1 - c & y = 1 \\ \max(0, c - m) & y = -1 \end{cases}, \qquad
      c = \frac{x_1 \cdot x_2}{\sqrt{\lVert x_1\rVert^2 + \epsilon}\,\sqrt{\lVert x_2\rVert^2 + \epsilon}}$$

    with $\epsilon = 10^{-12}$, so that the cosine of a vector of zeros is 0.

    Args:
      x1, x2: $x_1$ and $x_2$, floats of shape (..., features).
      targets: $y$, 1 for alike vectors and -1 for others, of shape (...); of any other number the loss is 0,
        as in PyTorch.
      margin: $m$ in [0, inf); 0 to 0.5 makes sense, and above 1 others cost nothing.
      reduction: "mean" over the examples, "sum" or "none".

    Returns:
      The loss, shape (), or with "none" that of the targets; in the dtype of `x1`.

    Raises:
      ValueError: shapes that do not fit, `margin` outside its range, an unknown reduction.
      TypeError: vectors that are not of floats.

    Source: `torch.nn.functional.cosine_embedding_loss`, which takes negative margins, too, and one batch axis
    at most.

    >>> cosine_embedding(jnp.array([1.0, 0.0]), jnp.array([3.0, 4.0]), jnp.array(-1), margin=0.5)
    Array(0.1, dtype=float32)
    """
    check("cosine_embedding: margin", margin, "[0, inf)")
    dtype, x1, x2 = floats("cosine_embedding", x1=x1, x2=x2)
    _check_features("cosine_embedding: x1", x1)
    y = signs("cosine_embedding", targets, f"vectors of shape {x1.shape}", x1.shape[:-1], x1.dtype)
    # two roots, because the product of the squares would overflow much earlier
    length1, length2 = (jnp.sqrt(jnp.sum(x * x, axis=-1) + EPSILON) for x in (x1, x2))
    cosine = jnp.sum(x1 * x2, axis=-1) / (length1 * length2)
    apart = positive_part(cosine - jnp.asarray(margin, x1.dtype))
    losses = jnp.where(y == 1, 1 - cosine, jnp.where(y == -1, apart, 0))
    return reduce("cosine_embedding", losses, reduction, dtype)


def _norm(x: jax.Array, p: float) -> jax.Array:
    """The p-norm over the last axis, with slope 0 at 0; numbers of any size may be in it."""
    largest = jax.lax.stop_gradient(jnp.max(jnp.abs(x), axis=-1, keepdims=True, initial=0))
    zero = largest == 0
    # a norm's slope does not change with its length, so the divisor counts as a constant
    scaled = jnp.where(zero, 1, absolute(x) / jnp.where(zero, 1, largest))
    norm = largest * jnp.linalg.norm(scaled, ord=p, axis=-1, keepdims=True)
    return jnp.where(zero, 0, norm)[..., 0]


def _check_features(name: str, x: jax.Array) -> None:
    if x.ndim == 0:
        raise ValueError(f"{name} must have shape (..., features), got ()")
