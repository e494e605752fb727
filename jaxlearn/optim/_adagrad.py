"""Adagrad: gradients divided by all that came before."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from ._decay import prepare_gradient
from ._leafwise import PyTree, Scalar
from ._learning_rate import scale_by_learning_rate
from ._narrow import SQUARES, warn_where_narrow
from ._numeric import safe_divide
from ._schedule import schedulable
from ._transform import Transform, chain, from_rule, full_of, hyperparameters


class AdagradState(NamedTuple):
    """State of `scale_by_adagrad`.

    Attributes:
      step: updates made so far; int32 of shape ().
      sum: sum of the squared gradients; like the parameters.
    """

    step: jax.Array
    sum: PyTree


@schedulable
def scale_by_adagrad(
    lr_decay: Scalar = 0.0,
    initial_accumulator_value: Scalar = 0.0,
    eps: Scalar = 1e-10,
    eps_in_sqrt: bool = False,
) -> Transform:
    r"""Divides the gradients by the root of the sum of all their squares.

    $$s_t = s_{t-1} + g_t^2, \qquad
      u_t = \frac{1}{1 + (t-1)\,\delta} \cdot \frac{g_t}{\sqrt{s_t} + \epsilon}$$

    Memory: one number for each parameter.

    Args:
      lr_decay: $\delta$ in [0, inf).
      initial_accumulator_value: $s_0$ in [0, inf).
      eps: $\epsilon$ in [0, inf).
      eps_in_sqrt: $\sqrt{s_t + \epsilon}$, optax's form, instead of $\sqrt{s_t} + \epsilon$.

    Source: Duchi et al. (2011), https://jmlr.org/papers/v12/duchi11a.html

    >>> opt = scale_by_adagrad()
    >>> print(opt.update(-3.0, opt.init(0.0))[0])
    -1.0
    """
    hyper = hyperparameters(
        locals(), lr_decay="[0, inf)", initial_accumulator_value="[0, inf)", eps="[0, inf)"
    )

    def rule(g: Any, total: Any, h: Any) -> tuple[Any, ...]:
        total = total + g * g
        root = jnp.sqrt(total + h.eps) if eps_in_sqrt else jnp.sqrt(total) + h.eps
        # 0 / 0 is no step: a gradient that is 0 from the start, with eps = 0
        return safe_divide(g, root) / h.slower, total

    def at_step(h: Any, step: jax.Array) -> dict[str, Scalar]:
        return {"slower": 1 + jnp.asarray(step - 1, float) * h.lr_decay}

    start = full_of(initial_accumulator_value)
    transform = from_rule(rule, AdagradState, hyper, at_step, sum=start)
    return warn_where_narrow(SQUARES, "scale_by_adagrad", transform)


def adagrad(
    learning_rate: Scalar = 1e-2,
    lr_decay: Scalar = 0.0,
    weight_decay: Scalar = 0.0,
    initial_accumulator_value: Scalar = 0.0,
    eps: Scalar = 1e-10,
    maximize: bool = False,
    eps_in_sqrt: bool = False,
) -> Transform:
    r"""Adagrad with all the flags of `torch.optim.Adagrad`, and its defaults.

    $$g_t \leftarrow g_t + \lambda\,\theta_{t-1}, \qquad s_t = s_{t-1} + g_t^2, \qquad
      \theta_t = \theta_{t-1} - \frac{\eta_t}{1 + (t-1)\,\delta} \cdot \frac{g_t}{\sqrt{s_t} + \epsilon}$$

    Memory: one number for each parameter.

    Args:
      learning_rate: $\eta$ in [0, inf).
      lr_decay: $\delta$ in [0, inf).
      weight_decay: $\lambda$ in [0, inf), an L2 penalty added to the gradient.
      initial_accumulator_value: $s_0$ in [0, inf).
      eps: $\epsilon$ in [0, inf).
      maximize: ascend.
      eps_in_sqrt: put $\epsilon$ under the root.

    Source: Duchi et al. (2011), https://jmlr.org/papers/v12/duchi11a.html.
    `adagrad(lr, initial_accumulator_value=0.1, eps=1e-7, eps_in_sqrt=True)` is `optax.adagrad(lr)`.

    >>> opt = adagrad(0.1)
    >>> print(opt.update(2.0, opt.init(1.0))[0])
    -0.1
    """
    return chain(
        *prepare_gradient(weight_decay, maximize),
        scale_by_adagrad(lr_decay, initial_accumulator_value, eps, eps_in_sqrt),
        scale_by_learning_rate(learning_rate),
    )
