"""Momentum: the running sum of past gradients."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxlearn._check import is_zero

from ._leafwise import PyTree, Scalar
from ._schedule import schedulable
from ._transform import Transform, from_rule, hyperparameters


class TraceState(NamedTuple):
    """State of `trace`.

    Attributes:
      step: updates made so far; int32 of shape ().
      trace: the running sum $b$; like the parameters.
    """

    step: jax.Array
    trace: PyTree


@schedulable
def trace(momentum: Scalar, dampening: Scalar = 0.0, nesterov: bool = False) -> Transform:
    r"""Accumulates gradients into a momentum buffer, as `torch.optim.SGD` does.

    $$b_1 = g_1, \qquad b_t = \mu\,b_{t-1} + (1 - \tau)\,g_t$$

    and $u_t = b_t$, or with Nesterov momentum $u_t = g_t + \mu\,b_t$.

    Memory: one number for each parameter.

    Args:
      momentum: $\mu$ in [0, inf).
      dampening: $\tau$; the first gradient is not dampened.
      nesterov: look one step ahead.

    Raises:
      ValueError: a negative momentum, or Nesterov momentum with dampening or without momentum.

    Source: Polyak (1964), https://doi.org/10.1016/0041-5553(64)90137-5; Sutskever et al. (2013),
    https://proceedings.mlr.press/v28/sutskever13.html. `optax.trace` is the same without dampening.

    >>> opt = trace(0.9)
    >>> state = opt.init(0.0)
    >>> for _ in range(2):
    ...     update, state = opt.update(1.0, state)
    ...     print(update)
    1.0
    1.9
    """
    hyper = hyperparameters(locals(), momentum="[0, inf)", dampening="(-inf, inf)")
    if nesterov and (is_zero(momentum) or not is_zero(dampening)):
        raise ValueError(
            "nesterov needs momentum above 0 and dampening 0, "
            f"got momentum={momentum} and dampening={dampening}"
        )

    def rule(g: Any, b: Any, h: Any) -> tuple[Any, Any]:
        b = h.momentum * b + h.weight * g
        return (g + h.momentum * b if nesterov else b), b

    def at_step(h: Any, step: jax.Array) -> dict[str, Scalar]:
        plain = is_zero(h.dampening)
        return {"weight": 1.0 if plain else jnp.where(step == 1, 1.0, 1.0 - h.dampening)}

    return from_rule(rule, TraceState, hyper, at_step)
