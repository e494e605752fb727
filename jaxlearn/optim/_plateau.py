"""A learning rate that falls when the loss no longer does."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxlearn._check import check_choice, check_whole

from ._leafwise import PyTree, Scalar, leafwise
from ._numeric import zero_of
from ._schedule import schedulable
from ._transform import Transform, hyperparameters


class PlateauState(NamedTuple):
    """State of `reduce_on_plateau`; every field has shape ().

    Attributes:
      scale: what the last update was multiplied by (before the first: 1).
      best: the best value so far.
      bad: values since the last one that was better, a cut or a cooldown; int32.
      cooldown: values still to come that cannot be bad; int32.
      step: updates gathered for the next value; int32.
      total: their sum.
    """

    scale: jax.Array
    best: jax.Array
    bad: jax.Array
    cooldown: jax.Array
    step: jax.Array
    total: jax.Array


@schedulable
def reduce_on_plateau(
    mode: str = "min",
    factor: Scalar = 0.1,
    patience: int = 10,
    threshold: Scalar = 1e-4,
    threshold_mode: str = "rel",
    cooldown: int = 0,
    min_scale: Scalar = 0.0,
    eps: Scalar = 1e-8,
    every: int = 1,
) -> Transform:
    r"""Multiplies the updates by a scale that is cut when the loss has stopped getting better.

    Call `update(grads, state, params, value=loss)`. Last in a chain it acts on the learning rate, and
    `current_learning_rate` counts it in.

    Memory: six scalars.

    Args:
      mode: "min" or "max", the better values.
      factor: in [0, 1), what a cut multiplies the scale by.
      patience: values in a row that may be no better than the best one, from 0; the next one cuts.
      threshold: in [0, inf), by how much a value must beat the best one to be better.
      threshold_mode: "rel" for a share of the best value's size, "abs" for a difference.
      cooldown: values after a cut that are never bad, from 0.
      min_scale: in [0, 1], the smallest scale.
      eps: in [0, inf); a cut by no more than that is not made.
      every: updates whose mean loss is one value, from 1; one epoch, say.

    Raises:
      TypeError: `patience`, `cooldown` or `every` is not a whole number.
      ValueError: `update` called without `value`.

    Source: `torch.optim.lr_scheduler.ReduceLROnPlateau`, with the same results where `min_scale` and
    `eps` are PyTorch's `min_lr` and `eps` divided by the learning rate. A cut holds from the very update
    that brought the value; PyTorch's scheduler is called after that update. Where the best value is
    negative, PyTorch's "rel" takes a somewhat worse one for better, and never cuts. As optax drops extra
    arguments for transforms that are not its own, put it into `jaxlearn.optim.chain`, not `optax.chain`.

    >>> from jaxlearn import optim
    >>> opt = optim.chain(optim.sgd(1.0), reduce_on_plateau(factor=0.5, patience=1))
    >>> state = opt.init(0.0)
    >>> for loss in (3.0, 3.0, 3.0, 2.0):
    ...     update, state = opt.update(1.0, state, value=loss)
    ...     print(update, optim.current_learning_rate(state))
    -1.0 1.0
    -1.0 1.0
    -0.5 0.5
    -0.5 0.5
    """
    check_choice("mode", mode, ("min", "max"))
    check_choice("threshold_mode", threshold_mode, ("rel", "abs"))
    hyperparameters(locals(), factor="[0, 1)", threshold="[0, inf)", min_scale="[0, 1]", eps="[0, inf)")
    patience = check_whole("patience", patience, 0)
    cooldown = check_whole("cooldown", cooldown, 0)
    every = check_whole("every", every, 1)
    sign = 1 if mode == "max" else -1

    def judge(state: PlateauState, value: jax.Array) -> PlateauState:
        margin = sign * _number(threshold)
        if threshold_mode == "rel":  # of its size, so that a negative one has to be beaten, too
            farther = state.best * (1 + jnp.sign(state.best) * margin)
            bound = jnp.where(jnp.isfinite(state.best), farther, state.best)
        else:
            bound = state.best + margin
        better = sign * value > sign * bound
        bad = jnp.where(better | (state.cooldown > 0), 0, state.bad + 1)
        cut = bad > patience
        smaller = jnp.maximum(state.scale * _number(factor), _number(min_scale))
        return PlateauState(
            scale=jnp.where(cut & (state.scale - smaller > _number(eps)), smaller, state.scale),
            best=jnp.where(better, value, state.best),
            bad=jnp.where(cut, 0, bad),
            cooldown=jnp.where(cut, cooldown, jnp.maximum(state.cooldown - 1, 0)),
            step=jnp.zeros_like(state.step),
            total=jnp.zeros_like(state.total),
        )

    def init(params: PyTree) -> PlateauState:
        number, count = (lambda x: zero_of(params) + x), (lambda: zero_of(params, jnp.int32))
        return PlateauState(number(1.0), number(-sign * jnp.inf), count(), count(), count(), number(0.0))

    def update(
        grads: PyTree, state: PlateauState, params: PyTree = None, *, value: Any = None, **extra: Any
    ) -> tuple[PyTree, PlateauState]:
        if value is None:
            raise ValueError(
                "reduce_on_plateau needs the loss: call update(grads, state, params, value=loss)"
            )
        state = state._replace(step=state.step + 1, total=state.total + _number(value))
        judged = judge(state, state.total / every)
        state = jax.tree.map(lambda new, old: jnp.where(state.step == every, new, old), judged, state)
        return leafwise(lambda g, h: (h.scale * g,), grads, scale=state.scale)[0], state

    return Transform(init, update)


def _number(value: Any) -> jax.Array:
    return jnp.asarray(value, float)
