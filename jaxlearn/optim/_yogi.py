"""Yogi: Adam whose second moment changes by no more than the squared gradient."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from ._adam import debiased
from ._decay import decoupled
from ._leafwise import PyTree, Scalar
from ._learning_rate import scale_by_learning_rate
from ._schedule import schedulable
from ._transform import Transform, chain, from_rule, full_of, hyperparameters


class YogiState(NamedTuple):
    """State of `scale_by_yogi`.

    Attributes:
      step: updates made so far; int32 of shape ().
      m: running mean of the gradients; like the parameters.
      v: second moment of the gradients; like the parameters.
    """

    step: jax.Array
    m: PyTree
    v: PyTree


@schedulable
def scale_by_yogi(
    b1: Scalar = 0.9,
    b2: Scalar = 0.999,
    eps: Scalar = 1e-3,
    initial_accumulator_value: Scalar = 1e-6,
    use_bias_correction: bool = False,
) -> Transform:
    r"""Adam's direction with a second moment that grows and falls at a bounded pace.

    $$m_t = \beta_1 m_{t-1} + (1-\beta_1)\,g_t, \qquad
      v_t = v_{t-1} - (1-\beta_2)\operatorname{sign}(v_{t-1} - g_t^2)\,g_t^2, \qquad
      u_t = \frac{m_t}{\sqrt{v_t} + \epsilon}$$

    Memory: two numbers for each parameter.

    Args:
      b1, b2: $\beta_1$ and $\beta_2$ in [0, 1).
      eps: $\epsilon$ in [0, inf), outside the root.
      initial_accumulator_value: $v_0$ in [0, inf).
      use_bias_correction: divide $m_t$ by $1-\beta_1^t$ and $v_t$ by $1-\beta_2^t$, as Adam does.

    Source: Zaheer et al. (2018), https://papers.nips.cc/paper/8186. optax always corrects the bias, and
    starts $m$, too, at `initial_accumulator_value`.

    >>> opt = scale_by_yogi(b1=0.5, b2=0.75, eps=0.0)
    >>> print(opt.update(-3.0, opt.init(0.0))[0])
    -1.0
    """
    hyper = hyperparameters(
        locals(), b1="[0, 1)", b2="[0, 1)", eps="[0, inf)", initial_accumulator_value="[0, inf)"
    )

    def rule(g: Any, m: Any, v: Any, h: Any) -> tuple[Any, ...]:
        m = h.b1 * m + (1 - h.b1) * g
        v = v - (1 - h.b2) * jnp.sign(v - g * g) * g * g
        return h.c1 * m / (jnp.sqrt(h.c2 * v) + h.eps), m, v

    corrections = debiased if use_bias_correction else lambda h, step: {"c1": 1.0, "c2": 1.0}
    start = full_of(initial_accumulator_value)
    return from_rule(rule, YogiState, hyper, corrections, v=start)


def yogi(
    learning_rate: Scalar = 1e-2,
    b1: Scalar = 0.9,
    b2: Scalar = 0.999,
    eps: Scalar = 1e-3,
    initial_accumulator_value: Scalar = 1e-6,
    weight_decay: Scalar = 0.0,
    use_bias_correction: bool = False,
) -> Transform:
    r"""Yogi: Adam for gradients that are often 0.

    $$\theta_t = \theta_{t-1} - \eta_t \left(\frac{m_t}{\sqrt{v_t} + \epsilon}
      + \lambda\,\theta_{t-1}\right)$$

    with $m$ and $v$ of `scale_by_yogi`.

    Memory: two numbers for each parameter.

    Args:
      learning_rate: $\eta$ in [0, inf).
      b1, b2: $\beta_1$ and $\beta_2$ in [0, 1).
      eps: $\epsilon$ in [0, inf), outside the root.
      initial_accumulator_value: $v_0$ in [0, inf).
      weight_decay: $\lambda$ in [0, inf), multiplied by the learning rate.
      use_bias_correction: correct the bias of both moments, as Adam does; without it the first steps are
        the largest.

    Source: Zaheer et al. (2018), https://papers.nips.cc/paper/8186; `scale_by_yogi` tells where it and
    `optax.yogi` differ.

    >>> opt = yogi(0.1, b1=0.5, b2=0.75, eps=0.0)
    >>> print(opt.update(2.0, opt.init(1.0))[0])
    -0.1
    """
    return chain(
        scale_by_yogi(b1, b2, eps, initial_accumulator_value, use_bias_correction),
        *decoupled(weight_decay),
        scale_by_learning_rate(learning_rate),
    )
