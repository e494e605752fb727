"""RMSprop: gradients divided by their recent size."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxlearn._check import is_zero

from ._decay import prepare_gradient
from ._leafwise import PyTree, Scalar
from ._learning_rate import scale_by_learning_rate
from ._narrow import SQUARES, warn_where_narrow
from ._schedule import schedulable
from ._trace import trace
from ._transform import Transform, chain, from_rule, hyperparameters


class RmsState(NamedTuple):
    """State of `scale_by_rms`.

    Attributes:
      step: updates made so far; int32 of shape ().
      v: running mean of the squared gradients; like the parameters.
      m: running mean of the gradients; like the parameters, or None unless centered.
    """

    step: jax.Array
    v: PyTree
    m: PyTree


@schedulable
def scale_by_rms(
    decay: Scalar = 0.99, eps: Scalar = 1e-8, centered: bool = False, eps_in_sqrt: bool = False
) -> Transform:
    r"""Divides the gradients by the root of a running mean of their squares.

    $$v_t = \rho\,v_{t-1} + (1-\rho)\,g_t^2, \qquad u_t = \frac{g_t}{\sqrt{v_t} + \epsilon}$$

    Centered, $v_t - m_t^2$ takes the place of $v_t$ in the quotient, where $m$ is the running mean
    of $g$: an estimate of the variance.

    Memory: one number for each parameter, two if centered.

    Args:
      decay: $\rho$ in [0, 1].
      eps: $\epsilon$ in [0, inf).
      centered: divide by the standard deviation.
      eps_in_sqrt: $\sqrt{v_t + \epsilon}$, optax's form, instead of $\sqrt{v_t} + \epsilon$.

    Source: Tieleman & Hinton (2012), lecture 6.5 of Neural Networks for Machine Learning,
    https://www.cs.toronto.edu/~tijmen/csc321/slides/lecture_slides_lec6.pdf; centered: Graves
    (2013), https://arxiv.org/abs/1308.0850

    >>> opt = scale_by_rms(decay=0.75)
    >>> print(opt.update(-3.0, opt.init(0.0))[0])
    -2.0
    """
    hyper = hyperparameters(locals(), decay="[0, 1]", eps="[0, inf)")

    def rule(g: Any, v: Any, m: Any, h: Any) -> tuple[Any, ...]:
        v = h.decay * v + (1 - h.decay) * g * g
        variance = v
        if m is not None:
            m = h.decay * m + (1 - h.decay) * g
            variance = jnp.maximum(v - m * m, 0)  # rounding can take it below 0
        root = jnp.sqrt(variance + h.eps) if eps_in_sqrt else jnp.sqrt(variance) + h.eps
        return g / root, v, m

    transform = from_rule(rule, RmsState, hyper, m=jnp.zeros_like if centered else None)
    return warn_where_narrow(SQUARES, "scale_by_rms", transform)


def rmsprop(
    learning_rate: Scalar = 1e-2,
    decay: Scalar = 0.99,
    eps: Scalar = 1e-8,
    weight_decay: Scalar = 0.0,
    momentum: Scalar = 0.0,
    centered: bool = False,
    maximize: bool = False,
    eps_in_sqrt: bool = False,
) -> Transform:
    r"""RMSprop with all the flags of `torch.optim.RMSprop`, and its defaults.

    $$g_t \leftarrow g_t + \lambda\,\theta_{t-1}, \qquad
      b_t = \mu\,b_{t-1} + \frac{g_t}{\sqrt{v_t} + \epsilon}, \qquad
      \theta_t = \theta_{t-1} - \eta_t\,b_t$$

    where $v$ is the running mean of $g^2$, or of the variance of $g$ if centered: `scale_by_rms`.

    Memory: one number for each parameter, one more with momentum and one more if centered.

    Args:
      learning_rate: $\eta$ in [0, inf), or a schedule.
      decay: $\rho$ in [0, 1], PyTorch's `alpha`.
      eps: $\epsilon$ in [0, inf).
      weight_decay: $\lambda$ in [0, inf), an L2 penalty added to the gradient.
      momentum: $\mu$ in [0, inf).
      centered: divide by the standard deviation.
      maximize: ascend.
      eps_in_sqrt: put $\epsilon$ under the root.

    Source: Tieleman & Hinton (2012). `optax.rmsprop(decay=0.99, eps_in_sqrt=False)` is the same
    while the learning rate is constant; with momentum it multiplies by the learning rate before
    the buffer, PyTorch and this function after it.

    >>> from jaxlearn import optim
    >>> opt = optim.rmsprop(0.1, decay=0.75)
    >>> params = {"w": 1.0}
    >>> updates, state = opt.update({"w": 2.0}, opt.init(params), params)
    >>> print(optim.apply_updates(params, updates)["w"])
    0.8
    """
    buffer = trace(momentum)
    return chain(
        *prepare_gradient(weight_decay, maximize),
        scale_by_rms(decay, eps, centered, eps_in_sqrt),
        *([] if is_zero(momentum) else [buffer]),
        scale_by_learning_rate(learning_rate),
    )
