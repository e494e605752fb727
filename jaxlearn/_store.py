"""Arrays with names, and what is to be known of them, in one file: models, checkpoints and sweeps.

A file is one of safetensors, which other programs read, too. What is to be known is JSON in its header, under
"jaxlearn", with a SHA-256 over all of it and all arrays, so that a file is what was written, or is refused.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from ._files import CheckpointError, read_file, to_json, write_file

LAYOUT = 1  # of what stands under "jaxlearn"
LONGEST = 10**7  # bytes of a header, enough for 50,000 arrays; to read one takes up to 40 times as many
DTYPES = {"BOOL": np.dtype(bool), "BF16": np.dtype(jnp.bfloat16)}
DTYPES |= {f"I{bits}": np.dtype(f"int{bits}") for bits in (8, 16, 32, 64)}
DTYPES |= {f"U{bits}": np.dtype(f"uint{bits}") for bits in (8, 16, 32, 64)}
DTYPES |= {f"F{bits}": np.dtype(f"float{bits}") for bits in (16, 32, 64)}


class Stored(NamedTuple):
    """What is in a file.

    Attributes:
      arrays: by name; writable.
      about: what is to be known of them.
    """

    arrays: dict[str, np.ndarray]
    about: dict[str, Any]


def write_arrays(path: Path, arrays: Mapping[str, np.ndarray], about: Mapping[str, Any]) -> None:
    """Writes a file, whole or not at all; one that is there is replaced. Equal content makes equal files.

    Args:
      path: of the file.
      arrays: of the dtypes in `DTYPES`; names are text that UTF-8 has bytes for.
      about: what JSON can say. NaN and the infinities become None, tuples lists.

    Raises:
      OSError: it cannot be written, because the disk is full, say.
      ValueError: names and `about` of more than 10 MB.
      ModuleNotFoundError: safetensors is not installed (`pip install 'jaxlearn[train]'`).
    """
    from safetensors.numpy import save as serialize

    content: dict[str, Any] = {"layout": LAYOUT} | json.loads(to_json(dict(about)))
    tensors = {name: _in_order(array) for name, array in arrays.items()}
    text = to_json(content | {"sha256": digest(content, tensors)})
    file = b"" if len(text) > LONGEST else serialize(tensors, {"jaxlearn": text})
    if not file or _header_end(file) > LONGEST:
        raise ValueError(f"{path}: the names of the arrays and the config must take less than 10 MB")
    write_file(path, file)


def read_arrays(path: Path) -> Stored:
    """Reads what `write_arrays` wrote. It holds no code, and nothing of it is executed.

    Raises:
      CheckpointError: it is missing or no file, `write_arrays` did not write it, or it has changed since.
      ModuleNotFoundError: safetensors is not installed (`pip install 'jaxlearn[train]'`).
    """
    content = read_file(path)
    with refusing(path):
        views, about = _parse(content)
    if about is None:
        raise CheckpointError(
            f"{path} was not written by jaxlearn; safetensors.numpy.load_file(path) reads its tensors"
        )
    if about.get("layout") != LAYOUT:
        raise CheckpointError(
            f"{path} was written by another version of jaxlearn; this one reads layout {LAYOUT}"
        )
    with refusing(path):
        arrays = {
            name: np.frombuffer(view["data"], DTYPES[view["dtype"]]).reshape(view["shape"])
            for name, view in views
        }
        if about.pop("sha256") != digest(about, arrays):
            raise ValueError
    about.pop("layout")
    return Stored(arrays, about)


@contextmanager
def refusing(path: Path) -> Iterator[None]:
    """One CheckpointError in the place of all that content made by chance or by malice can raise."""
    from safetensors import SafetensorError

    try:
        yield
    except (SafetensorError, ArithmeticError, LookupError, RecursionError, TypeError, ValueError):
        raise CheckpointError(
            f"{path} is not as it was saved: damaged, cut short or no safetensors file"
        ) from None


def digest(about: dict[str, Any], tensors: dict[str, np.ndarray]) -> str:
    """SHA-256 of all that a file says, as hexadecimal."""
    result = hashlib.sha256(to_json(about).encode())  # with the layout
    for name, array in sorted(tensors.items()):
        result.update(json.dumps([name, array.dtype.name, array.shape]).encode())
        result.update(array.reshape(-1).view(np.uint8).data)
    return result.hexdigest()


def _in_order(array: np.ndarray) -> np.ndarray:
    return np.asarray(array, array.dtype.newbyteorder("="), order="C")


def _header_end(content: bytes) -> int:
    return 8 + int.from_bytes(content[:8], "little")


def _parse(content: bytes) -> tuple[list[tuple[str, Any]], dict[str, Any] | None]:
    """The tensors of a file, and what `write_arrays` said about them if it was `write_arrays`."""
    from safetensors import deserialize

    end = _header_end(content)
    if end > LONGEST:
        raise ValueError
    views = deserialize(content)
    text = (json.loads(content[8:end]).get("__metadata__") or {}).get("jaxlearn")
    if text is None:
        return views, None
    about = json.loads(text)
    if not isinstance(about, dict) or to_json(about) != text:  # not word for word
        raise ValueError
    return views, about
