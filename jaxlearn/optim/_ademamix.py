"""AdEMAMix: Adam with a second, slow momentum."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxlearn._check import check_whole

from ._adam import bias_correction, log_decay
from ._decay import decoupled
from ._leafwise import PyTree, Scalar
from ._learning_rate import scale_by_learning_rate
from ._mask import Mask
from ._narrow import SQUARES, warn_where_narrow
from ._schedule import schedulable
from ._transform import Transform, chain, from_rule, hyperparameters


class AdemamixState(NamedTuple):
    """State of `scale_by_ademamix`.

    Attributes:
      step: updates made so far; int32 of shape ().
      m1: fast running mean of the gradients; like the parameters.
      m2: slow running mean of the gradients; like the parameters.
      v: running mean of the squared gradients; like the parameters.
    """

    step: jax.Array
    m1: PyTree
    m2: PyTree
    v: PyTree


@schedulable
def scale_by_ademamix(
    b1: Scalar = 0.9,
    b2: Scalar = 0.999,
    b3: Scalar = 0.9999,
    alpha: Scalar = 5.0,
    eps: Scalar = 1e-8,
    warmup_steps: int = 0,
) -> Transform:
    r"""Adam's direction with a multiple of a slow mean of the gradients added.

    $$m_{i,t} = \beta_i m_{i,t-1} + (1-\beta_i)\,g_t \;(i = 1, 3), \qquad
      u_t = \frac{m_{1,t} / (1-\beta_1^t) + \alpha_t\,m_{3,t}}{\sqrt{v_t / (1-\beta_2^t)} + \epsilon}$$

    Over the first `warmup_steps` updates $\alpha_t$ grows from 0 on a straight line, and $\beta_3$ from
    $\beta_1$ so that the half life of its mean does.

    Memory: three numbers for each parameter.

    Args:
      b1, b2, b3: $\beta_1$, $\beta_2$ and $\beta_3$ in [0, 1).
      alpha: $\alpha$ in [0, inf).
      eps: $\epsilon$ in [0, inf), outside the root.
      warmup_steps: updates over which $\alpha$ and $\beta_3$ are warmed up; 0 for none.

    Raises:
      TypeError: `warmup_steps` is not a whole number.
      ValueError: a hyperparameter outside its range.

    Source: Pagliardini et al. (2024), https://arxiv.org/abs/2409.03137. Equal to
    `optax.contrib.scale_by_ademamix`, which takes the two warm-ups as schedules.

    >>> opt = scale_by_ademamix(alpha=0.0)
    >>> print(opt.update(-3.0, opt.init(0.0))[0])
    -1.0
    """
    hyper = hyperparameters(locals(), b1="[0, 1)", b2="[0, 1)", b3="[0, 1)", alpha="[0, inf)", eps="[0, inf)")
    warmup_steps = check_whole("warmup_steps", warmup_steps, 0)

    def rule(g: Any, m1: Any, m2: Any, v: Any, h: Any) -> tuple[Any, ...]:
        m1 = h.b1 * m1 + (1 - h.b1) * g
        m2 = h.b3 * m2 + (1 - h.b3) * g
        v = h.b2 * v + (1 - h.b2) * g * g
        return (m1 / h.c1 + h.alpha * m2) / (jnp.sqrt(v / h.c2) + h.eps), m1, m2, v

    def warm(h: Any, step: jax.Array) -> dict[str, Scalar]:
        """`alpha` and `b3` on their way up."""
        if not warmup_steps:
            return {}
        done = jnp.minimum(jnp.asarray(step, float) / warmup_steps, 1.0)
        slow, fast = log_decay(h.b3), log_decay(h.b1)
        warmed = jnp.exp(slow * fast / ((1 - done) * slow + done * fast))
        return {"alpha": done * h.alpha, "b3": jnp.where(done < 1, warmed, h.b3)}

    def at_step(h: Any, step: jax.Array) -> dict[str, Scalar]:
        c1, c2 = bias_correction(h.b1, step), bias_correction(h.b2, step)
        return {"c1": c1, "c2": c2} | warm(h, step)

    return warn_where_narrow(SQUARES, "scale_by_ademamix", from_rule(rule, AdemamixState, hyper, at_step))


def ademamix(
    learning_rate: Scalar = 1e-3,
    b1: Scalar = 0.9,
    b2: Scalar = 0.999,
    b3: Scalar = 0.9999,
    alpha: Scalar = 5.0,
    eps: Scalar = 1e-8,
    weight_decay: Scalar = 0.0,
    warmup_steps: int = 0,
    mask: Mask | None = None,
) -> Transform:
    r"""AdEMAMix: AdamW with a mixture of a fast and a slow momentum.

    $$\theta_t = \theta_{t-1} - \eta_t \left(\frac{\hat m_{1,t} + \alpha_t\,m_{3,t}}
      {\sqrt{\hat v_t} + \epsilon} + \lambda\,\theta_{t-1}\right)$$

    with the means of `scale_by_ademamix`.

    Memory: three numbers for each parameter.

    Args:
      learning_rate: $\eta$ in [0, inf).
      b1, b2: $\beta_1$ and $\beta_2$ in [0, 1).
      b3: $\beta_3$ in [0, 1), decay of the slow mean.
      alpha: $\alpha$ in [0, inf), weight of the slow mean.
      eps: $\epsilon$ in [0, inf), outside the root.
      weight_decay: $\lambda$ in [0, inf), multiplied by the learning rate.
      warmup_steps: updates over which $\alpha$ and $\beta_3$ are warmed up; the paper takes the whole
        run. 0 for none.
      mask: which parameters decay (all, unless given): a tree of bools or a function to one.

    Raises:
      TypeError: `warmup_steps` is not a whole number.
      ValueError: a hyperparameter outside its range.

    Source: Pagliardini et al. (2024), https://arxiv.org/abs/2409.03137

    >>> opt = ademamix(0.1, alpha=0.0)
    >>> print(opt.update(2.0, opt.init(1.0))[0])
    -0.1
    """
    return chain(
        scale_by_ademamix(b1, b2, b3, alpha, eps, warmup_steps),
        *decoupled(weight_decay, mask),
        scale_by_learning_rate(learning_rate),
    )
