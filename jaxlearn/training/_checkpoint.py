"""Saving and loading the whole state of a run, so that whatever has happened to the files is told."""

import errno
import functools
import gc
import hashlib
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ._folder import CheckpointError, read_json, read_text, write_json
from ._run import PyTree
from ._settings import show

SUMS, ABOUT, ARRAYS = "SHA256SUMS", "about.json", "arrays"


def params_digest(params: Any) -> str:
    """SHA-256 over the bytes of all parameters, in the order of `jax.tree.leaves`, as hexadecimal.

    >>> params_digest({"w": np.zeros(2, np.float32)})[:8]
    'af5570f5'
    """
    digest = hashlib.sha256()
    for leaf in jax.tree.leaves(params):
        digest.update(np.ascontiguousarray(jax.device_get(leaf)).tobytes())
    return digest.hexdigest()


def save_checkpoint(folder: Path, state: PyTree, about: dict[str, Any] | None = None) -> None:
    """Saves a state, that of a whole run say, to the new folder `folder`, which is there whole or not at all.

    It holds `arrays/`, by orbax; `about.json`; and `SHA256SUMS` over all of it, as `sha256sum -c` reads it.

    Args:
      folder: where to; must not exist.
      state: a pytree of arrays, random keys included.
      about: whatever else is to be kept, as JSON.

    Raises:
      OSError: it cannot be written, because the disk is full, say. Nothing is left in its place.
      ModuleNotFoundError: orbax-checkpoint is not installed (`pip install 'jaxlearn[train]'`).
    """
    plain = jax.tree.map(_plain, state)
    beside = folder.absolute().with_name(f".{folder.name}.new")
    try:
        with _same_folder(beside.parent):
            if folder.exists():
                raise FileExistsError("it is there already")
            shutil.rmtree(beside, ignore_errors=True)
            beside.mkdir()
            _make_sure_of_space(beside / "space", plain)
            with _in_unicode(beside) as place, _orbax() as checkpointer:
                checkpointer.save(place / ARRAYS, plain)
            write_json(beside / ABOUT, (about or {}) | {"leaves": _describe(state)})
            sums = [f"{_sum(path)}  {path.relative_to(beside).as_posix()}\n" for path in _files(beside)]
            (beside / SUMS).write_text("".join(sums), encoding="utf-8")
        os.replace(beside, folder)
    except (OSError, CheckpointError) as error:
        shutil.rmtree(beside, ignore_errors=True)
        with suppress(OSError):  # not empty; else orbax may have made them anew
            beside.parent.rmdir()
            beside.parent.parent.rmdir()
        raise OSError(f"{folder} cannot be saved: {_reason(error)}") from None


@contextmanager
def _same_folder(folder: Path) -> Iterator[None]:
    """Raises FileNotFoundError where a folder goes meanwhile, even if orbax makes another one there."""
    handle = os.open(folder, os.O_RDONLY) if os.name == "posix" else None

    def check() -> None:
        there = folder.is_dir()
        if not there or (handle is not None and not os.path.samestat(os.fstat(handle), folder.stat())):
            raise FileNotFoundError(errno.ENOENT, "its folder is gone")

    try:
        yield
        check()
    except (OSError, CheckpointError):
        check()  # which would be why
        raise
    finally:
        if handle is not None:
            os.close(handle)


def check_checkpoint(folder: Path) -> dict[str, Any]:
    """Compares every file of a checkpoint with its sum. Returns what was saved as `about`.

    Raises:
      CheckpointError: a file is missing, is not the one saved, was not saved, or cannot be read.
    """
    try:
        listed = _read_sums(folder / SUMS)
        _compare_files(folder, listed)
        about = read_json(folder / ABOUT)
    except OSError as error:
        raise CheckpointError(f"{folder} cannot be read: {_reason(error)}") from None
    except RecursionError:
        raise CheckpointError(f"{folder} cannot be read: its folders are too deep") from None
    if ABOUT not in listed or not isinstance(about.get("leaves"), dict):
        raise CheckpointError(f"{folder / ABOUT} does not describe a checkpoint")
    return about


def load_checkpoint(folder: Path, like: PyTree) -> PyTree:
    """Reads what `save_checkpoint` saved, into the structure, shapes and dtypes of `like`.

    Raises:
      CheckpointError: a file is missing or damaged, or it is a checkpoint of something else.
    """
    saved, wanted = check_checkpoint(folder)["leaves"], _describe(like)
    for name in sorted(saved.keys() | wanted.keys()):
        there, here = saved.get(name, "no such array"), wanted.get(name, "none")
        if there != here:
            raise CheckpointError(f"{folder} holds for {show(name)}: {show(there)}; {here} is needed")
    try:
        with _in_unicode(folder.absolute()) as place, _orbax() as checkpointer:
            plain = checkpointer.restore(place / ARRAYS, jax.tree.map(_blank, like))
    except (OSError, CheckpointError) as error:
        raise CheckpointError(f"{folder / ARRAYS} cannot be read ({error})") from None
    return jax.tree.map(_restore, like, plain)


