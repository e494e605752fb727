"""Trained parameters in one file that other programs read too."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import jax
import jax.numpy as jnp
import numpy as np

from jaxlearn._files import to_json
from jaxlearn._store import DTYPES, read_arrays, refusing, write_arrays

FILE = "model.safetensors"  # in the folder of a run


class Saved(NamedTuple):
    """What `load` finds in a file.

    Attributes:
      params: parameters of a model: the tree that was saved, its leaves numpy arrays.
      model_state: what the model changes by itself, such as running means; likewise.
      config: what was saved with them, such as what it takes to build the model again.
    """

    params: Any
    model_state: Any
    config: dict[str, Any]


def save(
    path: str | Path, params: Any, model_state: Mapping[str, Any] = {}, config: Mapping[str, Any] = {}
) -> None:
    """Writes the parameters of a model as a safetensors file, whole or not at all.

    A tensor is named by the keys and indices that lead to it: "params/1/weight", "model_state/2/mean". Of a
    key, all but letters, digits and "_.-~" is percent-encoded there, "/" as "%2F", so that no two tensors
    have one name. The metadata holds as JSON, under "jaxlearn", the config, the structure of the trees and a
    SHA-256 of everything. Equal content makes equal files.

    Args:
      path: of the file; one that is there is replaced.
      params, model_state: dicts with text for keys, lists, tuples and None, nested, of arrays: bool,
        integers, bfloat16, float16, float32 or float64, of any shape.
      config: what JSON can say. NaN and the infinities become None, tuples lists.

    Raises:
      TypeError: another container, another leaf, such as a random key or a Python number, or a config that
        is not JSON.
      ValueError: names and config of more than 10 MB.
      ModuleNotFoundError: safetensors is not installed (`pip install 'jaxlearn[train]'`).
    """
    tensors: dict[str, np.ndarray] = {}
    tree = {
        "params": _take_apart("params", params, tensors),
        "model_state": _take_apart("model_state", model_state, tensors),
    }
    write_arrays(Path(path), tensors, {"config": _plain(config), "tree": tree})


def load(path: str | Path) -> Saved:
    """Reads a file that `save` wrote. It holds no code, and nothing of it is executed.

    Args:
      path: of the file, or a run's folder, of which `model.safetensors` is read.

    Returns:
      The trees, bit for bit, and the config.

    Raises:
      FileNotFoundError: there is no such file.
      ValueError: `save` did not write it, or it has changed since. Either is one line that names it.
      ModuleNotFoundError: safetensors is not installed (`pip install 'jaxlearn[train]'`).

    >>> import tempfile
    >>> from jaxlearn import nn
    >>> params, state = nn.linear(3).init(jax.random.key(0), (4,))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(f"{folder}/model.safetensors", params, state, {"outputs": 3})
    ...     saved = load(folder)
    >>> saved.config, jax.tree.map(jnp.shape, saved.params)
    ({'outputs': 3}, {'bias': (3,), 'weight': (3, 4)})
    """
    path = Path(path)
    if path.is_dir():
        path /= FILE
    if not path.is_file():
        what = "is no file" if path.exists() else "is missing"
        raise FileNotFoundError(f"{path} {what}: a file written by jaxlearn.save is needed")
    tensors, about = read_arrays(path)
    with refusing(path):
        params, state = (_put_together(about["tree"][name], tensors) for name in ("params", "model_state"))
        if tensors or not isinstance(about["config"], dict):  # tensors that stand nowhere in the trees
            raise ValueError
    return Saved(params, state, about["config"])


def _take_apart(name: str, tree: Any, tensors: dict[str, np.ndarray]) -> Any:
    """A tree as JSON, the names of its leaves in their places; the leaves go into `tensors`."""
    if tree is None:
        return None
    if type(tree) in (list, tuple):
        inside = (_take_apart(f"{name}/{i}", part, tensors) for i, part in enumerate(tree))
        return [type(tree).__name__, *inside]
    if type(tree) is not dict:
        tensors[name] = _to_array(name, tree)
        return name
    parts = {}
    for key, part in tree.items():
        if not isinstance(key, str):
            raise TypeError(f"{name}: a key must be text, got {key!r}")
        parts[key] = _take_apart(f"{name}/{quote(key, safe='', errors='surrogatepass')}", part, tensors)
    return parts


def _put_together(tree: Any, tensors: dict[str, np.ndarray]) -> Any:
    """The opposite of `_take_apart`; what it uses is no longer in `tensors`."""
    if tree is None:
        return None
    if isinstance(tree, str):
        return tensors.pop(tree)
    if isinstance(tree, dict):
        return {key: _put_together(part, tensors) for key, part in tree.items()}
    kind, *parts = tree
    return {"list": list, "tuple": tuple}[kind](_put_together(part, tensors) for part in parts)


def _to_array(name: str, leaf: Any) -> np.ndarray:
    if not isinstance(leaf, jax.Array | np.ndarray | np.generic):
        raise TypeError(
            f"{name} must be an array, or a dict, list or tuple of such, got {type(leaf).__name__}"
        )
    if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
        raise TypeError(f"{name} must be an array of numbers, got a random key; see jax.random.key_data")
    array = np.asarray(jax.device_get(leaf))
    if array.dtype.newbyteorder("=") not in DTYPES.values():
        known = ", ".join(dtype.name for dtype in DTYPES.values())
        raise TypeError(f"{name} must have one of the types {known}, got {array.dtype}")
    return array


def _plain(config: Mapping[str, Any]) -> Any:
    """A config as it comes back from JSON."""
    try:
        return json.loads(to_json(dict(config)))
    except (TypeError, ValueError) as error:
        raise TypeError(f"config must be a dict of what JSON can say: {error}") from None
