"""Saving and loading the whole state of a run."""

import hashlib
from pathlib import Path
from typing import Any

import jax
import numpy as np

from ._run import RunState


def params_digest(params: Any) -> str:
    """SHA-256 over the bytes of all parameters, in the order of `jax.tree.leaves`, as hexadecimal.

    >>> params_digest({"w": np.zeros(2, np.float32)})[:8]
    'af5570f5'
    """
    digest = hashlib.sha256()
    for leaf in jax.tree.leaves(params):
        digest.update(np.ascontiguousarray(jax.device_get(leaf)).tobytes())
    return digest.hexdigest()


def save_checkpoint(folder: Path, state: RunState) -> None:
    """Saves a whole run state with orbax to the new folder `folder`.

    Raises:
      ModuleNotFoundError: orbax-checkpoint is not installed (`pip install 'jaxlearn[train]'`).
    """
    import orbax.checkpoint as ocp

    with ocp.StandardCheckpointer() as checkpointer:
        checkpointer.save(folder.absolute(), _plain(state))


def load_checkpoint(folder: Path, like: RunState) -> RunState:
    """Reads what `save_checkpoint` saved, into the structure, shapes and dtypes of `like`."""
    import orbax.checkpoint as ocp

    with ocp.StandardCheckpointer() as checkpointer:
        plain = checkpointer.restore(folder.absolute(), _plain(like))
    return plain._replace(key=jax.random.wrap_key_data(plain.key))


def _plain(state: RunState) -> RunState:
    return state._replace(key=jax.random.key_data(state.key))
