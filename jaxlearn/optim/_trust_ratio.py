"""LARS and LAMB: steps relative to the size of each layer's parameters."""

from typing import Any

import jax.numpy as jnp

from ._adam import scale_by_adam
from ._decay import decoupled
from ._leafwise import PyTree, Scalar, leafwise
from ._learning_rate import scale_by_learning_rate
from ._mask import Mask, masked
from ._numeric import safe_divide
from ._schedule import schedulable
from ._trace import trace
from ._transform import Transform, chain, hyperparameters, need_params, stateless


def _ratio(over: Any, under: Any, eps: Any) -> Any:
    """`over / (under + eps)`, and 1 where either norm is 0."""
    known = (over > 0) & (under > 0)
    return safe_divide(over, jnp.where(known, under + eps, 0.0), otherwise=1.0)


@schedulable
def scale_by_trust_ratio(trust_coefficient: Scalar = 1.0, eps: Scalar = 0.0) -> Transform:
    r"""Gives each leaf's update the norm of the parameters there.

    $$u = g\,\frac{c\,\lVert\theta\rVert}{\lVert g\rVert + \epsilon}$$

    and $u = g$ where either norm is 0. Memory: none.

    Args:
      trust_coefficient: $c$ in (0, inf).
      eps: $\epsilon$ in [0, inf).

    Raises:
      ValueError: `update` called without `params`.

    Source: You et al. (2017), https://arxiv.org/abs/1708.03888. Equal to `optax.scale_by_trust_ratio`.

    >>> opt = scale_by_trust_ratio()
    >>> opt.update(jnp.array([3.0, 4.0]), opt.init(jnp.ones(2)), jnp.array([0.0, 1.0]))[0]
    Array([0.6, 0.8], dtype=float32)
    """
    hyper = hyperparameters(locals(), trust_coefficient="(0, inf)", eps="[0, inf)")

    def rule(g: Any, p: Any, h: Any) -> tuple[Any, ...]:
        return g * _ratio(h.trust_coefficient * jnp.linalg.norm(p), jnp.linalg.norm(g), h.eps), None

    def update(grads: PyTree, params: PyTree) -> PyTree:
        need_params(params, grads)
        return leafwise(rule, grads, params, **hyper)[0]

    return stateless(update)


@schedulable
def scale_by_lars(
    trust_coefficient: Scalar = 1e-3, weight_decay: Scalar = 0.0, eps: Scalar = 0.0
) -> Transform:
    r"""Gives each leaf's gradient, decay included, a size relative to that of the parameters there.

    $$u = \frac{c\,\lVert\theta\rVert}{\lVert g\rVert + \lambda\,\lVert\theta\rVert + \epsilon}
      \,(g + \lambda\,\theta)$$

    and the ratio is 1 where it would be 0 or undefined. Memory: none.

    Args:
      trust_coefficient: $c$ in (0, inf).
      weight_decay: $\lambda$ in [0, inf).
      eps: $\epsilon$ in [0, inf).

    Raises:
      ValueError: `update` called without `params`.

    Source: You et al. (2017), equation 6, https://arxiv.org/abs/1708.03888

    >>> opt = scale_by_lars(1.0)
    >>> opt.update(jnp.array([3.0, 4.0]), opt.init(jnp.ones(2)), jnp.array([0.0, 1.0]))[0]
    Array([0.6, 0.8], dtype=float32)
    """
    hyper = hyperparameters(locals(), trust_coefficient="(0, inf)", weight_decay="[0, inf)", eps="[0, inf)")

    def rule(g: Any, p: Any, h: Any) -> tuple[Any, ...]:
        g_norm, p_norm = jnp.linalg.norm(g), jnp.linalg.norm(p)
        ratio = _ratio(h.trust_coefficient * p_norm, g_norm + h.weight_decay * p_norm, h.eps)
        return (g + h.weight_decay * p) * ratio, None

    def update(grads: PyTree, params: PyTree) -> PyTree:
        need_params(params, grads)
        return leafwise(rule, grads, params, **hyper)[0]

    return stateless(update)


def lars(
    learning_rate: Scalar = 0.1,
    momentum: Scalar = 0.9,
    weight_decay: Scalar = 0.0,
    trust_coefficient: Scalar = 1e-3,
    eps: Scalar = 0.0,
    nesterov: bool = False,
    mask: Mask | None = None,
) -> Transform:
    r"""Layer-wise adaptive rate scaling, for momentum with large batches.

    $$v_t = \mu\,v_{t-1} + \eta_t\,u_t, \qquad \theta_t = \theta_{t-1} - v_t$$

    with $u$ of `scale_by_lars`.

    Memory: one number for each parameter.

    Args:
      learning_rate: $\eta$ in [0, inf), on top of the ratio.
      momentum: $\mu$ in [0, inf).
      weight_decay: $\lambda$ in [0, inf).
      trust_coefficient: $c$ in (0, inf).
      eps: $\epsilon$ in [0, inf).
      nesterov: look one step ahead.
      mask: which parameters decay and are scaled (all, unless given); biases and the scales of
        normalisations are usually left out.

    Raises:
      ValueError: `update` called without `params`.

    Source: You et al. (2017), https://arxiv.org/abs/1708.03888. Without weight decay equal to `optax.lars`;
    with it, optax divides by $\lVert g + \lambda\theta\rVert$.

    >>> opt = lars(0.5, momentum=0.0, trust_coefficient=1.0)
    >>> opt.update(jnp.array([3.0, 4.0]), opt.init(jnp.ones(2)), jnp.array([0.0, 1.0]))[0]
    Array([-0.3, -0.4], dtype=float32)
    """
    ratio = scale_by_lars(trust_coefficient, weight_decay, eps)
    return chain(
        ratio if mask is None else masked(ratio, mask),
        scale_by_learning_rate(learning_rate),
        trace(momentum, nesterov=nesterov),
    )


def lamb(
    learning_rate: Scalar = 1e-3,
    b1: Scalar = 0.9,
    b2: Scalar = 0.999,
    eps: Scalar = 1e-6,
    weight_decay: Scalar = 0.0,
    mask: Mask | None = None,
) -> Transform:
    r"""Layer-wise adaptive moments, for Adam with large batches.

    $$r_t = \frac{\hat m_t}{\sqrt{\hat v_t} + \epsilon} + \lambda\,\theta_{t-1}, \qquad
      \theta_t = \theta_{t-1} - \eta_t\,\frac{\lVert\theta_{t-1}\rVert}{\lVert r_t\rVert}\,r_t$$

    with the norms of each leaf by itself.

    Memory: two numbers for each parameter.

    Args:
      learning_rate: $\eta$ in [0, inf), on top of the ratio.
      b1, b2: $\beta_1$ and $\beta_2$ in [0, 1).
      eps: $\epsilon$ in [0, inf), outside the root.
      weight_decay: $\lambda$ in [0, inf).
      mask: which parameters decay (all, unless given).

    Raises:
      ValueError: `update` called without `params`.

    Source: You et al. (2020), https://arxiv.org/abs/1904.00962, with its $\phi(x) = x$. Equal to
    `optax.lamb`.

    >>> opt = lamb(0.1)
    >>> print(opt.update(2.0, opt.init(3.0), 3.0)[0])
    -0.3
    """
    return chain(
        scale_by_adam(b1, b2, eps),
        *decoupled(weight_decay, mask),
        scale_by_trust_ratio(),
        scale_by_learning_rate(learning_rate),
    )
