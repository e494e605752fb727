"""Saving and loading the whole state of a run."""

import hashlib
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ._run import PyTree


def params_digest(params: Any) -> str:
    """SHA-256 over the bytes of all parameters, in the order of `jax.tree.leaves`, as hexadecimal.

    >>> params_digest({"w": np.zeros(2, np.float32)})[:8]
    'af5570f5'
    """
    digest = hashlib.sha256()
    for leaf in jax.tree.leaves(params):
        digest.update(np.ascontiguousarray(jax.device_get(leaf)).tobytes())
    return digest.hexdigest()


def save_checkpoint(folder: Path, state: PyTree) -> None:
    """Saves a state, that of a whole run say, with orbax to the new folder `folder`.

    Raises:
      ModuleNotFoundError: orbax-checkpoint is not installed (`pip install 'jaxlearn[train]'`).
    """
    import orbax.checkpoint as ocp

    with ocp.StandardCheckpointer() as checkpointer:
        checkpointer.save(folder.absolute(), jax.tree.map(_plain, state))


def load_checkpoint(folder: Path, like: PyTree) -> PyTree:
    """Reads what `save_checkpoint` saved, into the structure, shapes and dtypes of `like`."""
    import orbax.checkpoint as ocp

    with ocp.StandardCheckpointer() as checkpointer:
        plain = checkpointer.restore(folder.absolute(), jax.tree.map(_plain, like))
    return jax.tree.map(_restore, like, plain)


def _is_key(leaf: Any) -> bool:
    return jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)


def _plain(leaf: Any) -> Any:
    """Orbax saves numbers, and some of them: random keys become their data, empty arrays None."""
    if not leaf.size:
        return None
    return jax.random.key_data(leaf) if _is_key(leaf) else leaf


def _restore(like: Any, leaf: Any) -> Any:
    if leaf is None:
        return like
    return jax.random.wrap_key_data(leaf, impl=jax.random.key_impl(like)) if _is_key(like) else leaf
