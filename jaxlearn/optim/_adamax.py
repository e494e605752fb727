"""Adamax: Adam with the infinity norm."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from ._adam import bias_correction
from ._decay import prepare_gradient
from ._leafwise import PyTree, Scalar
from ._learning_rate import scale_by_learning_rate
from ._schedule import schedulable
from ._transform import Transform, chain, from_rule, hyperparameters


class AdamaxState(NamedTuple):
    """State of `scale_by_adamax`.

    Attributes:
      step: updates made so far; int32 of shape ().
      m: running mean of the gradients; like the parameters.
      u: decaying maximum of the gradients' sizes; like the parameters.
    """

    step: jax.Array
    m: PyTree
    u: PyTree


@schedulable
def scale_by_adamax(b1: Scalar = 0.9, b2: Scalar = 0.999, eps: Scalar = 1e-8) -> Transform:
    r"""Divides a running mean of the gradients by a decaying maximum of their sizes.

    $$m_t = \beta_1 m_{t-1} + (1-\beta_1)\,g_t, \qquad
      u_t = \max(\beta_2 u_{t-1}, |g_t| + \epsilon), \qquad
      \text{update} = \frac{m_t}{(1-\beta_1^t)\,u_t}$$

    Memory: two numbers for each parameter.

    Args:
      b1, b2: $\beta_1$ and $\beta_2$ in [0, 1).
      eps: $\epsilon$ in [0, inf).

    Source: Kingma & Ba (2015), Algorithm 2, https://arxiv.org/abs/1412.6980, where there is no epsilon.

    >>> opt = scale_by_adamax()
    >>> print(opt.update(-3.0, opt.init(0.0))[0])
    -1.0
    """
    hyper = hyperparameters(locals(), b1="[0, 1)", b2="[0, 1)", eps="[0, inf)")

    def rule(g: Any, m: Any, u: Any, h: Any) -> tuple[Any, ...]:
        m = h.b1 * m + (1 - h.b1) * g
        u = jnp.maximum(h.b2 * u, jnp.abs(g) + h.eps)
        return m / h.c1 / u, m, u

    def at_step(h: Any, step: jax.Array) -> dict[str, Scalar]:
        return {"c1": bias_correction(h.b1, step)}

    return from_rule(rule, AdamaxState, hyper, at_step)


def adamax(
    learning_rate: Scalar = 2e-3,
    b1: Scalar = 0.9,
    b2: Scalar = 0.999,
    eps: Scalar = 1e-8,
    weight_decay: Scalar = 0.0,
    maximize: bool = False,
) -> Transform:
    r"""Adamax with all the flags of `torch.optim.Adamax`, and its defaults.

    $$g_t \leftarrow g_t + \lambda\,\theta_{t-1}, \qquad
      \theta_t = \theta_{t-1} - \eta_t\,\frac{\hat m_t}{u_t}$$

    where $u$ is a decaying maximum of $|g|$: `scale_by_adamax`.

    Memory: two numbers for each parameter.

    Args:
      learning_rate: $\eta$ in [0, inf).
      b1, b2: $\beta_1$ and $\beta_2$ in [0, 1).
      eps: $\epsilon$ in [0, inf), added to $|g|$.
      weight_decay: $\lambda$ in [0, inf), an L2 penalty added to the gradient.
      maximize: ascend.

    Source: Kingma & Ba (2015), Algorithm 2, https://arxiv.org/abs/1412.6980. Equal to `optax.adamax`.

    >>> opt = adamax(0.1)
    >>> print(opt.update(2.0, opt.init(1.0))[0])
    -0.1
    """
    return chain(
        *prepare_gradient(weight_decay, maximize),
        scale_by_adamax(b1, b2, eps),
        scale_by_learning_rate(learning_rate),
    )
