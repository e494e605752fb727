"""Adadelta: steps in the units of the parameters."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from ._decay import prepare_gradient
from ._leafwise import PyTree, Scalar
from ._learning_rate import scale_by_learning_rate
from ._schedule import schedulable
from ._transform import Transform, chain, from_rule, hyperparameters


class AdadeltaState(NamedTuple):
    """State of `scale_by_adadelta`.

    Attributes:
      step: updates made so far; int32 of shape ().
      v: running mean of the squared gradients; like the parameters.
      delta: running mean of the squared updates; like the parameters.
    """

    step: jax.Array
    v: PyTree
    delta: PyTree


@schedulable
def scale_by_adadelta(decay: Scalar = 0.9, eps: Scalar = 1e-6) -> Transform:
    r"""Scales the gradients by the recent size of the updates over that of the gradients.

    $$v_t = \rho\,v_{t-1} + (1-\rho)\,g_t^2, \qquad
      u_t = \frac{\sqrt{\Delta_{t-1} + \epsilon}}{\sqrt{v_t + \epsilon}}\,g_t, \qquad
      \Delta_t = \rho\,\Delta_{t-1} + (1-\rho)\,u_t^2$$

    Memory: two numbers for each parameter.

    Args:
      decay: $\rho$ in [0, 1].
      eps: $\epsilon$ in (0, inf); without it nothing would ever move.

    Source: Zeiler (2012), https://arxiv.org/abs/1212.5701

    >>> opt = scale_by_adadelta(decay=0.75, eps=1e-6)
    >>> print(opt.update(-2.0, opt.init(0.0))[0])
    -0.002
    """
    hyper = hyperparameters(locals(), decay="[0, 1]", eps="(0, inf)")

    def rule(g: Any, v: Any, delta: Any, h: Any) -> tuple[Any, ...]:
        v = h.decay * v + (1 - h.decay) * g * g
        u = jnp.sqrt(delta + h.eps) / jnp.sqrt(v + h.eps) * g
        return u, v, h.decay * delta + (1 - h.decay) * u * u

    return from_rule(rule, AdadeltaState, hyper)


def adadelta(
    learning_rate: Scalar = 1.0,
    decay: Scalar = 0.9,
    eps: Scalar = 1e-6,
    weight_decay: Scalar = 0.0,
    maximize: bool = False,
) -> Transform:
    r"""Adadelta with all the flags of `torch.optim.Adadelta`, and its defaults.

    $$g_t \leftarrow g_t + \lambda\,\theta_{t-1}, \qquad \theta_t = \theta_{t-1} - \eta_t\,u_t$$

    where $u$ is the gradient scaled to the recent size of the updates: `scale_by_adadelta`.

    Memory: two numbers for each parameter.

    Args:
      learning_rate: $\eta$ in [0, inf).
      decay: $\rho$ in [0, 1], PyTorch's `rho`.
      eps: $\epsilon$ in (0, inf).
      weight_decay: $\lambda$ in [0, inf), an L2 penalty added to the gradient.
      maximize: ascend.

    Source: Zeiler (2012), https://arxiv.org/abs/1212.5701, which has no learning rate. The rule of
    `optax.adadelta`, which goes uphill where no learning rate is given (optax 0.2.8).

    >>> opt = adadelta(decay=0.75)
    >>> print(opt.update(-2.0, opt.init(1.0))[0])
    0.002
    """
    return chain(
        *prepare_gradient(weight_decay, maximize),
        scale_by_adadelta(decay, eps),
        scale_by_learning_rate(learning_rate),
    )
