"""ADOPT: Adam that converges with any second decay rate."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from ._decay import decoupled, prepare_gradient
from ._leafwise import PyTree, Scalar
from ._learning_rate import scale_by_learning_rate
from ._narrow import SQUARES, warn_where_narrow
from ._numeric import safe_divide
from ._schedule import schedulable
from ._transform import Transform, chain, from_rule, hyperparameters


class AdoptState(NamedTuple):
    """State of `scale_by_adopt`.

    Attributes:
      step: updates made so far; int32 of shape ().
      m: running mean of the normalised gradients; like the parameters.
      v: running mean of the squared gradients; like the parameters.
    """

    step: jax.Array
    m: PyTree
    v: PyTree


@schedulable
def scale_by_adopt(b1: Scalar = 0.9, b2: Scalar = 0.9999, eps: Scalar = 1e-6, clip: bool = True) -> Transform:
    r"""A running mean of gradients that were divided by the root of *earlier* squared gradients.

    $$m_t = \beta_1 m_{t-1} + (1-\beta_1) \operatorname{clip}\!\left(
      \frac{g_t}{\max(\sqrt{v_{t-1}}, \epsilon)}, \pm c_t\right), \qquad
      v_t = \beta_2 v_{t-1} + (1-\beta_2)\,g_t^2, \qquad u_t = m_t$$

    with $c_t = (t-1)^{1/4}$. The first gradient sets $v_1 = g_1^2$ and moves nothing.

    Memory: two numbers for each parameter.

    Args:
      b1, b2: $\beta_1$ and $\beta_2$ in [0, 1).
      eps: $\epsilon$ in [0, inf).
      clip: clip the normalised gradients.

    Source: Taniguchi et al. (2024), https://arxiv.org/abs/2411.02853. Equal to
    `optax.contrib.scale_by_adopt`.

    >>> opt = scale_by_adopt(b1=0.5)
    >>> state = opt.init(0.0)
    >>> for _ in range(2):
    ...     update, state = opt.update(-3.0, state)
    ...     print(update)
    0.0
    -0.5
    """
    hyper = hyperparameters(locals(), b1="[0, 1)", b2="[0, 1)", eps="[0, inf)")

    def rule(g: Any, m: Any, v: Any, h: Any) -> tuple[Any, ...]:
        first = h.first > 0
        root = jnp.maximum(jnp.sqrt(v), h.eps)
        normed = safe_divide(g, root)
        if clip:
            normed = jnp.clip(normed, -h.bound, h.bound)
        m = jnp.where(first, m, h.b1 * m + (1 - h.b1) * normed)
        v = jnp.where(first, g * g, h.b2 * v + (1 - h.b2) * g * g)
        return m, m, v

    def at_step(h: Any, step: jax.Array) -> dict[str, Scalar]:
        return {"first": step == 1, "bound": jnp.asarray(step - 1, float) ** 0.25}

    return warn_where_narrow(SQUARES, "scale_by_adopt", from_rule(rule, AdoptState, hyper, at_step))


@schedulable
def adopt(
    learning_rate: Scalar = 1e-3,
    b1: Scalar = 0.9,
    b2: Scalar = 0.9999,
    eps: Scalar = 1e-6,
    weight_decay: Scalar = 0.0,
    decoupled_weight_decay: bool = False,
    clip: bool = True,
) -> Transform:
    r"""ADOPT, adaptive gradients with the optimal rate.

    $$\theta_t = \theta_{t-1} - \eta_t\,m_t$$

    with the momentum $m$ of `scale_by_adopt`. The weight decay is an L2 penalty, or with
    `decoupled_weight_decay` the decay of `adamw`. The first update moves and decays nothing.

    Memory: two numbers for each parameter.

    Args:
      learning_rate: $\eta$ in [0, inf).
      b1, b2: $\beta_1$ and $\beta_2$ in [0, 1).
      eps: $\epsilon$ in [0, inf).
      weight_decay: $\lambda$ in [0, inf).
      decoupled_weight_decay: decay the parameters rather than penalise them.
      clip: clip the normalised gradients.

    Source: Taniguchi et al. (2024), https://arxiv.org/abs/2411.02853. Equal to `optax.contrib.adopt`,
    which leaves the decay to a chain.

    >>> opt = adopt(0.1)
    >>> print(opt.update(2.0, opt.init(1.0))[0])
    -0.0
    """
    hyperparameters(locals(), weight_decay="[0, inf)")
    coupled = 0.0 if decoupled_weight_decay else weight_decay
    after_first = lambda step: jnp.where(step == 0, 0.0, weight_decay)
    return chain(
        *prepare_gradient(coupled, False),
        scale_by_adopt(b1, b2, eps, clip),
        *(decoupled(after_first) if decoupled_weight_decay else []),
        scale_by_learning_rate(learning_rate),
    )
