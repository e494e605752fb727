"""Shampoo: full-matrix Adagrad for each dimension of a leaf."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxlearn._check import check_whole
from jaxlearn._dtype import compute_dtype

from ._decay import decoupled
from ._kronecker import gram, identities, matrix_axes, multiply
from ._leafwise import PyTree, Scalar
from ._learning_rate import scale_by_learning_rate
from ._schedule import schedulable
from ._transform import Transform, chain, from_rule, hyperparameters, real_only


class ShampooState(NamedTuple):
    """State of `scale_by_shampoo`.

    Attributes:
      step: updates made so far; int32 of shape ().
      m: momentum; like the parameters.
      statistics: for each leaf a tuple with a sum of shape (n, n) for each dimension of n that is not left
        alone.
      roots: the inverse roots of these that are in use.
    """

    step: jax.Array
    m: PyTree
    statistics: PyTree
    roots: PyTree


def inverse_root(matrix: jax.Array, order: int, least: Any) -> jax.Array:
    """`matrix` to the power of -1/order, for a symmetric matrix without eigenvalues below `least`."""
    values, vectors = jnp.linalg.eigh(matrix)
    powers = jnp.maximum(values, least) ** (-1 / order)
    return (vectors * powers[None, :]) @ vectors.T


@schedulable
def scale_by_shampoo(
    momentum: Scalar = 0.0, eps: Scalar = 1e-4, update_interval: int = 1, max_dim: int = 1024
) -> Transform:
    r"""Multiplies the gradient along each of its k dimensions by a root of what came before.

    $$H^i_t = H^i_{t-1} + G^{(i)}_t {G^{(i)}_t}^\top, \qquad
      u_t = b_t \times_1 (H^1_t)^{-1/2k} \cdots \times_k (H^k_t)^{-1/2k}, \qquad
      b_t = \mu\,b_{t-1} + g_t$$

    with $H^i_0 = \epsilon I$, where $G^{(i)}$ is the gradient as a matrix with a row for each index of
    dimension i. A scalar counts as a vector of length 1.

    Memory: one number for each parameter, and 2 n^2 for each dimension of n.

    Args:
      momentum: $\mu$ in [0, 1).
      eps: $\epsilon$ in (0, inf).
      update_interval: updates from one computation of the roots to the next, from 1.
      max_dim: a dimension longer than this is left alone; k counts the others.

    Raises:
      ValueError: complex parameters.

    Source: Gupta et al. (2018), Algorithm 2, https://arxiv.org/abs/1802.09568; momentum and interval as in
    its authors' code. optax has no such rule.

    >>> opt = scale_by_shampoo(eps=1e-6)
    >>> opt.update(jnp.diag(jnp.array([3.0, -0.5])), opt.init(jnp.ones((2, 2))))[0].round(2)
    Array([[ 1.,  0.],
           [ 0., -1.]], dtype=float32)
    """
    hyper = hyperparameters(locals(), momentum="[0, 1)", eps="(0, inf)")
    update_interval = check_whole("update_interval", update_interval, 1)
    max_dim = check_whole("max_dim", max_dim, 1)

    def eyes(p: Any) -> tuple[Any, ...]:
        p = jnp.atleast_1d(jnp.asarray(p))
        return identities(p, matrix_axes(p.shape, max_dim, 1), compute_dtype(p.dtype))

    def rule(g: Any, m: Any, statistics: Any, roots: Any, h: Any) -> tuple[Any, ...]:
        m = h.momentum * m + g
        vector = jnp.atleast_1d(g)  # of a scalar
        axes = matrix_axes(vector.shape, max_dim, 1)
        statistics = [s + gram(vector, axis) for axis, s in zip(axes, statistics, strict=True)]
        renew = lambda: [inverse_root(s, 2 * len(axes), h.eps) for s in statistics]
        roots = jax.lax.cond(h.due > 0, renew, lambda: roots)
        return multiply(jnp.atleast_1d(m), axes, roots).reshape(g.shape), m, statistics, roots

    def at_step(h: Any, step: jax.Array) -> dict[str, Scalar]:
        return {"due": (step - 1) % update_interval == 0}

    scaled = lambda p: jax.tree.map(lambda eye: eye * jnp.asarray(eps, eye.dtype), eyes(p))
    transform = from_rule(rule, ShampooState, hyper, at_step, statistics=scaled, roots=eyes)
    return real_only("scale_by_shampoo", transform)


def shampoo(
    learning_rate: Scalar = 0.1,
    momentum: Scalar = 0.0,
    eps: Scalar = 1e-4,
    weight_decay: Scalar = 0.0,
    update_interval: int = 1,
    max_dim: int = 1024,
) -> Transform:
    r"""Shampoo, preconditioned stochastic tensor optimization.

    $$\theta_t = \theta_{t-1} - \eta_t\,(u_t + \lambda\,\theta_{t-1})$$

    For a matrix, $u_t = L_t^{-1/4}\,g_t\,R_t^{-1/4}$ with the sums $L = \epsilon I + \sum g g^\top$ and
    $R = \epsilon I + \sum g^\top g$: `scale_by_shampoo`.

    Memory: one number for each parameter, and 2 n^2 for each dimension of n.

    Args:
      learning_rate: $\eta$ in [0, inf).
      momentum: $\mu$ in [0, 1).
      eps: $\epsilon$ in (0, inf).
      weight_decay: $\lambda$ in [0, inf), multiplied by the learning rate.
      update_interval: updates from one computation of the roots to the next, from 1; each takes an
        eigendecomposition for each dimension.
      max_dim: a dimension longer than this is left alone.

    Source: Gupta et al. (2018), https://arxiv.org/abs/1802.09568. optax has no such rule.

    >>> opt = shampoo(0.1, eps=1e-6)
    >>> print(opt.update(2.0, opt.init(1.0))[0].round(3))
    -0.1
    """
    return chain(
        scale_by_shampoo(momentum, eps, update_interval, max_dim),
        *decoupled(weight_decay),
        scale_by_learning_rate(learning_rate),
    )
