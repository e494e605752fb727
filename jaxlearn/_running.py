"""The running statistics in a model's state: where they are, and how they begin anew."""

from typing import Any

import jax
import jax.numpy as jnp


def has_statistics(state: Any) -> bool:
    """Whether a layer's state, or a part of it, holds running means of `batch_norm`."""
    return any(map(_is_running, jax.tree.leaves(state, is_leaf=_is_running)))


def restart_statistics(state: Any) -> Any:
    """A layer's state with running means of no batch yet, which will count all batches the same."""

    def restart(part: Any) -> Any:
        if not _is_running(part):
            return part
        mean, var = part["mean"], part["var"]
        return {
            "mean": jnp.zeros_like(mean),
            "var": jnp.ones_like(var),
            "batches": jnp.zeros_like(mean[..., 0]),
        }

    return jax.tree.map(restart, state, is_leaf=_is_running)


def take_statistics(state: Any, counted: Any) -> Any:
    """A layer's state with the running means of `counted`, begun by `restart_statistics`; else as it was."""

    def take(part: Any, new: Any) -> Any:
        return {name: new[name] for name in part} if _is_running(part) else part

    return jax.tree.map(take, state, counted, is_leaf=_is_running)


def _is_running(part: Any) -> bool:
    return isinstance(part, dict) and part.keys() - {"batches"} == {"mean", "var"}
