"""Schedule-free learning: an average in the place of a falling learning rate."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxlearn._check import check_whole

from ._adam import scale_by_adam
from ._leafwise import PyTree, Scalar, leafwise
from ._learning_rate import LearningRateState
from ._numeric import safe_divide
from ._schedule import schedulable
from ._transform import Transform, hyperparameters, increment, need_params, stateless
from ._wrapper import find_one


class ScheduleFreeState(NamedTuple):
    """State of `schedule_free`.

    Attributes:
      step: updates made so far; int32 of shape ().
      rate: the learning rate of the last update, warm-up included.
      b1: the weight of the average in the training parameters; shape ().
      largest_rate: the largest learning rate so far; shape ().
      weight_sum: sum of the weights of the average so far; shape ().
      z: the parameters that the steps are made on.
      inner: state of the direction.
    """

    step: jax.Array
    rate: LearningRateState
    b1: jax.Array
    largest_rate: jax.Array
    weight_sum: jax.Array
    z: PyTree
    inner: PyTree


@schedulable
def schedule_free(
    direction: Transform,
    learning_rate: Scalar,
    b1: Scalar = 0.9,
    weight_decay: Scalar = 0.0,
    warmup_steps: int = 0,
    weight_lr_power: Scalar = 2.0,
) -> Transform:
    r"""Steps on z, averages into x, and takes gradients at y, between the two.

    $$z_t = z_{t-1} - \eta_t\,(u_t + \lambda\,y_{t-1}), \qquad
      x_t = (1 - c_t)\,x_{t-1} + c_t\,z_t, \qquad
      y_t = (1 - \beta_1)\,z_t + \beta_1\,x_t$$

    with $c_t = w_t / \sum_{s \le t} w_s$ and $w_t = (\max_{s \le t} \eta_s)^p$. The parameters that are
    trained are y; `schedule_free_parameters` gives x, which are the ones to evaluate and to keep.

    Memory: one number for each parameter beside those of `direction`.

    Args:
      direction: what makes $u$ out of the gradients, without momentum and without a learning rate.
      learning_rate: $\eta$ in [0, inf).
      b1: $\beta_1$ in (0, 1].
      weight_decay: $\lambda$ in [0, inf), at y.
      warmup_steps: updates over which the learning rate grows to its value; 0 for none.
      weight_lr_power: $p$ in [0, inf).

    Raises:
      ValueError: `update` called without `params`.

    Source: Defazio et al. (2024), https://arxiv.org/abs/2405.15682, and its authors' code. Equal to
    `optax.contrib.schedule_free` without warm-up; with it, optax takes the learning rate of the next
    update for the weights.

    >>> from jaxlearn import optim
    >>> opt = schedule_free(optim.scale(1.0), 0.1)
    >>> print(opt.update(2.0, opt.init(1.0), 1.0)[0])
    -0.2
    """
    hyper = hyperparameters(
        locals(), learning_rate="[0, inf)", b1="(0, 1]", weight_decay="[0, inf)", weight_lr_power="[0, inf)"
    )
    warmup_steps = check_whole("warmup_steps", warmup_steps, 0)

    def rate(step: jax.Array) -> jax.Array:
        share = jnp.minimum(jnp.asarray(step, float) / warmup_steps, 1.0) if warmup_steps else 1.0
        return jnp.array(learning_rate * share, float)

    def rule(u: Any, y: Any, z: Any, h: Any) -> tuple[Any, ...]:
        u = u + h.weight_decay * y
        return h.c * (z - y) + h.eta * (h.b1 * (1 - h.c) - 1) * u, None, z - h.eta * u

    def init(params: PyTree) -> ScheduleFreeState:
        step = jnp.zeros((), jnp.int32)
        z = jax.tree.map(jnp.array, params)  # a copy, so that both can be donated
        return ScheduleFreeState(
            step,
            LearningRateState(rate(step + 1)),
            jnp.array(b1, float),
            jnp.zeros((), float),
            jnp.zeros((), float),
            z,
            direction.init(params),
        )

    def update(
        grads: PyTree, state: ScheduleFreeState, params: PyTree = None, **extra: Any
    ) -> tuple[PyTree, ScheduleFreeState]:
        need_params(params, grads)
        step = increment(state.step)
        eta = rate(step)
        largest = jnp.maximum(state.largest_rate, eta)
        weight = largest**weight_lr_power
        weight_sum = state.weight_sum + weight
        c = safe_divide(weight, weight_sum)
        u, inner = direction.update(grads, state.inner, params, **extra)
        updates, _, z = leafwise(rule, u, params, state.z, **hyper, eta=eta, c=c)
        rates = LearningRateState(eta), jnp.array(b1, float), largest, weight_sum
        return updates, ScheduleFreeState(step, *rates, z, inner)

    return Transform(init, update)


def schedule_free_parameters(state: PyTree, params: PyTree) -> PyTree:
    r"""The averaged parameters $x = (y - (1-\beta_1)\,z) / \beta_1$ of a schedule-free optimizer.

    Args:
      state: a state that holds one `ScheduleFreeState`, wherever in it.
      params: the parameters that are trained, $y$.

    Raises:
      ValueError: the state holds none, or more than one.

    >>> opt = schedule_free_sgd(0.1)
    >>> params = {"w": 1.0}
    >>> schedule_free_parameters(opt.init(params), params)
    {'w': Array(1., dtype=float32)}
    """
    found = find_one(state, ScheduleFreeState, "a state with one schedule-free optimizer")
    rule = lambda y, z, h: ((y - (1 - h.b1) * z) / h.b1, None)
    return leafwise(rule, params, found.z, b1=found.b1)[0]


def schedule_free_sgd(
    learning_rate: Scalar = 1.0,
    b1: Scalar = 0.9,
    weight_decay: Scalar = 0.0,
    warmup_steps: int = 0,
    weight_lr_power: Scalar = 2.0,
) -> Transform:
    r"""Schedule-free SGD.

    The rule of `schedule_free` with $u_t = g_t$. Evaluate `schedule_free_parameters(state, params)`.

    Memory: one number for each parameter.

    Args:
      learning_rate: $\eta$ in [0, inf), 10 to 50 times that of SGD with momentum.
      b1: $\beta_1$ in (0, 1], the weight of the average.
      weight_decay: $\lambda$ in [0, inf).
      warmup_steps: updates over which the learning rate grows to its value; 0 for none.
      weight_lr_power: in [0, inf), how strongly larger learning rates weigh in the average.

    Raises:
      ValueError: `update` called without `params`.

    Source: Defazio et al. (2024), https://arxiv.org/abs/2405.15682. Equal to
    `optax.contrib.schedule_free_sgd` without warm-up.

    >>> opt = schedule_free_sgd(0.1)
    >>> print(opt.update(2.0, opt.init(1.0), 1.0)[0])
    -0.2
    """
    plain = stateless(lambda grads, params: grads)
    return schedule_free(plain, learning_rate, b1, weight_decay, warmup_steps, weight_lr_power)


def schedule_free_adamw(
    learning_rate: Scalar = 2.5e-3,
    b1: Scalar = 0.9,
    b2: Scalar = 0.999,
    eps: Scalar = 1e-8,
    weight_decay: Scalar = 0.0,
    warmup_steps: int = 0,
    weight_lr_power: Scalar = 2.0,
) -> Transform:
    r"""Schedule-free AdamW.

    The rule of `schedule_free` with $u_t = g_t / (\sqrt{\hat v_t} + \epsilon)$. Evaluate
    `schedule_free_parameters(state, params)`.

    Memory: three numbers for each parameter, one of which stays 0.

    Args:
      learning_rate: $\eta$ in [0, inf), 1 to 10 times that of AdamW.
      b1: $\beta_1$ in (0, 1], the weight of the average.
      b2: $\beta_2$ in [0, 1), decay of the mean of squared gradients.
      eps: $\epsilon$ in [0, inf), outside the root.
      weight_decay: $\lambda$ in [0, inf).
      warmup_steps: updates over which the learning rate grows to its value; 0 for none.
      weight_lr_power: in [0, inf), how strongly larger learning rates weigh in the average.

    Raises:
      ValueError: `update` called without `params`.

    Source: Defazio et al. (2024), https://arxiv.org/abs/2405.15682, and its authors' code, which corrects
    the bias of v where the paper scales the learning rate. Equal to `optax.contrib.schedule_free_adamw`
    without warm-up.

    >>> opt = schedule_free_adamw(0.1)
    >>> print(opt.update(2.0, opt.init(1.0), 1.0)[0])
    -0.1
    """
    direction = scale_by_adam(0.0, b2, eps)
    return schedule_free(direction, learning_rate, b1, weight_decay, warmup_steps, weight_lr_power)
