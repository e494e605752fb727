"""What the transforms that hold other transforms share."""

from collections.abc import Callable
from typing import Any, TypeVar

import jax
import jax.numpy as jnp

from jaxlearn._dtype import compute_dtype

from ._leafwise import PyTree

State = TypeVar("State")


def wide_copy(params: PyTree) -> PyTree:
    """A copy in float32 at the least. It shares no memory with `params`, so either may be donated."""
    return jax.tree.map(lambda p: jnp.array(p, compute_dtype(jnp.asarray(p).dtype)), params)


def update_if(
    condition: jax.Array, update: Callable[[], tuple[PyTree, PyTree]], state: PyTree
) -> tuple[PyTree, PyTree]:
    """`update()` where `condition` holds; else, and without its work, zeros and `state`."""

    def skip() -> tuple[PyTree, PyTree]:
        updates, _ = jax.eval_shape(update)
        return jax.tree.map(jnp.zeros_like, updates), state  # with their sharding

    return jax.lax.cond(condition, update, skip)


def map_value_fn(extra: dict[str, Any], convert: Callable[[PyTree], PyTree]) -> dict[str, Any]:
    """Extra arguments whose `value_fn`, if there is one, is given `convert(params)`."""
    value_fn = extra.get("value_fn")
    return extra if value_fn is None else extra | {"value_fn": lambda params: value_fn(convert(params))}


def find_states(state: PyTree, kind: type[State]) -> list[State]:
    """Every state of one kind, wherever in a state it is: in a chain, in a wrapper, in the state of optax.

    >>> from jaxlearn import optim
    >>> state = optim.adam(1e-3, weight_decay=0.1).init({"w": jax.numpy.ones(2)})
    >>> [int(adam.step) for adam in find_states(state, optim.states.AdamState)]
    [0]
    """

    def is_kind(node: Any) -> bool:
        return isinstance(node, kind)

    return [node for node in jax.tree.leaves(state, is_leaf=is_kind) if is_kind(node)]


def find_one(state: PyTree, kind: type[State], needed: str) -> State:
    """The only state of one kind, wherever in a state it is; ValueError where there are none or several."""
    found = find_states(state, kind)
    if len(found) != 1:
        raise ValueError(f"{needed} is needed, this one holds {len(found)}")
    return found[0]
