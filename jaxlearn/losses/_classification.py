"""Losses of a choice between classes, which lie on the last axis."""

from typing import Any

import jax
import jax.numpy as jnp

from jaxlearn._check import check, check_choice, check_whole, first_outside

from ._reduce import REDUCTIONS, check_float, floats, reduce

IGNORED = -(2**31), 2**31 - 1  # what may be ignored: from, to


def cross_entropy(
    logits: jax.Array,
    targets: jax.Array,
    weight: jax.Array | None = None,
    ignore_index: int = -100,
    label_smoothing: Any = 0.0,
    reduction: str = "mean",
) -> jax.Array:
    r"""How surprised a model is by the right classes; in nats.

    $$\ell = -\sum_c w_c\,q_c \log \mathrm{softmax}(z)_c, \qquad q_c = (1 - s)\,y_c + \frac{s}{C}$$

    where $y$ is 1 at the right class and 0 elsewhere, or a probability for each class. The mean over
    examples whose right class is known is a weighted one, as in PyTorch: with $k$ for the right class of
    example $i$, $\sum_i \ell_i / \sum_i w_{k_i}$. With probabilities it is $\sum_i \ell_i / n$.

    Args:
      logits: $z$, unnormalised log-probabilities, floats of shape (..., classes).
      targets: right classes, integers of shape (...), or $y$, probabilities of shape (..., classes). An
        integer out of range is an error where its value is known, and a loss of NaN where JAX traces.
      weight: $w$, of each class, floats of shape (classes,); 1 unless given.
      ignore_index: examples with this integer for a target cost 0 and do not count in the mean.
      label_smoothing: $s$ in [0, 1], the share of the right answer that is spread over all classes.
      reduction: "mean", "sum" or "none".

    Returns:
      The loss, shape (), or with "none" shape (...); in the dtype of the logits. The mean of no examples is
      NaN.

    Raises:
      ValueError: shapes that do not fit, classes out of range, a number outside its range, an `ignore_index`
        with probabilities, an unknown reduction.
      TypeError: logits or weights that are not floats, targets that are no integers and no probabilities.

    Source: `torch.nn.functional.cross_entropy`, but for the axis of the classes, there axis 1. Label
    smoothing: Szegedy et al. (2016), https://arxiv.org/abs/1512.00567

    >>> cross_entropy(jnp.zeros(10), jnp.array(3))  # log 10
    Array(2.3025851, dtype=float32)
    >>> cross_entropy(jnp.zeros((4, 10)), jnp.array([3, 1, 4, -100]), reduction="none")
    Array([2.3025851, 2.3025851, 2.3025851, 0.       ], dtype=float32)
    """
    ignore_index = check_whole("cross_entropy: ignore_index", ignore_index, *IGNORED)
    check("cross_entropy: label_smoothing", label_smoothing, "[0, 1]")
    dtype, z = floats("cross_entropy", logits=logits)
    _check_classes("cross_entropy: logits", z)
    log_p = jax.nn.log_softmax(z)
    weight = _class_weight("cross_entropy", weight, log_p)
    smoothing = None if _is_zero(label_smoothing) else jnp.asarray(label_smoothing, log_p.dtype)
    if jnp.shape(targets) == log_p.shape and jnp.issubdtype(jnp.asarray(targets).dtype, jnp.floating):
        if ignore_index >= 0:
            raise ValueError(
                f"cross_entropy: ignore_index is for integer targets, got {ignore_index} with probabilities"
            )
        losses = _soft(log_p, jnp.asarray(targets, log_p.dtype), weight, smoothing)
        return reduce("cross_entropy", losses, reduction, dtype)
    labels = _labels("cross_entropy", "logits", log_p, targets, ignore_index)
    losses, weights = _pick(log_p, labels, weight, ignore_index, smoothing)
    return reduce("cross_entropy", losses, reduction, dtype, weights)


def nll(
    log_probabilities: jax.Array,
    targets: jax.Array,
    weight: jax.Array | None = None,
    ignore_index: int = -100,
    reduction: str = "mean",
) -> jax.Array:
    r"""Negative log-likelihood: $\ell = -w_k \log p_k$ for the right class $k$; in nats.

    `cross_entropy` is this after `jax.nn.log_softmax`. The mean is $\sum_i \ell_i / \sum_i w_{k_i}$.

    Args:
      log_probabilities: $\log p$, floats of shape (..., classes).
      targets: right classes, integers of shape (...). One out of range is an error where its value is known,
        and a loss of NaN where JAX traces.
      weight: $w$, of each class, floats of shape (classes,); 1 unless given.
      ignore_index: examples with this target cost 0 and do not count in the mean.
      reduction: "mean", "sum" or "none".

    Returns:
      The loss, shape (), or with "none" shape (...); in the dtype of the log-probabilities. The mean of no
      examples is NaN.

    Raises:
      ValueError: shapes that do not fit, classes out of range, an unknown reduction.
      TypeError: log-probabilities or weights that are not floats, targets that are not integers.

    Source: `torch.nn.functional.nll_loss`, but for the axis of the classes, there axis 1.

    >>> nll(jnp.log(jnp.array([0.25, 0.75])), jnp.array(1))
    Array(0.287682, dtype=float32)
    """
    ignore_index = check_whole("nll: ignore_index", ignore_index, *IGNORED)
    dtype, log_p = floats("nll", log_probabilities=log_probabilities)
    _check_classes("nll: log_probabilities", log_p)
    weight = _class_weight("nll", weight, log_p)
    labels = _labels("nll", "log_probabilities", log_p, targets, ignore_index)
    losses, weights = _pick(log_p, labels, weight, ignore_index)
    return reduce("nll", losses, reduction, dtype, weights)


