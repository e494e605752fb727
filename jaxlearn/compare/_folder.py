"""The folder of a comparison: new, or one to go on with."""

import itertools
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import jax
import jaxlib

from jaxlearn._files import read_json, write_file, write_json
from jaxlearn._version import __version__
from jaxlearn.training import CheckpointError, check_folder, config_difference

WRITTEN = ("config.json", "sweeps/plan.safetensors")  # before the first sweep is finished
GROWING = ("optimizers", "models")  # may be others than before: those in common must be the same
FREE = ("target", "command", "device", "versions")  # say nothing about what a sweep gives


def difference(before: dict[str, Any], now: dict[str, Any]) -> str | None:
    """What keeps a comparison from going on with another's sweeps, or None.

    >>> difference({"epochs": 3, "optimizers": {"sgd": 1}}, {"epochs": 3, "optimizers": {"adam": 2}})
    >>> difference({"epochs": 3}, {"epochs": 5})
    'epochs is 3 there, not 5'
    """
    return config_difference(before, now, FREE, GROWING)


def check_place(folder: Path, config: dict[str, Any], resume: bool = False) -> None:
    """Makes sure that `folder` can take a comparison: it is new, or holds a part of the same one.

    Args:
      folder: of the comparison.
      config: what it is.
      resume: whether there is known to be a part of it, whose `config.json` may be lost.

    Raises:
      FileExistsError: it holds something else.
      CheckpointError: its configuration cannot be read.
      OSError: it cannot be written.
    """
    path, sweeps = folder / "config.json", folder / "sweeps"
    if resume or (path.is_file() and sweeps.is_dir()):
        check_folder(folder, with_run=True)
        if os.path.lexists(sweeps) and not sweeps.is_dir():
            raise CheckpointError(f"{sweeps} is no folder")
        if path.exists() and (different := difference(read_json(path), config)):
            raise FileExistsError(f"{folder} holds another comparison: {different}; choose another --out")
    else:
        check_folder(folder)


@contextmanager
def open_folder(folder: Path, config: dict[str, Any], resume: bool = False) -> Iterator[Path]:
    """A folder made ready for a comparison, which leaves no trace if it is refused before its first sweep.

    Args, Raises: as `check_place`.
    """
    check_place(folder, config, resume)
    sweeps = folder / "sweeps"
    paths = [folder / name for name in WRITTEN]
    before = {path: path.read_bytes() for path in paths if path.is_file()}
    ours = {path for path in paths if not os.path.lexists(path)}
    finished = {*sweeps.glob("*")}
    sweeps.mkdir(parents=True, exist_ok=True)
    write_json(folder / "config.json", config)
    try:
        yield folder
    except OSError:  # a full disk, say: `--resume` goes on after it
        raise
    except Exception:
        if {*sweeps.glob("*")} <= finished | ours:
            _put_back(before, ours)
            with suppress(OSError):  # not empty
                sweeps.rmdir()
        raise


def _put_back(before: dict[Path, bytes], ours: set[Path]) -> None:
    for path in ours:
        path.unlink(missing_ok=True)
    for path, content in before.items():
        if path.read_bytes() != content:
            write_file(path, content)


def find_folder(folder: Path, config: dict[str, Any]) -> Path:
    """The first of folder, folder-2, folder-3 ... that is new or holds a part of the same comparison."""
    for number in itertools.count(1):
        candidate = folder if number == 1 else folder.with_name(f"{folder.name}-{number}")
        with suppress(FileExistsError):
            check_place(candidate, config)
            return candidate
    raise AssertionError


def versions() -> dict[str, str]:
    """What the numbers may depend on."""
    return {
        "jaxlearn": __version__,
        "jax": jax.__version__,
        "jaxlib": jaxlib.version.__version__,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
    }
