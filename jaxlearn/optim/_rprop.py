"""Rprop: the sign of the gradient, and a step size for each parameter."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from ._decay import prepare_gradient
from ._leafwise import PyTree, Scalar
from ._schedule import schedulable
from ._transform import Transform, chain, from_rule, full_of, hyperparameters


class RpropState(NamedTuple):
    """State of `rprop`.

    Attributes:
      step: updates made so far; int32 of shape ().
      previous: the last gradient, 0 where its sign had turned; like the parameters.
      step_size: like the parameters.
    """

    step: jax.Array
    previous: PyTree
    step_size: PyTree


@schedulable
def rprop(
    learning_rate: Scalar = 1e-2,
    eta_minus: Scalar = 0.5,
    eta_plus: Scalar = 1.2,
    min_step_size: Scalar = 1e-6,
    max_step_size: Scalar = 50.0,
    maximize: bool = False,
) -> Transform:
    r"""Resilient backpropagation with all the flags of `torch.optim.Rprop`, and its defaults.

    $$\Delta_t = \begin{cases}
        \min(\eta^+ \Delta_{t-1}, \Delta_{max}) & g_t\,g_{t-1} > 0 \\
        \max(\eta^- \Delta_{t-1}, \Delta_{min}), \; g_t \leftarrow 0 & g_t\,g_{t-1} < 0 \\
        \Delta_{t-1} & \text{else} \end{cases}
      \qquad \theta_t = \theta_{t-1} - \operatorname{sign}(g_t)\,\Delta_t$$

    For whole batches: the noise of small ones turns signs, and every turn makes a step size smaller.

    Memory: two numbers for each parameter.

    Args:
      learning_rate: $\Delta_0$ in [0, inf), the first step size; of no effect later on.
      eta_minus: $\eta^-$ in (0, 1), where the sign has turned.
      eta_plus: $\eta^+$ in (1, inf), where it has not.
      min_step_size, max_step_size: in [0, inf).
      maximize: ascend.

    Source: Riedmiller & Braun (1993), https://doi.org/10.1109/ICNN.1993.298623. `optax.rprop` returns
    the update of the step before (optax 0.2.8).

    >>> opt = rprop(0.1)
    >>> state = opt.init(0.0)
    >>> for gradient in (2.0, 1.0, -1.0):
    ...     update, state = opt.update(gradient, state)
    ...     print(update)
    -0.1
    -0.12
    -0.0
    """
    hyper = hyperparameters(
        locals(), learning_rate="[0, inf)", eta_minus="(0, 1)", eta_plus="(1, inf)",
        min_step_size="[0, inf)", max_step_size="[0, inf)",
    )  # fmt: skip

    def rule(g: Any, previous: Any, size: Any, h: Any) -> tuple[Any, ...]:
        agree = jnp.sign(g) * jnp.sign(previous)
        factor = jnp.where(agree > 0, h.eta_plus, jnp.where(agree < 0, h.eta_minus, 1.0))
        size = jnp.clip(size * factor, h.min_step_size, h.max_step_size)
        g = jnp.where(agree < 0, 0.0, g)
        return -jnp.sign(g) * size, g, size

    start = full_of(learning_rate)
    return chain(*prepare_gradient(0.0, maximize), from_rule(rule, RpropState, hyper, step_size=start))
