"""How good a classifier is, from the table of its right and wrong answers or from its scores."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxlearn._check import check_choice, check_whole, first_outside

AVERAGES = ("macro", "micro", "weighted", "none")


def confusion_matrix(labels: jax.Array, predictions: jax.Array, classes: int) -> jax.Array:
    """Counts the examples of class i that were taken for class j.

    Args:
      labels: right classes, integers of any shape, such as (examples,).
      predictions: predicted classes, likewise.
      classes: number of classes, from 1.

    Returns:
      int32 of shape (classes, classes): rows are right classes, columns are predictions. Under `jax.jit`,
      where their values are not known, examples with a class that does not exist are left out.

    Raises:
      TypeError: classes that are not integers.
      ValueError: labels and predictions of different shapes, or a class that does not exist.

    >>> confusion_matrix(jnp.array([0, 1, 1]), jnp.array([0, 1, 0]), classes=2)
    Array([[1, 0],
           [1, 1]], dtype=int32)
    """
    classes = check_whole("confusion_matrix: classes", classes, 1)
    if jnp.shape(labels) != jnp.shape(predictions):
        raise ValueError(
            "confusion_matrix: labels and predictions must have the same shape, "
            f"got {jnp.shape(labels)} and {jnp.shape(predictions)}"
        )
    rows = _classes("confusion_matrix: labels", labels, classes)
    columns = _classes("confusion_matrix: predictions", predictions, classes)
    empty = jnp.zeros((classes, classes), jnp.int32)
    return empty.at[rows, columns].add(1, mode="drop", wrap_negative_indices=False)


def accuracy(confusion: jax.Array) -> jax.Array:
    """The share of right answers, shape ().

    Args:
      confusion: counts, as from `confusion_matrix`.

    >>> accuracy(jnp.array([[1, 0], [1, 2]]))
    Array(0.75, dtype=float32)
    """
    counts = _floats(confusion)
    return jnp.trace(counts) / jnp.sum(counts)


def precision(confusion: jax.Array, average: str = "macro") -> jax.Array:
    r"""How many of the answers are right: $TP / (TP + FP)$ of each class.

    Args:
      confusion: counts, as from `confusion_matrix`.
      average: "macro", the mean over all classes; "micro", of all classes' counts together, which with one
        answer an example is the accuracy; "weighted", the mean weighted by how often a class occurs; "none",
        one number for each class.

    Returns:
      Shape (), or (classes,) without an average. Where nothing is to be divided by, it is 0.

    Raises:
      ValueError: another average.

    Source: `sklearn.metrics.precision_score`, given all labels and `zero_division=0`.

    >>> precision(jnp.array([[1, 0], [1, 2]]), "none")
    Array([0.5, 1. ], dtype=float32)
    """
    check_choice("precision: average", average, AVERAGES)
    counts = _floats(confusion)
    return _average(jnp.diagonal(counts), counts.sum(axis=0), counts, average)


def recall(confusion: jax.Array, average: str = "macro") -> jax.Array:
    r"""How many examples of a class are found: $TP / (TP + FN)$ of each class.

    Args, Returns and Raises: as `precision`.

    Source: `sklearn.metrics.recall_score`, given all labels and `zero_division=0`.

    >>> recall(jnp.array([[1, 0], [1, 3]]), "none")
    Array([1.  , 0.75], dtype=float32)
    """
    check_choice("recall: average", average, AVERAGES)
    counts = _floats(confusion)
    return _average(jnp.diagonal(counts), counts.sum(axis=1), counts, average)


def f1(confusion: jax.Array, average: str = "macro") -> jax.Array:
    r"""The harmonic mean of precision and recall: $F_1 = 2\,TP / (2\,TP + FP + FN)$ of each class.

    Args, Returns and Raises: as `precision`.

    Source: `sklearn.metrics.f1_score`, given all labels and `zero_division=0`.

    >>> f1(jnp.array([[1, 0], [1, 2]]))
    Array(0.73333335, dtype=float32)
    """
    check_choice("f1: average", average, AVERAGES)
    counts = _floats(confusion)
    answers = counts.sum(axis=0) + counts.sum(axis=1)  # 2 TP + FP + FN
    return _average(2 * jnp.diagonal(counts), answers, counts, average)


def top_k_accuracy(scores: jax.Array, labels: jax.Array, k: int) -> jax.Array:
    """The share of examples whose right class is among the `k` that score highest, shape ().

    Of equal scores that of the higher class counts as the higher one. An example whose right class scores
    NaN is wrong, and a NaN of another class is higher than any number.

    Args:
      scores: shape (..., classes), such as logits or probabilities.
      labels: right classes, integers of shape (...). Under `jax.jit`, where their values are not known, a
        class that does not exist makes its example wrong.
      k: from 1.

    Raises:
      TypeError: labels that are not integers, or `k` that is not a whole number.
      ValueError: shapes that do not fit, a class that does not exist, or `k` below 1.

    Source: `sklearn.metrics.top_k_accuracy_score` for three classes or more; for two classes it takes one
    score for each example, and here there are two as ever.

    >>> scores = jnp.array([[0.5, 0.3, 0.2], [0.5, 0.3, 0.2]])
    >>> top_k_accuracy(scores, jnp.array([1, 2]), k=2)
    Array(0.5, dtype=float32)
    """
    k = check_whole("top_k_accuracy: k", k, 1)
    scores = jnp.asarray(scores)
    if scores.ndim == 0 or scores.shape[:-1] != jnp.shape(labels):
        raise ValueError(
            "top_k_accuracy: scores must have shape (..., classes) and labels (...), "
            f"got {scores.shape} and {jnp.shape(labels)}"
        )
    classes = scores.shape[-1]
    own = _classes("top_k_accuracy: labels", labels, classes)[..., None]
    index = jax.lax.broadcasted_iota(own.dtype, scores.shape, scores.ndim - 1)
    score = jnp.take_along_axis(scores, own, axis=-1, mode="clip")
    ahead = jnp.where(index > own, ~(scores < score), ~(scores <= score))  # so a NaN is never behind
    hits = (jnp.sum(ahead, axis=-1, keepdims=True) < k) & (own >= 0)
    return jnp.sum(hits) / hits.size


def _floats(confusion: Any) -> jax.Array:
    """Counts as floats: whole numbers of 32 bits end at 2^31, and their sums, or numpy's counts, need not."""
    known = confusion if isinstance(confusion, jax.Array) else np.asarray(confusion)
    return jnp.asarray(known.astype(jnp.result_type(float)))


def _average(right: jax.Array, of: jax.Array, counts: jax.Array, average: str) -> jax.Array:
    if average == "micro":
        right, of = right.sum(), of.sum()
    scores = right / _or_one(of)
    if average == "macro":
        return scores.mean()
    if average == "weighted":
        occurs = counts.sum(axis=1)
        return jnp.sum(scores * (occurs / _or_one(occurs.sum())))
    return scores


def _or_one(number: jax.Array) -> jax.Array:
    """What can be divided by, where the quotient of nothing is to be 0."""
    return jnp.where(number == 0, 1, number)


def _classes(name: str, values: Any, classes: int) -> jax.Array:
    """Checks classes, their values only where they are known; a class that does not exist becomes -1."""
    array = jnp.asarray(values)
    if not jnp.issubdtype(array.dtype, jnp.integer):
        raise TypeError(f"{name} must be integers, got {array.dtype}")
    if (outside := first_outside(values, 0, classes - 1)) is not None:
        raise ValueError(f"{name} must be in [0, {classes}) for {classes} classes, got class {outside}")
    array = array.astype(int)
    return jnp.where((array >= 0) & (array < classes), array, -1)
