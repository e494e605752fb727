"""RAdam: Adam that waits until its second moment can be trusted."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from ._adam import bias_correction
from ._decay import decoupled, prepare_gradient
from ._leafwise import PyTree, Scalar
from ._learning_rate import scale_by_learning_rate
from ._narrow import SQUARES, warn_where_narrow
from ._schedule import schedulable
from ._transform import Transform, chain, from_rule, hyperparameters


class RadamState(NamedTuple):
    """State of `scale_by_radam`.

    Attributes:
      step: updates made so far; int32 of shape ().
      m: running mean of the gradients; like the parameters.
      v: running mean of the squared gradients; like the parameters.
    """

    step: jax.Array
    m: PyTree
    v: PyTree


@schedulable
def scale_by_radam(b1: Scalar = 0.9, b2: Scalar = 0.999, eps: Scalar = 1e-8) -> Transform:
    r"""Adam's direction, rectified by how much its second moment varies.

    $$\rho_\infty = \frac{2}{1-\beta_2} - 1, \qquad
      \rho_t = \rho_\infty - \frac{2t\,\beta_2^t}{1-\beta_2^t}, \qquad
      r_t = \sqrt{\frac{(\rho_t-4)(\rho_t-2)\,\rho_\infty}{(\rho_\infty-4)(\rho_\infty-2)\,\rho_t}}$$

    The update is $r_t\,\hat m_t \sqrt{1-\beta_2^t} / (\sqrt{v_t} + \epsilon)$ where $\rho_t > 5$, and the
    bias-corrected mean $\hat m_t$ before that.

    Memory: two numbers for each parameter.

    Args:
      b1, b2: $\beta_1$ and $\beta_2$ in [0, 1).
      eps: $\epsilon$ in [0, inf), added to the root of the uncorrected $v$.

    Source: Liu et al. (2020), https://arxiv.org/abs/1908.03265, in PyTorch's form: the paper tests
    $\rho_t > 4$. `optax.scale_by_radam` tests $\rho_t \ge 5$ and adds epsilon to the corrected root.

    >>> opt = scale_by_radam()
    >>> print(opt.update(-3.0, opt.init(0.0))[0])
    -3.0
    """
    hyper = hyperparameters(locals(), b1="[0, 1)", b2="[0, 1)", eps="[0, inf)")

    def rectification(h: Any, step: jax.Array, c2: jax.Array) -> tuple[jax.Array, jax.Array]:
        long = 2 / (1 - h.b2) - 1
        rho = long - 2 * jnp.asarray(step, float) * (1 - c2) / c2
        trusted = rho > 5
        safe = jnp.where(trusted, rho, 5.0)
        r = jnp.sqrt((safe - 4) * (safe - 2) * long / ((long - 4) * (long - 2) * safe))
        return trusted, jnp.where(trusted, r, 1.0)

    def rule(g: Any, m: Any, v: Any, h: Any) -> tuple[Any, ...]:
        m = h.b1 * m + (1 - h.b1) * g
        v = h.b2 * v + (1 - h.b2) * g * g
        adaptive = h.r * jnp.sqrt(h.c2) / (jnp.sqrt(v) + h.eps)
        return m / h.c1 * jnp.where(h.trusted > 0, adaptive, 1.0), m, v

    def at_step(h: Any, step: jax.Array) -> dict[str, Scalar]:
        c1, c2 = bias_correction(h.b1, step), bias_correction(h.b2, step)
        trusted, r = rectification(h, step, c2)
        return {"c1": c1, "c2": c2, "r": r, "trusted": trusted}

    return warn_where_narrow(SQUARES, "scale_by_radam", from_rule(rule, RadamState, hyper, at_step))


def radam(
    learning_rate: Scalar = 1e-3,
    b1: Scalar = 0.9,
    b2: Scalar = 0.999,
    eps: Scalar = 1e-8,
    weight_decay: Scalar = 0.0,
    decoupled_weight_decay: bool = False,
    maximize: bool = False,
) -> Transform:
    r"""RAdam with all the flags of `torch.optim.RAdam`, and its defaults.

    $$\theta_t = \theta_{t-1} - \eta_t\,r_t\,\frac{\hat m_t}{\sqrt{\hat v_t}} \text{ where } \rho_t > 5,
      \text{ and } \theta_{t-1} - \eta_t\,\hat m_t \text{ before}$$

    with $r_t$ and $\rho_t$ as in `scale_by_radam`. The weight decay is an L2 penalty, or with
    `decoupled_weight_decay` the decay of `adamw`.

    Memory: two numbers for each parameter.

    Args:
      learning_rate: $\eta$ in [0, inf).
      b1, b2: $\beta_1$ and $\beta_2$ in [0, 1).
      eps: $\epsilon$ in [0, inf).
      weight_decay: $\lambda$ in [0, inf).
      decoupled_weight_decay: decay the parameters rather than penalise them.
      maximize: ascend.

    Source: Liu et al. (2020), https://arxiv.org/abs/1908.03265; `scale_by_radam` tells where it, PyTorch
    and optax differ.

    >>> opt = radam(0.1)
    >>> print(opt.update(2.0, opt.init(1.0))[0])
    -0.2
    """
    coupled = 0.0 if decoupled_weight_decay else weight_decay
    return chain(
        *prepare_gradient(coupled, maximize),
        scale_by_radam(b1, b2, eps),
        *(decoupled(weight_decay) if decoupled_weight_decay else []),
        scale_by_learning_rate(learning_rate),
    )
