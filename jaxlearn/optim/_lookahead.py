"""Lookahead: fast weights that explore, slow weights that follow."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxlearn._check import check_whole

from ._leafwise import PyTree, Scalar, leafwise
from ._schedule import schedulable
from ._transform import Transform, hyperparameters, increment, need_params, with_extra_args_support
from ._wrapper import wide_copy


class LookaheadState(NamedTuple):
    """State of `lookahead`.

    Attributes:
      step: updates made so far; int32 of shape ().
      slow: the slow weights; like the parameters, in float32 at the least.
      inner: state of the inner transform.
    """

    step: jax.Array
    slow: PyTree
    inner: PyTree


@schedulable
def lookahead(inner: Any, steps: int = 5, slow_step_size: Scalar = 0.5) -> Transform:
    r"""Lets `inner` make some steps, then takes a part of the way that they led.

    $$\phi \leftarrow \phi + \alpha\,(\theta - \phi), \qquad \theta \leftarrow \phi$$

    after every $k$ steps of `inner` on $\theta$, the fast weights. These are the parameters that are
    trained; after every $k$-th update they are the slow weights $\phi$. The updates must be applied as
    they are, so this is the outermost transform.

    Memory: one number for each parameter, in float32 at the least.

    Args:
      inner: a pair of `init` and `update`.
      steps: $k$, from 1.
      slow_step_size: $\alpha$ in [0, 1].

    Raises:
      TypeError: `steps` is not a whole number.
      ValueError: `update` called without `params`.

    Source: Zhang et al. (2019), https://arxiv.org/abs/1907.08610. As in the paper, the state of `inner`
    goes on. Equal to the fast weights of `optax.lookahead`, which wants both kinds as parameters.

    >>> from jaxlearn import optim
    >>> opt = lookahead(optim.sgd(1.0), steps=2)
    >>> params, state = 0.0, opt.init(0.0)
    >>> for _ in range(4):
    ...     updates, state = opt.update(-1.0, state, params)
    ...     params = optim.apply_updates(params, updates)
    ...     print(params)
    1.0
    1.0
    2.0
    2.0
    """
    steps = check_whole("steps", steps, 1)
    hyper = hyperparameters(locals(), slow_step_size="[0, 1]")
    inner = with_extra_args_support(inner)

    def rule(u: Any, p: Any, slow: Any, h: Any) -> tuple[Any, None, Any]:
        moved = slow + h.slow_step_size * (p + u - slow)
        return jnp.where(h.sync == 1, moved - p, u), None, jnp.where(h.sync == 1, moved, slow)

    def init(params: PyTree) -> LookaheadState:
        return LookaheadState(jnp.zeros((), jnp.int32), wide_copy(params), inner.init(params))

    def update(
        grads: PyTree, state: LookaheadState, params: PyTree = None, **extra: Any
    ) -> tuple[PyTree, LookaheadState]:
        need_params(params, grads)
        updates, inner_state = inner.update(grads, state.inner, params, **extra)
        step = increment(state.step)
        sync = step % steps == 0
        updates, _, slow = leafwise(rule, updates, params, state.slow, **hyper, sync=sync)
        return updates, LookaheadState(step, slow, inner_state)

    return Transform(init, update)
