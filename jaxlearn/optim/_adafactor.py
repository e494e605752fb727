"""Adafactor: Adam's second moment in the memory of its row and column sums."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from ._decay import prepare_gradient
from ._leafwise import PyTree, Scalar, leafwise
from ._learning_rate import LearningRateState
from ._narrow import SQUARES, warn_where_narrow
from ._numeric import summed_zeros
from ._schedule import schedulable
from ._transform import Transform, chain, hyperparameters, increment, need_params, real_only


class AdafactorState(NamedTuple):
    """State of `adafactor`.

    Attributes:
      step: updates made so far; int32 of shape ().
      rate: the step size of the last update, before it is made relative to the parameters.
      row: for leaves of shape (..., n, m) running means over the last dimension, of shape (..., n, 1);
        None for the others.
      column: running means over the dimension before it, of shape (..., 1, m); None for the others.
      v: running means of the squared gradients of scalars and vectors; None for the others.
    """

    step: jax.Array
    rate: LearningRateState
    row: PyTree
    column: PyTree
    v: PyTree


def _norm(x: jax.Array) -> jax.Array:
    """Root of the mean square; 0 for an array without elements."""
    return jnp.sqrt(jnp.sum(x * x) / max(x.size, 1))


def _mean(x: jax.Array, axis: int) -> jax.Array:
    return jnp.sum(x, axis, keepdims=True) / max(x.shape[axis], 1)


@schedulable
def adafactor(
    learning_rate: Scalar = 1e-2,
    beta2_decay: Scalar = -0.8,
    eps1: Scalar | None = None,
    eps2: Scalar = 1e-3,
    d: Scalar = 1.0,
    weight_decay: Scalar = 0.0,
    maximize: bool = False,
) -> Transform:
    r"""Adafactor with all the flags of `torch.optim.Adafactor`, and its defaults.

    For a leaf of two or more dimensions the second moment is the product of two vectors,

    $$R_t = (1-\tau_t)\,R_{t-1} + \tau_t \operatorname{mean}_{col} g_t^2, \quad
      C_t = (1-\tau_t)\,C_{t-1} + \tau_t \operatorname{mean}_{row} g_t^2, \quad
      v_t = \frac{R_t\,C_t}{\max(\operatorname{mean} R_t, \epsilon_1)}$$

    over the last two dimensions, with $\tau_t = t^{\,\text{beta2\_decay}}$; for others it is the running
    mean of $g^2$. Then

    $$u_t = \frac{g_t}{\max(\sqrt{v_t}, \epsilon_1)}, \qquad
      \theta_t = (1-\eta\lambda)\,\theta_{t-1} - \min\!\left(\eta, \tfrac{1}{\sqrt t}\right)
      \max(\epsilon_2, \operatorname{rms} \theta_{t-1})\,\frac{u_t}{\max(1, \operatorname{rms}(u_t)/d)}$$

    Memory: none for each parameter of a matrix, but n + m numbers for one of n by m; one for each other.

    Args:
      learning_rate: $\eta$ in [0, inf), relative to the size of the parameters.
      beta2_decay: in (-inf, 0].
      eps1: $\epsilon_1$ in [0, inf); unless given, the machine epsilon of the type that the leaf is
        computed in.
      eps2: $\epsilon_2$ in [0, inf).
      d: in [1, inf), the root mean square above which an update is clipped.
      weight_decay: $\lambda$ in [0, inf).
      maximize: ascend.

    Raises:
      ValueError: `update` called without `params`; complex parameters.

    Source: Shazeer & Stern (2018), https://arxiv.org/abs/1804.04235. `optax.adafactor` factors only
    dimensions from 128 up and does not multiply the weight decay by the learning rate.

    >>> opt = adafactor(0.1)
    >>> print(opt.update(2.0, opt.init(1.0), 1.0)[0])
    -0.1
    """
    hyper = hyperparameters(
        locals(), learning_rate="[0, inf)", beta2_decay="(-inf, 0]", eps1="[0, inf) or None", eps2="[0, inf)",
        d="[1, inf)", weight_decay="[0, inf)",
    )  # fmt: skip

    def second_moment(g: Any, row: Any, column: Any, v: Any, eps: Any, tau: Any) -> tuple[Any, ...]:
        square = g * g
        if v is not None:
            v = v + tau * (square - v)
            return v, row, column, v
        row = row + tau * (_mean(square, -1) - row)
        column = column + tau * (_mean(square, -2) - column)
        return row @ column / jnp.maximum(_mean(row, -2), eps), row, column, v

    def rule(g: Any, p: Any, row: Any, column: Any, v: Any, h: Any) -> tuple[Any, ...]:
        eps1 = float(jnp.finfo(g.dtype).eps) if h.eps1 is None else h.eps1
        estimate, row, column, v = second_moment(g, row, column, v, eps1, h.tau)
        u = g / jnp.maximum(jnp.sqrt(estimate), eps1)
        alpha = h.rho * jnp.maximum(h.eps2, _norm(p)) / jnp.maximum(1.0, _norm(u) / h.d)
        return -h.weight_decay * h.learning_rate * p - alpha * u, None, row, column, v

    def init(params: PyTree) -> AdafactorState:
        def memory(make: Callable[[Any], jax.Array], factored: bool) -> PyTree:
            return jax.tree.map(lambda p: make(p) if (jnp.ndim(p) > 1) == factored else None, params)

        return AdafactorState(
            jnp.zeros((), jnp.int32),
            LearningRateState(jnp.array(learning_rate, float)),
            memory(partial(summed_zeros, axis=-1), True),
            memory(partial(summed_zeros, axis=-2), True),
            memory(jnp.zeros_like, False),
        )

    def update(
        grads: PyTree, state: AdafactorState, params: PyTree = None, **extra: Any
    ) -> tuple[PyTree, AdafactorState]:
        need_params(params, grads)
        step = increment(state.step)
        t = jnp.asarray(step, float)
        rho = jnp.asarray(jnp.minimum(learning_rate, 1 / jnp.sqrt(t)), float)
        trees = grads, params, state.row, state.column, state.v
        updates, _, row, column, v = leafwise(rule, *trees, **hyper, tau=t**beta2_decay, rho=rho)
        return updates, AdafactorState(step, LearningRateState(rho), row, column, v)

    transform = warn_where_narrow(SQUARES, "adafactor", Transform(init, update))
    return real_only("adafactor", chain(*prepare_gradient(0.0, maximize), transform))
