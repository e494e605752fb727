"""The folder of a comparison: new, or one to go on with."""

import itertools
import json
import platform
from contextlib import suppress
from pathlib import Path
from typing import Any

import jax
import jaxlib

from jaxlearn._version import __version__
from jaxlearn.training import check_folder
from jaxlearn.training._folder import write_json

GROWING = ("optimizers", "models")  # may be others than before: those in common must be the same
FREE = ("target", "command", "device", "versions")  # say nothing about what a sweep gives


def difference(before: dict[str, Any], now: dict[str, Any]) -> str | None:
    """What keeps a comparison from going on with another's sweeps, or None.

    >>> difference({"epochs": 3, "optimizers": {"sgd": 1}}, {"epochs": 3, "optimizers": {"adam": 2}})
    >>> difference({"epochs": 3}, {"epochs": 5})
    'epochs is 3 there, 5 here'
    """
    for name in [name for name in now if name not in FREE]:
        there, here = before.get(name), now[name]
        if name in GROWING and isinstance(there, dict):
            common = there.keys() & here.keys()
            there, here = ({key: part[key] for key in sorted(common)} for part in (there, here))
        if there != here:
            return f"{name} is {there} there, {here} here"
    return None


def open_folder(folder: Path, config: dict[str, Any]) -> Path:
    """Makes `folder` ready for a comparison, be it new or with a part of the same one in it; returns it.

    Raises:
      FileExistsError: it holds something else.
      OSError: it cannot be written.
    """
    config = json.loads(json.dumps(config))
    path = folder / "config.json"
    if path.is_file() and (folder / "sweeps").is_dir():
        try:
            before = json.loads(path.read_text())
        except ValueError:
            raise FileExistsError(f"{path} cannot be read; a new or empty folder is needed") from None
        if different := difference(before, config):
            raise FileExistsError(f"{folder} holds another comparison: {different}; choose another --out")
    else:
        check_folder(folder)
        (folder / "sweeps").mkdir(parents=True)
    write_json(path, config)
    return folder


def find_folder(folder: Path, config: dict[str, Any]) -> Path:
    """The first of folder, folder-2, folder-3 ... that is new or holds a part of the same comparison."""
    for number in itertools.count(1):
        candidate = folder if number == 1 else folder.with_name(f"{folder.name}-{number}")
        with suppress(FileExistsError):
            return open_folder(candidate, config)
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
