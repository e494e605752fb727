"""ADOPT: Adam that converges with any second decay rate."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxlearn._check import check

from ._decay import decoupled, prepare_gradient
from ._leafwise import PyTree, Scalar
from ._learning_rate import scale_by_learning_rate
from ._narrow import SQUARES, warn_where_narrow
from ._numeric import safe_divide
from ._schedule import schedulable
from ._transform import Transform, chain, from_rule


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

    Raises:
      ValueError: a hyperparameter outside its range.

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
    check("b1", b1, "[0, 1)")
    check("b2", b2, "[0, 1)")
    check("eps", eps, "[0, inf)")

    def rule(
        g: Any, m: Any, v: Any, *, b1: Any, b2: Any, eps: Any, first: Any, bound: Any
    ) -> tuple[Any, ...]:
        first = first > 0
        root = jnp.maximum(jnp.sqrt(v), eps)
        normed = safe_divide(g, root)
        if clip:
            normed = jnp.clip(normed, -bound, bound)
        m = jnp.where(first, m, b1 * m + (1 - b1) * normed)
        v = jnp.where(first, g * g, b2 * v + (1 - b2) * g * g)
        return m, m, v

    def scalars(step: jax.Array) -> dict[str, Scalar]:
        bound = jnp.asarray(step - 1, float) ** 0.25
        return {"b1": b1, "b2": b2, "eps": eps, "first": step == 1, "bound": bound}

    return warn_where_narrow(SQUARES, "scale_by_adopt", from_rule(rule, AdoptState, scalars))


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

    Raises:
      ValueError: a hyperparameter outside its range.

    Source: Taniguchi et al. (2024), https://arxiv.org/abs/2411.02853. Equal to `optax.contrib.adopt`,
    which leaves the decay to a chain.

    >>> opt = adopt(0.1)
    >>> print(opt.update(2.0, opt.init(1.0))[0])
    -0.0
    """
    check("weight_decay", weight_decay, "[0, inf)")
    coupled = 0.0 if decoupled_weight_decay else weight_decay
    after_first = lambda step: jnp.where(step == 0, 0.0, weight_decay)
    return chain(
        *prepare_gradient(coupled, False),
        scale_by_adopt(b1, b2, eps, clip),
        *(decoupled(after_first) if decoupled_weight_decay else []),
        scale_by_learning_rate(learning_rate),
    )
