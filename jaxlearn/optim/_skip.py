"""Updates that are better not made."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from ._leafwise import PyTree
from ._numeric import zero_of
from ._transform import Transform, increment, with_extra_args_support
from ._wrapper import update_if


class SkipState(NamedTuple):
    """State of `skip_nonfinite`.

    Attributes:
      skipped: updates skipped so far; int32 of shape ().
      in_a_row: updates skipped since the last one that was not; int32 of shape ().
      inner: state of the inner transform.
    """

    skipped: jax.Array
    in_a_row: jax.Array
    inner: PyTree


def skip_nonfinite(inner: Any) -> Transform:
    """Skips an update in whose gradients any number is NaN or infinite: it is 0, and `inner` learns nothing.

    So it does where the loss is, if `update` is given it as `value=`.

    Memory: two scalars.

    Args:
      inner: a pair of `init` and `update`.

    Source: as `optax.apply_if_finite`, which lets the gradients through in the end. This one never
    does; a training loop that should stop reads `in_a_row` from the state.

    >>> from jaxlearn import optim
    >>> opt = skip_nonfinite(optim.sgd(1.0))
    >>> update, state = opt.update(jnp.nan, opt.init(0.0))
    >>> print(update, state.skipped)
    0.0 1
    """
    inner = with_extra_args_support(inner)

    def init(params: PyTree) -> SkipState:
        return SkipState(zero_of(params, jnp.int32), zero_of(params, jnp.int32), inner.init(params))

    def update(
        grads: PyTree, state: SkipState, params: PyTree = None, **extra: Any
    ) -> tuple[PyTree, SkipState]:
        seen = [*jax.tree.leaves(grads), extra.get("value", 0.0)]
        finite = jnp.all(jnp.array([jnp.all(jnp.isfinite(x)) for x in seen], bool))
        work = lambda: inner.update(grads, state.inner, params, **extra)
        updates, inner_state = update_if(finite, work, state.inner)
        skipped = jnp.where(finite, state.skipped, increment(state.skipped))
        in_a_row = jnp.where(finite, 0, increment(state.in_a_row))
        return updates, SkipState(skipped, in_a_row, inner_state)

    return Transform(init, update)
