"""How good a classifier is, from the table of its right and wrong answers."""

import jax
import jax.numpy as jnp


def confusion_matrix(labels: jax.Array, predictions: jax.Array, classes: int) -> jax.Array:
    """Counts the examples of class i that were taken for class j.

    Args:
      labels: right classes, integers of shape (examples,).
      predictions: predicted classes, likewise.
      classes: number of classes.

    Returns:
      int32 of shape (classes, classes): rows are right classes, columns are predictions.

    >>> confusion_matrix(jnp.array([0, 1, 1]), jnp.array([0, 1, 0]), classes=2)
    Array([[1, 0],
           [1, 1]], dtype=int32)
    """
    return jnp.zeros((classes, classes), jnp.int32).at[labels, predictions].add(1)


def accuracy(confusion: jax.Array) -> jax.Array:
    """The share of right answers, shape ().

    >>> accuracy(jnp.array([[1, 0], [1, 2]]))
    Array(0.75, dtype=float32)
    """
    return jnp.trace(confusion) / jnp.sum(confusion)


def macro_f1(confusion: jax.Array) -> jax.Array:
    r"""The mean over classes of $F_1 = 2\,TP / (2\,TP + FP + FN)$, shape ().

    A class that neither occurs nor is predicted counts as 0, as in scikit-learn when it is given all
    labels.

    >>> macro_f1(jnp.array([[1, 0], [1, 2]]))
    Array(0.73333335, dtype=float32)
    """
    right = jnp.diagonal(confusion)
    answers = confusion.sum(axis=0) + confusion.sum(axis=1)  # 2 TP + FP + FN
    return jnp.mean(2 * right / jnp.maximum(answers, 1))


def micro_f1(confusion: jax.Array) -> jax.Array:
    r"""$F_1$ of all classes' counts together, shape (); with one label an example, the accuracy.

    >>> micro_f1(jnp.array([[1, 0], [1, 2]]))
    Array(0.75, dtype=float32)
    """
    return 2 * jnp.trace(confusion) / (confusion.sum(axis=0) + confusion.sum(axis=1)).sum()
