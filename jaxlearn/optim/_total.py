"""Sums over all numbers of a tree."""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from ._transform import PyTree, compute_dtype


def total(rule: Callable[..., jax.Array], *trees: PyTree) -> jax.Array:
    r"""$\sum_{\text{leaves}} \sum_i \text{rule}(x_i, y_i, \dots)$, of shape (); 0 for an empty tree.

    Computed in float32 at the least.

    >>> total(lambda x, y: x * y, {"a": 3.0, "b": 4.0}, {"a": 1.0, "b": 2.0})
    Array(11., dtype=float32)
    """

    def leaf(*values: jax.Array) -> jax.Array:
        arrays = [jnp.asarray(x) for x in values]
        dtype = compute_dtype(arrays[0].dtype)
        return jnp.sum(rule(*(x.astype(dtype) for x in arrays))).astype(float)

    return sum(jax.tree.leaves(jax.tree.map(leaf, *trees)), jnp.zeros((), float))