def kl_div(
    log_probabilities: jax.Array, targets: jax.Array, log_target: bool = False, reduction: str = "mean"
) -> jax.Array:
    r"""Kullback-Leibler divergence, term by term: $\ell = y\,(\log y - \log p)$, and 0 where $y$ is 0.

    Summed over the classes it is the divergence of a model's $p$ from $y$: reduction "sum" for one example,
    "batchmean" for the mean over a batch. "mean" divides by the number of classes, too, as in PyTorch.

    Args:
      log_probabilities: $\log p$, floats of any shape.
      targets: $y$, floats of the same shape; $\log y$ with `log_target`.
      log_target: the targets are logarithms.
      reduction: "mean" over all numbers, "batchmean" (the sum divided by the size of the first axis), "sum"
        or "none".

    Returns:
      The loss, shape (), or with "none" that of the log-probabilities; in their dtype.

    Raises:
      ValueError: shapes that differ, an unknown reduction.
      TypeError: arrays that are not of floats.

    Source: Kullback & Leibler (1951), https://doi.org/10.1214/aoms/1177729694;
    `torch.nn.functional.kl_div`, but where $y$ is 0: there the slope in the targets is NaN, and so is the
    loss where $\log y$ or $\log p$ is minus infinity; here they are 0.

    >>> kl_div(jnp.log(jnp.array([0.25, 0.75])), jnp.array([0.0, 1.0]), reduction="sum")
    Array(0.287682, dtype=float32)
    """
    check_choice("kl_div: reduction", reduction, (*REDUCTIONS, "batchmean"))
    dtype, log_p, y = floats("kl_div", log_probabilities=log_probabilities, targets=targets)
    none = y == (-jnp.inf if log_target else 0)
    y = jnp.where(none, 1, y)  # so that neither value nor slope is NaN where nothing is expected
    p_true, log_true = (jnp.exp(y), y) if log_target else (y, jnp.log(y))
    losses = jnp.where(none, 0, p_true * (log_true - log_p))
    if reduction == "batchmean":
        reduction, losses = "sum", losses / (losses.shape[0] if losses.ndim else 1)
    return reduce("kl_div", losses, reduction, dtype)


def _pick(
    log_p: jax.Array,
    labels: jax.Array,
    weight: jax.Array | None,
    ignore_index: int,
    smoothing: jax.Array | None = None,
) -> tuple[jax.Array, jax.Array]:
    """Losses of the examples, times their weights, and the weights; NaN for labels out of range."""
    classes = log_p.shape[-1]
    ignored = labels == ignore_index
    known = (labels >= 0) & (labels < classes)
    labels = jnp.where(known, labels, 0)
    weights = jnp.ones((), log_p.dtype) if weight is None else weight[labels]
    weights = jnp.where(known | ignored, weights, jnp.nan)
    # a sum over a mask: its gradient is a choice, where indexing's would be a scatter
    right = jax.nn.one_hot(labels, classes, dtype=bool)
    losses = -weights * jnp.sum(jnp.where(right, log_p, 0), axis=-1)
    if smoothing is not None:
        terms = log_p if weight is None else log_p * jnp.broadcast_to(weight, log_p.shape)
        losses = (1 - smoothing) * losses - smoothing / classes * jnp.sum(terms, axis=-1)
    return jnp.where(ignored, 0, losses), jnp.where(ignored, 0, weights)


def _soft(log_p: jax.Array, y: jax.Array, weight: jax.Array | None, smoothing: jax.Array | None) -> jax.Array:
    """Losses of the examples, whose targets are probabilities."""
    if smoothing is not None:
        y = (1 - smoothing) * y + smoothing / log_p.shape[-1]
    terms = log_p * y
    if weight is not None:
        terms = terms * jnp.broadcast_to(weight, terms.shape)
    return -jnp.sum(terms, axis=-1)


def _labels(loss: str, name: str, log_p: jax.Array, targets: Any, ignore_index: int) -> jax.Array:
    """The targets as signed integers, checked as far as they are known."""
    examples, classes = log_p.shape[:-1], log_p.shape[-1]
    labels = jnp.asarray(targets)
    if labels.shape == examples and not jnp.issubdtype(labels.dtype, jnp.integer):
        raise TypeError(f"{loss}: targets of shape {examples} must be integers, got {labels.dtype}")
    if labels.shape != examples:
        soft = f" or probabilities of shape {log_p.shape}" if loss == "cross_entropy" else ""
        raise ValueError(
            f"{loss}: {name} of shape {log_p.shape} need integer targets of shape {examples}{soft}, "
            f"got {labels.dtype} of shape {labels.shape}"
        )
    if (outside := first_outside(targets, 0, classes - 1, but=ignore_index)) is not None:
        raise ValueError(
            f"{loss}: class {outside} is out of range for {classes} classes (0 to {classes - 1})"
        )
    return labels.astype(int)


def _class_weight(loss: str, weight: Any, log_p: jax.Array) -> jax.Array | None:
    if weight is None:
        return None
    weight = jnp.asarray(weight)
    check_float(loss, "weight", weight)
    if weight.shape != log_p.shape[-1:]:
        raise ValueError(f"{loss}: weight of shape {weight.shape} must have shape {log_p.shape[-1:]}")
    return weight.astype(log_p.dtype)


def _check_classes(name: str, x: jax.Array) -> None:
    if x.ndim == 0:
        raise ValueError(f"{name} must have shape (..., classes), got ()")


def _is_zero(number: Any) -> bool:
    """Whether a number is known to be 0."""
    return not isinstance(number, jax.Array) and number == 0