@contextmanager
def _in_unicode(folder: Path) -> Iterator[Path]:
    """A path to a folder in characters, which orbax needs: a link where a name in its own path has others."""
    if not any("\ud800" <= character <= "\udfff" for character in str(folder)):
        yield folder
        return
    with tempfile.TemporaryDirectory() as elsewhere:
        link = Path(elsewhere) / "folder"
        link.symlink_to(folder.absolute(), target_is_directory=True)
        yield link


@contextmanager
def _orbax() -> Iterator[Any]:
    """What saves and restores. Whatever goes wrong in it becomes a CheckpointError with the reason.

    Its threads, in C++ too, go on after an error and print what happens to them: kept off the terminal.
    """
    import orbax.checkpoint as ocp

    wrong = None
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        try:
            with ocp.StandardCheckpointer() as checkpointer:
                yield checkpointer
        except Exception as error:  # of no class in common
            wrong = _reason(error)
        if wrong:
            time.sleep(0.2)
            gc.collect()  # asyncio tells of an error when it is forgotten
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
    if wrong:
        raise CheckpointError(wrong)


def _make_sure_of_space(path: Path, plain: PyTree) -> None:
    """Asks the system, which tells in one word what is wrong, for the space that orbax will take."""
    needed = sum(leaf.nbytes for leaf in jax.tree.leaves(plain)) * 21 // 20 + 2**16
    if hasattr(os, "posix_fallocate"):
        with path.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, needed)
        path.unlink()


def copy_tree(tree: PyTree) -> PyTree:
    """The same arrays in memory of their own: that of the host, and of the device for random keys."""

    def copy(leaf: Any) -> Any:
        if not _is_key(leaf):
            return np.array(leaf)
        numbers = jax.device_put(np.array(jax.random.key_data(leaf)))
        return jax.random.wrap_key_data(numbers, impl=jax.random.key_impl(leaf))

    return jax.tree.map(copy, tree)


def _is_key(leaf: Any) -> bool:
    return jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)


def _plain(leaf: Any) -> Any:
    """Orbax saves numbers, and some of them: random keys become their data, empty arrays None.

    Out of numpy, as it loses memory with each array of JAX.
    """
    if not leaf.size:
        return None
    return np.asarray(jax.random.key_data(leaf) if _is_key(leaf) else leaf)


def _blank(like: Any) -> Any:
    """The place for an array, by shape and dtype: its memory may have been given away."""
    if not like.size:
        return None
    plain = _key_data(like.shape, like.dtype) if _is_key(like) else like
    return np.zeros(plain.shape, plain.dtype)


@functools.cache  # JAX keeps something of each call
def _key_data(shape: tuple[int, ...], dtype: Any) -> jax.ShapeDtypeStruct:
    return jax.eval_shape(jax.random.key_data, jax.ShapeDtypeStruct(shape, dtype))


def _restore(like: Any, leaf: Any) -> Any:
    if leaf is None:
        return like
    leaf = jax.device_put(leaf)
    return jax.random.wrap_key_data(leaf, impl=jax.random.key_impl(like)) if _is_key(like) else leaf


def _describe(tree: PyTree) -> dict[str, str]:
    leaves = jax.tree_util.tree_leaves_with_path(tree)
    return {
        jax.tree_util.keystr(path, simple=True, separator="/"): f"{leaf.dtype} of shape {tuple(leaf.shape)}"
        for path, leaf in leaves
    }


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if not path.is_dir())


def _sum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _compare_files(folder: Path, listed: dict[str, str]) -> None:
    for name, digest in listed.items():
        path = folder / name
        if not path.is_file():
            raise CheckpointError(f"{path} is missing")
        if _sum(path) != digest:
            raise CheckpointError(f"{path} is damaged: it is not the file that was saved")
    for path in _files(folder):
        if path.relative_to(folder).as_posix() not in {*listed, SUMS}:
            raise CheckpointError(f"{path} does not belong to the checkpoint")


def _read_sums(path: Path) -> dict[str, str]:
    listed = {}
    for line in read_text(path).splitlines():
        digest, _, name = line.partition("  ")
        parts = Path(name).parts
        if not name or Path(name).is_absolute() or ".." in parts or "\0" in name:
            raise CheckpointError(f"{path} is damaged: it lists {line[:80]!r}")
        listed[name] = digest
    return listed


def _reason(error: BaseException) -> str:
    """An error in a few words: what follows a colon in a message of C++ are its details."""
    code = re.search(r"os_error_code='(\d+)'", str(error))
    if code:
        return os.strerror(int(code[1]))
    if isinstance(error, OSError) and not error.strerror and isinstance(error.__context__, OSError):
        error = error.__context__  # what ours is about
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    first = (str(error).splitlines() or [""])[0].partition(": ")[0]
    return first[:100] or type(error).__name__
