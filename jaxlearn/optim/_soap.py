"""SOAP: Adam in the eigenbasis of Shampoo."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxlearn._check import check_whole, is_zero
from jaxlearn._dtype import compute_dtype

from ._adam import bias_correction
from ._decay import shrink_after
from ._kronecker import gram, identities, matrix_axes, multiply
from ._leafwise import PyTree, Scalar
from ._learning_rate import scale_by_learning_rate
from ._narrow import SQUARES, warn_where_narrow
from ._numeric import safe_divide
from ._schedule import schedulable
from ._sharding import replicated
from ._transform import Transform, chain, from_rule, hyperparameters, real_only


class SoapState(NamedTuple):
    """State of `scale_by_soap`.

    Attributes:
      step: updates made so far; int32 of shape ().
      m: running mean of the gradients; like the parameters.
      v: running mean of the squared gradients in the eigenbasis; like the parameters.
      statistics: for each leaf a tuple with a mean of shape (n, n) for each dimension of n that has a basis.
      bases: eigenvectors of these, in columns.
    """

    step: jax.Array
    m: PyTree
    v: PyTree
    statistics: PyTree
    bases: PyTree


def _refresh(
    v: jax.Array, axes: list[int], statistics: list[jax.Array], bases: list[jax.Array]
) -> tuple[jax.Array, list[jax.Array]]:
    """One step of power iteration for each basis, its columns sorted by eigenvalue, v with them."""
    turned = []
    for axis, s, q in zip(axes, statistics, bases, strict=True):
        order = jnp.argsort(-jnp.einsum("ij,ik,kj->j", q, s, q), stable=True)
        v = jnp.take(v, order, axis)
        turned.append(jnp.linalg.qr(s @ q[:, order])[0])
    return v, turned


@schedulable
def scale_by_soap(
    b1: Scalar = 0.95,
    b2: Scalar = 0.95,
    eps: Scalar = 1e-8,
    shampoo_beta: Scalar | None = None,
    precondition_frequency: int = 10,
    max_precond_dim: int = 10000,
    precondition_1d: bool = False,
) -> Transform:
    r"""Adam's direction in a slowly turning basis.

    For a matrix with the bases $Q_L$ and $Q_R$, and $g' = Q_L^\top g\,Q_R$,

    $$m_t = \beta_1 m_{t-1} + (1-\beta_1)\,g_t, \qquad v_t = \beta_2 v_{t-1} + (1-\beta_2)\,{g'_t}^2, \qquad
      u_t = \frac{\sqrt{1-\beta_2^{t'}}}{1-\beta_1^{t'}}\;
      Q_L\,\frac{Q_L^\top m_t\,Q_R}{\sqrt{v_t} + \epsilon}\,Q_R^\top$$

    and after the step $L_t = \beta\,L_{t-1} + (1-\beta)\,g_t g_t^\top$, $R_t$ likewise with
    $g_t^\top g_t$, whose eigenvectors the bases are. The first gradient makes no step: it starts $L$ and
    $R$, whose eigenvectors are computed, so $t' = t - 1$. When $t'$ is a multiple of
    `precondition_frequency`, one step of power iteration and a QR decomposition refresh the bases. Leaves
    of more dimensions have a basis for each.

    Memory: two numbers for each parameter, and 2 n^2 for each dimension of n.

    Args:
      b1, b2: $\beta_1$ and $\beta_2$ in [0, 1).
      eps: $\epsilon$ in [0, inf), beside the root of the uncorrected v.
      shampoo_beta: $\beta$ in [0, 1), $\beta_2$ unless given.
      precondition_frequency: from 1.
      max_precond_dim: a dimension longer than this has no basis.
      precondition_1d: give vectors a basis, too.

    Raises:
      ValueError: complex parameters.

    Source: Vyas et al. (2024), https://arxiv.org/abs/2409.11321, as in its authors' code. optax has no
    such rule.

    >>> opt = scale_by_soap()
    >>> state = opt.init(jnp.ones(2))
    >>> for _ in range(2):
    ...     update, state = opt.update(jnp.array([3.0, -4.0]), state)
    >>> update.round(3)
    Array([ 1., -1.], dtype=float32)
    """
    shampoo_beta = b2 if shampoo_beta is None else shampoo_beta
    hyper = hyperparameters(locals(), b1="[0, 1)", b2="[0, 1)", shampoo_beta="[0, 1)", eps="[0, inf)")
    precondition_frequency = check_whole("precondition_frequency", precondition_frequency, 1)
    max_precond_dim = check_whole("max_precond_dim", max_precond_dim, 1)

    def based(shape: tuple[int, ...]) -> list[int]:
        return matrix_axes(shape, max_precond_dim, 1 if precondition_1d else 2)

    def eyes(p: Any) -> tuple[Any, ...]:
        p = jnp.asarray(p)
        return identities(p, based(p.shape), compute_dtype(p.dtype))

    def start(g: Any, m: Any, v: Any, beta: Any) -> tuple[Any, ...]:
        statistics = [(1 - beta) * gram(g, axis) for axis in based(g.shape)]
        bases = [jnp.linalg.eigh(s)[1][:, ::-1] for s in statistics]
        return jnp.zeros_like(g), m, v, statistics, bases

    def rule(g: Any, m: Any, v: Any, statistics: Any, bases: Any, h: Any) -> tuple[Any, ...]:
        g, m, v = replicated(g), replicated(m), replicated(v)
        axes = based(g.shape)

        def go() -> tuple[Any, ...]:
            m_new = h.b1 * m + (1 - h.b1) * g
            v_new = h.b2 * v + (1 - h.b2) * multiply(g, axes, bases, transpose=True) ** 2
            turned = multiply(m_new, axes, bases, transpose=True)
            u = multiply(safe_divide(turned, jnp.sqrt(v_new) + h.eps), axes, bases)
            pairs = zip(axes, statistics, strict=True)
            beta = h.shampoo_beta
            means = [beta * s + (1 - beta) * gram(g, axis) for axis, s in pairs]
            refresh = lambda: _refresh(v_new, axes, means, bases)
            v_sorted, new_bases = jax.lax.cond(h.due > 0, refresh, lambda: (v_new, bases))
            return u * h.correction, m_new, v_sorted, means, new_bases

        return jax.lax.cond(h.first > 0, lambda: start(g, m, v, h.shampoo_beta), go)

    def at_step(h: Any, step: jax.Array) -> dict[str, Scalar]:
        t = step - 1
        correction = safe_divide(jnp.sqrt(bias_correction(h.b2, t)), bias_correction(h.b1, t))
        return {"correction": correction, "first": step == 1, "due": t % precondition_frequency == 0}

    zeros = lambda p: jax.tree.map(jnp.zeros_like, eyes(p))
    transform = from_rule(rule, SoapState, hyper, at_step, statistics=zeros, bases=eyes)
    return real_only("scale_by_soap", warn_where_narrow(SQUARES, "scale_by_soap", transform))


@schedulable
def soap(
    learning_rate: Scalar = 3e-3,
    b1: Scalar = 0.95,
    b2: Scalar = 0.95,
    eps: Scalar = 1e-8,
    shampoo_beta: Scalar | None = None,
    weight_decay: Scalar = 0.01,
    precondition_frequency: int = 10,
    max_precond_dim: int = 10000,
    precondition_1d: bool = False,
) -> Transform:
    r"""SOAP: Shampoo with Adam in the preconditioner's eigenbasis.

    $$\theta_t = (1 - \eta_t \lambda)\,(\theta_{t-1} - \eta_t\,u_t)$$

    with $u$ of `scale_by_soap`. The first update only looks at the gradient and moves nothing.

    Memory: two numbers for each parameter, and 2 n^2 for each dimension of n.

    Args:
      learning_rate: $\eta$ in [0, inf).
      b1, b2: $\beta_1$ and $\beta_2$ in [0, 1).
      eps: $\epsilon$ in [0, inf).
      shampoo_beta: decay of the statistics in [0, 1), $\beta_2$ unless given.
      weight_decay: $\lambda$ in [0, inf), after the step.
      precondition_frequency: updates from one change of the bases to the next, from 1.
      max_precond_dim: a dimension longer than this has no basis.
      precondition_1d: give vectors a basis, too.

    Raises:
      ValueError: with weight decay, `update` called without `params`.

    Source: Vyas et al. (2024), https://arxiv.org/abs/2409.11321, as in its authors' code. optax has no
    such rule.

    >>> opt = soap(0.1, weight_decay=0.0)
    >>> print(opt.update(2.0, opt.init(1.0))[0])
    -0.0
    """
    hyperparameters(locals(), weight_decay="[0, inf)")
    shrinking = lambda step: jnp.where(step == 0, 1.0, 1 - learning_rate * weight_decay)
    return chain(
        scale_by_soap(b1, b2, eps, shampoo_beta, precondition_frequency, max_precond_dim, precondition_1d),
        scale_by_learning_rate(learning_rate),
        *([] if is_zero(weight_decay) else [shrink_after(shrinking)]),
    )
