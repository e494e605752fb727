"""NAdam: Adam with Nesterov momentum that is warmed up."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from ._adam import debias
from ._decay import decoupled, prepare_gradient
from ._leafwise import PyTree, Scalar, leafwise
from ._learning_rate import scale_by_learning_rate
from ._narrow import SQUARES, warn_where_narrow
from ._schedule import schedulable
from ._transform import Transform, chain, hyperparameters, increment, zeros_like


class NadamState(NamedTuple):
    """State of `scale_by_nadam`.

    Attributes:
      step: updates made so far; int32 of shape ().
      mu_product: product of all momentum coefficients so far; shape ().
      m: running mean of the gradients; like the parameters.
      v: running mean of the squared gradients; like the parameters.
    """

    step: jax.Array
    mu_product: jax.Array
    m: PyTree
    v: PyTree


@schedulable
def scale_by_nadam(
    b1: Scalar = 0.9, b2: Scalar = 0.999, eps: Scalar = 1e-8, momentum_decay: Scalar = 4e-3
) -> Transform:
    r"""Adam's direction with Nesterov momentum, whose coefficient grows from about $\beta_1/2$ to $\beta_1$.

    $$\mu_t = \beta_1 \left(1 - \tfrac12\,0.96^{\,t\psi}\right), \qquad
      \text{update} = \frac{1}{\sqrt{\hat v_t} + \epsilon} \left(
      \frac{\mu_{t+1}\,m_t}{1 - \prod_{s \le t+1} \mu_s} + \frac{(1-\mu_t)\,g_t}{1 - \prod_{s \le t} \mu_s}
      \right)$$

    Memory: two numbers for each parameter, and a scalar.

    Args:
      b1, b2: $\beta_1$ and $\beta_2$ in [0, 1).
      eps: $\epsilon$ in [0, inf), outside the root.
      momentum_decay: $\psi$ in [0, inf), how fast the momentum is warmed up.

    Source: Dozat (2016), https://openreview.net/forum?id=OM0jvwB8jIp57ZJjtNEZ, in PyTorch's form: $m$ is
    a running mean with the constant $\beta_1$.

    >>> opt = scale_by_nadam()
    >>> print(opt.update(-3.0, opt.init(0.0))[0])
    -1.056
    """
    hyper = hyperparameters(locals(), b1="[0, 1)", b2="[0, 1)", eps="[0, inf)", momentum_decay="[0, inf)")

    def mu(step: jax.Array) -> jax.Array:
        return b1 * (1 - 0.5 * 0.96 ** (jnp.asarray(step, float) * momentum_decay))

    def rule(g: Any, m: Any, v: Any, h: Any) -> tuple[Any, ...]:
        m = h.b1 * m + (1 - h.b1) * g
        v = h.b2 * v + (1 - h.b2) * g * g
        return (h.c_m * m + h.c_g * g) / (jnp.sqrt(h.c2 * v) + h.eps), m, v

    def init(params: PyTree) -> NadamState:
        return NadamState(
            jnp.zeros((), jnp.int32), jnp.ones((), float), zeros_like(params), zeros_like(params)
        )

    def update(
        grads: PyTree, state: NadamState, params: PyTree = None, **extra: Any
    ) -> tuple[PyTree, NadamState]:
        step = increment(state.step)
        now, following = mu(step), mu(step + 1)
        product = state.mu_product * now
        c_m, c_g = following / (1 - product * following), (1 - now) / (1 - product)
        corrections = {"c2": debias(b2, step), "c_m": c_m, "c_g": c_g}
        updates, m, v = leafwise(rule, grads, state.m, state.v, **hyper, **corrections)
        return updates, NadamState(step, product, m, v)

    return warn_where_narrow(SQUARES, "scale_by_nadam", Transform(init, update))


def nadam(
    learning_rate: Scalar = 2e-3,
    b1: Scalar = 0.9,
    b2: Scalar = 0.999,
    eps: Scalar = 1e-8,
    weight_decay: Scalar = 0.0,
    momentum_decay: Scalar = 4e-3,
    decoupled_weight_decay: bool = False,
    maximize: bool = False,
) -> Transform:
    r"""NAdam with all the flags of `torch.optim.NAdam`, and its defaults.

    The direction is that of `scale_by_nadam`; the weight decay is an L2 penalty, or with
    `decoupled_weight_decay` the decay of `adamw`.

    Memory: two numbers for each parameter.

    Args:
      learning_rate: $\eta$ in [0, inf).
      b1, b2: $\beta_1$ and $\beta_2$ in [0, 1).
      eps: $\epsilon$ in [0, inf), outside the root.
      weight_decay: $\lambda$ in [0, inf).
      momentum_decay: $\psi$ in [0, inf), how fast the momentum is warmed up.
      decoupled_weight_decay: decay the parameters rather than penalise them.
      maximize: ascend.

    Source: Dozat (2016), https://openreview.net/forum?id=OM0jvwB8jIp57ZJjtNEZ. `optax.nadam` keeps the
    momentum constant: here that is `scale_by_adam(nesterov=True)`.

    >>> opt = nadam(0.1)
    >>> print(opt.update(2.0, opt.init(1.0))[0])
    -0.1056
    """
    coupled = 0.0 if decoupled_weight_decay else weight_decay
    return chain(
        *prepare_gradient(coupled, maximize),
        scale_by_nadam(b1, b2, eps, momentum_decay),
        *(decoupled(weight_decay) if decoupled_weight_decay else []),
        scale_by_learning_rate(learning_rate),
    )
