"""Gradient clipping."""

from typing import Any

import jax
import jax.numpy as jnp

from ._leafwise import PyTree, Scalar, leafwise
from ._numeric import total
from ._schedule import schedulable
from ._transform import Transform, hyperparameters, need_params, real_only, stateless


def global_norm(tree: PyTree) -> jax.Array:
    r"""The Euclidean norm of all numbers of a tree together: $\sqrt{\sum_i x_i^2}$, of shape ().

    Summed in float32 at the least; 0 for an empty tree.

    >>> global_norm({"a": 3.0, "b": 4.0})
    Array(5., dtype=float32)
    """
    return jnp.sqrt(total(jnp.square, tree))


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
    hyperparameters(locals(), max_norm="(0, inf)", eps="[0, inf)")

    def rule(grads: PyTree, params: PyTree) -> PyTree:
        factor = jnp.minimum(1.0, max_norm / (global_norm(grads) + eps))
        return leafwise(lambda g, h: (h.factor * g,), grads, factor=factor)[0]

    return stateless(rule)


@schedulable
def clip(max_value: Scalar) -> Transform:
    r"""Moves each number of the gradient into an interval: $u = \min(\max(g, -c), c)$.

    Memory: none.

    Args:
      max_value: $c$ in [0, inf).

    Raises:
      ValueError: a negative, infinite or NaN `max_value`.

    Source: `torch.nn.utils.clip_grad_value_`, `optax.clip`.

    >>> opt = clip(1.0)
    >>> print(opt.update(jnp.array([-3.0, 0.5]), opt.init(jnp.zeros(2)))[0])
    [-1.   0.5]
    """
    hyper = hyperparameters(locals(), max_value="[0, inf)")

    def rule(g: Any, h: Any) -> tuple[Any]:
        return (jnp.clip(g, -h.max_value, h.max_value),)

    return stateless(lambda grads, params: leafwise(rule, grads, **hyper)[0])


@schedulable
def clip_by_norm(max_norm: Scalar, eps: Scalar = 1e-6) -> Transform:
    r"""`clip_by_global_norm` for each parameter by itself, with the norm of its own gradient.

    Memory: none.

    Args:
      max_norm: $c$ in (0, inf).
      eps: $\epsilon$ in [0, inf).

    Raises:
      ValueError: `max_norm` or `eps` outside its range.

    Source: `torch.nn.utils.clip_grad_norm_`, called with one parameter after another.

    >>> opt = clip_by_norm(1.0, eps=0.0)
    >>> opt.update({"a": 3.0, "b": 0.5}, opt.init({"a": 0.0, "b": 0.0}))[0]
    {'a': Array(1., dtype=float32), 'b': Array(0.5, dtype=float32)}
    """
    hyper = hyperparameters(locals(), max_norm="(0, inf)", eps="[0, inf)")

    def rule(g: Any, h: Any) -> tuple[Any]:
        return (g * jnp.minimum(1.0, h.max_norm / (_norm(g, None) + h.eps)),)

    return stateless(lambda grads, params: leafwise(rule, grads, **hyper)[0])


@schedulable
def adaptive_clip(clipping: Scalar = 0.01, eps: Scalar = 1e-3) -> Transform:
    r"""Shortens the gradient of each unit to a fraction of the unit's length, where it is longer.

    $$u = g \cdot \min\!\left(1, \frac{c\,\max(\lVert\theta\rVert, \epsilon)}{\lVert g\rVert}\right)$$

    A unit is what has one index of the first axis, which counts the outputs of our kernels, (out, in)
    and (out, height, width, in); a vector is one unit.

    Memory: none.

    Args:
      clipping: $c$ in (0, inf), the fraction.
      eps: $\epsilon$ in (0, inf), the least length of a unit, so that units of zeros can grow.

    Raises:
      ValueError: `update` called without `params`; complex parameters.

    Source: Brock et al. (2021), https://arxiv.org/abs/2102.06171. `optax.adaptive_grad_clip` takes the
    outputs to be counted by the last axis. The paper leaves out the last layer: see `masked`.

    >>> opt = adaptive_clip(0.1)
    >>> weights, grads = jnp.array([[3.0, 4.0], [1.0, 0.0]]), jnp.array([[1.0, 0.0], [0.1, 0.0]])
    >>> print(opt.update(grads, opt.init(weights), weights)[0])
    [[0.5 0. ]
     [0.1 0. ]]
    """
    hyper = hyperparameters(locals(), clipping="(0, inf)", eps="(0, inf)")

    def rule(g: Any, p: Any, h: Any) -> tuple[Any, None]:
        axes = tuple(range(1, g.ndim)) if jnp.squeeze(g).ndim > 1 else None
        limit = h.clipping * jnp.maximum(_norm(p, axes), h.eps)
        return g * (limit / jnp.maximum(_norm(g, axes), limit)), None

    def update(grads: PyTree, params: PyTree) -> PyTree:
        need_params(params, grads)
        return leafwise(rule, grads, params, **hyper)[0]

    return real_only("adaptive_clip", stateless(update))


def _norm(x: Any, axes: tuple[int, ...] | None) -> Any:
    return jnp.sqrt(jnp.sum(jnp.square(x), axis=axes, keepdims=True))
