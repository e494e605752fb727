"""Saving and loading the whole state of a run: any tree of arrays, random keys included."""

import functools
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import jax
import jax.numpy as jnp
import numpy as np

from jaxlearn._files import CheckpointError
from jaxlearn._store import DTYPES, Stored, read_arrays, refusing, write_arrays
from jaxlearn._text import show
from jaxlearn._types import PyTree


def params_digest(params: Any) -> str:
    """SHA-256 over the bytes of all parameters, in the order of `jax.tree.leaves`, as hexadecimal.

    >>> params_digest({"w": np.zeros(2, np.float32)})[:8]
    'af5570f5'
    """
    digest = hashlib.sha256()
    for leaf in jax.tree.leaves(params):
        digest.update(np.ascontiguousarray(jax.device_get(leaf)).tobytes())
    return digest.hexdigest()


def save_checkpoint(path: str | Path, state: PyTree, about: Mapping[str, Any] = {}) -> None:
    """Saves a state, that of a whole run say, as one safetensors file, which is there whole or not at all.

    Args:
      path: of the file; one that is there is replaced.
      state: a pytree of arrays of any dtype, random keys included.
      about: whatever else is to be kept, as JSON.

    Raises:
      OSError: it cannot be written, because the disk is full, say. What was in its place stays.
      ModuleNotFoundError: safetensors is not installed (`pip install 'jaxlearn[train]'`).

    >>> import tempfile
    >>> state = {"weight": jnp.arange(3.0), "key": jax.random.key(7)}
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_checkpoint(f"{folder}/7.safetensors", state)
    ...     loaded = load_checkpoint(f"{folder}/7.safetensors", like=state)
    >>> loaded["weight"], bool(loaded["key"] == state["key"])
    (Array([0., 1., 2.], dtype=float32), True)
    """
    leaves = named_leaves(state)
    arrays = {name: _plain(leaf) for name, leaf in leaves.items()}
    write_arrays(Path(path), arrays, {**about, "leaves": describe(leaves)})


def load_checkpoint(path: str | Path, like: PyTree) -> PyTree:
    """Reads what `save_checkpoint` saved, into the structure, shapes and dtypes of `like`.

    Raises:
      CheckpointError: the file is missing or damaged, or it is a checkpoint of something else.
    """
    return restore_tree(Path(path), read_arrays(Path(path)), like)


def restore_tree(path: Path, stored: Stored, like: PyTree) -> PyTree:
    """The arrays of a checkpoint that has been read from `path`, in the structure of `like`."""
    wanted = named_leaves(like)
    with refusing(path):
        saved = dict(stored.about["leaves"])
    needed = describe(wanted)
    for name in sorted(saved | needed):
        there, here = saved.get(name, "no such array"), needed.get(name, "none")
        if there != here:
            raise CheckpointError(f"{path} holds for {show(name)}: {show(there)}; {here} is needed")
    with refusing(path):
        leaves = [_restore(leaf, stored.arrays[name]) for name, leaf in wanted.items()]
    return jax.tree.unflatten(jax.tree.structure(like), leaves)


def named_leaves(tree: PyTree) -> dict[str, Any]:
    """The leaves of a tree by the way to them, each step of it percent-encoded as in `save`."""

    def name(path: Any) -> str:
        steps = (jax.tree_util.keystr((step,), simple=True) for step in path)
        return "/".join(quote(step, safe="", errors="surrogatepass") for step in steps)

    return {name(path): leaf for path, leaf in jax.tree_util.tree_leaves_with_path(tree)}


def describe(leaves: dict[str, Any]) -> dict[str, str]:
    return {name: f"{leaf.dtype} of shape {tuple(leaf.shape)}" for name, leaf in leaves.items()}


def copy_tree(tree: PyTree) -> PyTree:
    """The same arrays in memory of their own: that of the host, and of the device for random keys."""

    def copy(leaf: Any) -> Any:
        return _restore(leaf, np.array(_numbers(leaf))) if _is_key(leaf) else np.array(leaf)

    return jax.tree.map(copy, tree)


def _is_key(leaf: Any) -> bool:
    return jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)


def _numbers(leaf: Any) -> np.ndarray:
    return np.asarray(jax.random.key_data(leaf) if _is_key(leaf) else leaf)


def _plain(leaf: Any) -> np.ndarray:
    """Numbers of a dtype that a file can hold; those of others, such as complex ones, as bytes."""
    array = _numbers(leaf)
    if array.dtype.newbyteorder("=") in DTYPES.values():
        return array
    return np.ascontiguousarray(array).reshape(*array.shape, 1).view(np.uint8)


def _restore(like: Any, plain: np.ndarray) -> Any:
    """An array as `like`: of numpy where that is, else of JAX."""
    numbers = _key_data(like.shape, like.dtype) if _is_key(like) else like
    if numbers.dtype not in DTYPES.values():
        plain = plain.view(numbers.dtype).reshape(plain.shape[:-1])
    if (plain.shape, plain.dtype) != (numbers.shape, numbers.dtype):
        raise ValueError
    if isinstance(like, np.ndarray | np.generic):
        return plain
    array = jax.device_put(plain)
    return jax.random.wrap_key_data(array, impl=jax.random.key_impl(like)) if _is_key(like) else array


@functools.cache  # JAX keeps something of each call
def _key_data(shape: tuple[int, ...], dtype: Any) -> jax.ShapeDtypeStruct:
    return jax.eval_shape(jax.random.key_data, jax.ShapeDtypeStruct(shape, dtype))
