"""Gradient clipping."""

import jax
import jax.numpy as jnp

from ._check import check
from ._schedule import schedulable
from ._transform import PyTree, Scalar, Transform, compute_dtype, leafwise, stateless


def global_norm(tree: PyTree) -> jax.Array:
    r"""The Euclidean norm of all numbers of a tree together: $\sqrt{\sum_i x_i^2}$, of shape ().

    Summed in float32 at the least; 0 for an empty tree.

    >>> global_norm({"a": 3.0, "b": 4.0})
    Array(5., dtype=float32)
    """
    leaves = [jnp.asarray(leaf) for leaf in jax.tree.leaves(tree)]
    squares = [jnp.sum(jnp.square(leaf.astype(compute_dtype(leaf.dtype)))) for leaf in leaves]
    return jnp.sqrt(sum((s.astype(float) for s in squares), jnp.zeros((), float)))


@schedulable
def clip_by_global_norm(max_norm: Scalar, eps: Scalar = 1e-6) -> Transform:
    r"""Shortens the gradient to length `max_norm` where it is longer, keeping its direction.

    $$u = g \cdot \min\!\left(1, \frac{c}{\lVert g\rVert + \epsilon}\right)$$

    with the norm taken over the whole tree. Memory: none.

    Args:
      max_norm: $c$ in (0, inf).
      eps: $\epsilon$ in [0, inf). The default is that of `torch.nn.utils.clip_grad_norm_`;
        0 gives `optax.clip_by_global_norm`.

    Raises:
      ValueError: `max_norm` or `eps` outside its range.

    Source: Pascanu et al. (2013), https://proceedings.mlr.press/v28/pascanu13.html

    >>> opt = clip_by_global_norm(1.0, eps=0.0)
    >>> opt.update({"a": 3.0, "b": 4.0}, opt.init({"a": 0.0, "b": 0.0}))[0]
    {'a': Array(0.6, dtype=float32), 'b': Array(0.8, dtype=float32)}
    """
    check("max_norm", max_norm, "(0, inf)")
    check("eps", eps, "[0, inf)")

    def rule(grads: PyTree, params: PyTree) -> PyTree:
        factor = jnp.minimum(1.0, max_norm / (global_norm(grads) + eps))
        return leafwise(lambda g, *, factor: (factor * g,), grads, factor=factor)[0]

    return stateless(rule)
