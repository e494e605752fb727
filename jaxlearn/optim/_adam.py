"""Adam: gradient descent with a step size for each parameter."""

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from ._decay import prepare_gradient
from ._leafwise import PyTree, Scalar
from ._learning_rate import scale_by_learning_rate
from ._narrow import SQUARES, warn_where_narrow
from ._schedule import schedulable
from ._transform import Transform, chain, from_rule, hyperparameters


class AdamState(NamedTuple):
    """State of `scale_by_adam`.

    Attributes:
      step: updates made so far; int32 of shape ().
      m: running mean of the gradients; like the parameters.
      v: running mean of the squared gradients; like the parameters.
      v_max: largest `v` so far; like the parameters, or None without amsgrad.
    """

    step: jax.Array
    m: PyTree
    v: PyTree
    v_max: PyTree


def log_decay(decay: Scalar) -> Scalar:
    r"""$\log \beta$, in double precision for a Python number."""
    if isinstance(decay, int | float):
        return math.log(decay) if decay > 0 else -math.inf
    return jnp.log(jnp.asarray(decay, float))


def debias(decay: Scalar, step: jax.Array) -> jax.Array:
    r"""$1 / (1 - \beta^t)$: a product with it costs less than a division for each parameter."""
    return 1 / bias_correction(decay, step)


def bias_correction(decay: Scalar, step: jax.Array) -> jax.Array:
    r"""$1 - \beta^t$, the weight that an average started at 0 has gathered after $t$ steps; shape ().

    Computed as $-\mathrm{expm1}(t \log \beta)$, because $1 - 0.999^1$ in float32 has four right digits.
    """
    return -jnp.expm1(jnp.asarray(step, float) * log_decay(decay))


def debiased(h: Any, step: jax.Array) -> dict[str, Scalar]:
    """For `from_rule`: what corrects two means, with decays `b1` and `b2`, that started at 0."""
    return {"c1": debias(h.b1, step), "c2": debias(h.b2, step)}


@schedulable
def scale_by_adam(
    b1: Scalar = 0.9, b2: Scalar = 0.999, eps: Scalar = 1e-8, amsgrad: bool = False, nesterov: bool = False
) -> Transform:
    r"""Divides a running mean of the gradients by the root of a running mean of their squares.

    $$m_t = \beta_1 m_{t-1} + (1-\beta_1)\,g_t, \qquad
      v_t = \beta_2 v_{t-1} + (1-\beta_2)\,g_t^2, \qquad
      u_t = \frac{m_t / (1-\beta_1^t)}{\sqrt{v_t / (1-\beta_2^t)} + \epsilon}$$

    With `amsgrad`, $\max_{s \le t} v_s$ takes the place of $v_t$ in the quotient. With `nesterov`,
    $\beta_1 m_t / (1-\beta_1^{t+1}) + (1-\beta_1)\,g_t / (1-\beta_1^t)$ is the numerator.

    Memory: two numbers for each parameter, three with amsgrad.

    Args:
      b1, b2: $\beta_1$ and $\beta_2$ in [0, 1).
      eps: $\epsilon$ in [0, inf), outside the root.
      amsgrad: never let a step size grow again.
      nesterov: let the mean look one step ahead, with a constant $\beta_1$.

    Source: Kingma & Ba (2015), https://arxiv.org/abs/1412.6980; Reddi et al. (2018),
    https://arxiv.org/abs/1904.09237; Dozat (2016), https://openreview.net/forum?id=OM0jvwB8jIp57ZJjtNEZ.
    The maximum is taken before the bias correction, as in PyTorch; optax takes it after.

    >>> opt = scale_by_adam()
    >>> print(opt.update(-3.0, opt.init(0.0))[0])
    -1.0
    """
    hyper = hyperparameters(locals(), b1="[0, 1)", b2="[0, 1)", eps="[0, inf)")

    def rule(g: Any, m: Any, v: Any, v_max: Any, h: Any) -> tuple[Any, ...]:
        m = h.b1 * m + (1 - h.b1) * g
        v = h.b2 * v + (1 - h.b2) * g * g
        v_max = None if v_max is None else jnp.maximum(v_max, v)
        largest = v if v_max is None else v_max
        mean = h.c1_next * h.b1 * m + h.c1 * (1 - h.b1) * g if nesterov else h.c1 * m
        return mean / (jnp.sqrt(h.c2 * largest) + h.eps), m, v, v_max

    def at_step(h: Any, step: jax.Array) -> dict[str, Scalar]:
        return debiased(h, step) | ({"c1_next": debias(h.b1, step + 1)} if nesterov else {})

    transform = from_rule(rule, AdamState, hyper, at_step, v_max=jnp.zeros_like if amsgrad else None)
    return warn_where_narrow(SQUARES, "scale_by_adam", transform)


def adam(
    learning_rate: Scalar = 1e-3,
    b1: Scalar = 0.9,
    b2: Scalar = 0.999,
    eps: Scalar = 1e-8,
    weight_decay: Scalar = 0.0,
    amsgrad: bool = False,
    maximize: bool = False,
) -> Transform:
    r"""Adam with all the flags of `torch.optim.Adam`, and its defaults.

    $$g_t \leftarrow g_t + \lambda\,\theta_{t-1}, \qquad
      \theta_t = \theta_{t-1} - \eta_t\,\frac{\hat m_t}{\sqrt{\hat v_t} + \epsilon}$$

    where $\hat m$ and $\hat v$ are bias-corrected running means of $g$ and $g^2$: `scale_by_adam`.

    Memory: two numbers for each parameter, three with amsgrad.

    Args:
      learning_rate: $\eta$ in [0, inf), or a schedule.
      b1: $\beta_1$ in [0, 1), decay of the mean of gradients.
      b2: $\beta_2$ in [0, 1), decay of the mean of squared gradients.
      eps: $\epsilon$ in [0, inf), outside the root.
      weight_decay: $\lambda$ in [0, inf), an L2 penalty added to the gradient (not AdamW's decay).
      amsgrad: divide by the largest second moment so far.
      maximize: ascend.

    Source: Kingma & Ba (2015), https://arxiv.org/abs/1412.6980. Equal to `optax.adam`, except for
    amsgrad (see `scale_by_adam`) and weight decay, which optax leaves to a chain.

    >>> from jaxlearn import optim
    >>> opt = optim.adam(0.1)
    >>> params = {"w": 1.0}
    >>> updates, state = opt.update({"w": 2.0}, opt.init(params), params)
    >>> print(optim.apply_updates(params, updates)["w"])
    0.9
    """
    return chain(
        *prepare_gradient(weight_decay, maximize),
        scale_by_adam(b1, b2, eps, amsgrad),
        scale_by_learning_rate(learning_rate),
    )
