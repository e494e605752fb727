"""Sophia: momentum over curvature, clipped."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxlearn._check import check_whole
from jaxlearn._dtype import from_pairs, to_pairs

from ._decay import decoupled
from ._leafwise import PyTree, Scalar, leafwise
from ._learning_rate import scale_by_learning_rate
from ._mask import Mask
from ._numeric import normal_like
from ._schedule import schedulable
from ._transform import Transform, chain, hyperparameters, increment, zeros_like


class SophiaState(NamedTuple):
    """State of `scale_by_sophia`.

    Attributes:
      step: updates made so far; int32 of shape ().
      key: from which the directions of the estimate are drawn.
      m: running mean of the gradients; like the parameters.
      h: running mean of the Hessian's diagonal; like the parameters.
    """

    step: jax.Array
    key: jax.Array
    m: PyTree
    h: PyTree


def hutchinson(key: jax.Array, value_fn: Callable[[PyTree], jax.Array], params: PyTree) -> PyTree:
    r"""An estimate of the diagonal of the Hessian: $u \odot \nabla^2 f(\theta)\,u$ with $u \sim N(0, 1)$.

    Its mean over keys is the diagonal. Costs about two gradients.

    Source: Hutchinson (1989), https://doi.org/10.1080/03610918908812806

    >>> estimate = hutchinson(jax.random.key(0), lambda p: 3 * p**2, 1.0)
    >>> bool(estimate > 0)
    True
    """
    pairs = jax.tree.map(to_pairs, params)
    u = normal_like(key, pairs)
    join = partial(jax.tree.map, lambda p, pair: from_pairs(pair, jnp.result_type(p)), params)
    # reverse over reverse: custom derivatives such as max pooling's have no forward mode
    gradient = jax.grad(lambda pairs: value_fn(join(pairs)))
    _, multiply = jax.vjp(gradient, pairs)  # by the Hessian, which is symmetric
    (products,) = multiply(u)
    return join(jax.tree.map(jnp.multiply, u, products))


@schedulable
def scale_by_sophia(
    b1: Scalar = 0.96,
    b2: Scalar = 0.99,
    gamma: Scalar = 0.01,
    eps: Scalar = 1e-12,
    update_interval: int = 10,
    key: jax.Array | None = None,
) -> Transform:
    r"""Divides a running mean of the gradients by one of the Hessian's diagonal, and clips at 1.

    $$m_t = \beta_1 m_{t-1} + (1-\beta_1)\,g_t, \qquad
      u_t = \operatorname{clip}\!\left(\frac{m_t}{\max(\gamma\,h_t, \epsilon)}, \pm 1\right)$$

    Every `update_interval`-th update, the first among them, begins with
    $h_t = \beta_2 h_{t-1} + (1-\beta_2)\,\hat h_t$, where $\hat h$ is Hutchinson's estimate, or what is
    given as `hessian`.

    Its `update(grads, state, params, *, value_fn=None, hessian=None)` needs the loss as a function of the
    parameters, or a tree of estimates like the parameters.

    Memory: two numbers for each parameter.

    Args:
      b1, b2: $\beta_1$ and $\beta_2$ in [0, 1).
      gamma: $\gamma$ in (0, inf).
      eps: $\epsilon$ in (0, inf).
      update_interval: from 1.
      key: random key for the estimates; `jax.random.key(0)` unless given.

    Raises:
      ValueError: `update` called without both `value_fn` and
        `hessian`.

    Source: Liu et al. (2024), Algorithm 3, https://arxiv.org/abs/2305.14342. optax corrects the bias of m,
    refreshes h after its use and draws signs in the place of normal numbers.

    >>> opt = scale_by_sophia()
    >>> print(opt.update(2.0, opt.init(1.0), 1.0, value_fn=lambda p: p**2)[0])
    1.0
    """
    hyper = hyperparameters(locals(), b1="[0, 1)", b2="[0, 1)", gamma="(0, inf)", eps="(0, inf)")
    update_interval = check_whole("update_interval", update_interval, 1)

    def rule(g: Any, m: Any, curvature: Any, h: Any) -> tuple[Any, ...]:
        m = h.b1 * m + (1 - h.b1) * g
        return jnp.clip(m / jnp.maximum(h.gamma * curvature, h.eps), -1.0, 1.0), m, None

    def average(curvature: Any, estimate: Any, h: Any) -> tuple[Any, ...]:
        return h.b2 * curvature + (1 - h.b2) * estimate, None

    def init(params: PyTree) -> SophiaState:
        start = jnp.copy(jax.random.key(0) if key is None else key)
        return SophiaState(jnp.zeros((), jnp.int32), start, zeros_like(params), zeros_like(params))

    def update(
        grads: PyTree,
        state: SophiaState,
        params: PyTree = None,
        *,
        value_fn: Callable[[PyTree], jax.Array] | None = None,
        hessian: PyTree = None,
        **extra: Any,
    ) -> tuple[PyTree, SophiaState]:
        if hessian is None and value_fn is None:
            raise ValueError("sophia needs the loss: call update(grads, state, params, value_fn=loss)")
        next_key, draw = jax.random.split(state.key)

        def refresh() -> PyTree:
            estimate = hessian
            if value_fn is not None and hessian is None:
                estimate = hutchinson(draw, value_fn, params)
            return leafwise(average, state.h, estimate, **hyper)[0]

        due = state.step % update_interval == 0
        h = jax.lax.cond(due, refresh, lambda: state.h)
        updates, m, _ = leafwise(rule, grads, state.m, h, **hyper)
        return updates, SophiaState(increment(state.step), next_key, m, h)

    return Transform(init, update)


def sophia(
    learning_rate: Scalar = 1e-3,
    b1: Scalar = 0.96,
    b2: Scalar = 0.99,
    gamma: Scalar = 0.01,
    eps: Scalar = 1e-12,
    weight_decay: Scalar = 0.1,
    update_interval: int = 10,
    key: jax.Array | None = None,
    mask: Mask | None = None,
) -> Transform:
    r"""Sophia, second-order clipped stochastic optimization, with Hutchinson's estimate.

    $$\theta_t = \theta_{t-1} - \eta_t \left(\operatorname{clip}\!\left(
      \frac{m_t}{\max(\gamma\,h_t, \epsilon)}, \pm 1\right) + \lambda\,\theta_{t-1}\right)$$

    with $m$ and $h$ of `scale_by_sophia`, whose `update` takes the loss as `value_fn`.

    Memory: two numbers for each parameter.

    Args:
      learning_rate: $\eta$ in [0, inf).
      b1, b2: $\beta_1$ and $\beta_2$ in [0, 1).
      gamma: $\gamma$ in (0, inf); so large that 10 to 50 % of the numbers are not clipped.
      eps: $\epsilon$ in (0, inf).
      weight_decay: $\lambda$ in [0, inf), multiplied by the learning rate.
      update_interval: updates from one estimate of the Hessian to the next, from 1.
      key: random key for the estimates; `jax.random.key(0)` unless given.
      mask: which parameters decay (all, unless given): a tree of bools or a function to one.

    Raises:
      ValueError: `update` called without both `value_fn` and
        `hessian`.

    Source: Liu et al. (2024), https://arxiv.org/abs/2305.14342; `scale_by_sophia` tells where optax differs.

    >>> opt = sophia(0.1, weight_decay=0.0)
    >>> print(opt.update(2.0, opt.init(1.0), 1.0, value_fn=lambda p: p**2)[0])
    -0.1
    """
    return chain(
        scale_by_sophia(b1, b2, gamma, eps, update_interval, key),
        *decoupled(weight_decay, mask),
        scale_by_learning_rate(learning_rate),
    )
