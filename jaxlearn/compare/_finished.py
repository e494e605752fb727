"""What a comparison has found so far, on disk."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from jaxlearn._files import CheckpointError
from jaxlearn._store import Stored, read_arrays, write_arrays
from jaxlearn._text import show

from ._result import Sweep, from_stored, to_stored

T = TypeVar("T", int, int | None)


class FinishedSweeps:
    """Keeps finished sweeps, each in a file of its own, in `folder`; without a folder it keeps nothing."""

    def __init__(self, folder: Path | None):
        self.folder = folder
        if folder:
            folder.mkdir(parents=True, exist_ok=True)

    def load(self, model: str, optimizer: str) -> Sweep | None:
        """The sweep of an optimizer on a model, or None.

        Raises:
          CheckpointError: the file does not hold it.
        """
        name = _file_name(f"{model} {optimizer}")
        stored = self._read(name)
        if stored is None:
            return None
        try:
            sweep = from_stored(stored)
        except (KeyError, TypeError, ValueError, OverflowError):
            raise self._broken(name, "holds no sweep") from None
        if (sweep.model, sweep.optimizer) != (model, optimizer):
            raise self._broken(name, f"holds {show(sweep.name)}")
        return sweep

    def save(self, sweep: Sweep) -> Sweep:
        """Keeps a sweep. Returns it as `load` will: infinities have become NaN."""
        stored = to_stored(sweep)
        self._write(_file_name(f"{sweep.model} {sweep.optimizer}"), stored.arrays, stored.about)
        return from_stored(stored)

    def once(self, name: str, make: Callable[[], T]) -> T:
        """A value that is made once: a comparison that goes on must go on with the same."""
        plan = self._read("plan")
        content = plan.about if plan else {}
        if name not in content:
            content[name] = make()
            self._write("plan", {}, content)
        return content[name]

    def _read(self, name: str) -> Stored | None:
        if not self.folder or not os.path.lexists(self._path(name)):
            return None
        try:
            return read_arrays(self._path(name))
        except CheckpointError as error:
            raise self._broken(name, str(error).removeprefix(f"{self._path(name)} ")) from None

    def _write(self, name: str, arrays: Mapping[str, np.ndarray], about: dict[str, Any]) -> None:
        if self.folder:
            write_arrays(self._path(name), arrays, about)

    def _path(self, name: str) -> Path:
        assert self.folder
        return self.folder / f"{name}.safetensors"

    def _broken(self, name: str, why: str) -> CheckpointError:
        again = "it is made again" if name == "plan" else "its runs are trained again"
        return CheckpointError(f"{self._path(name)} {why}; delete it, and {again}")


def _file_name(text: str) -> str:
    """A name that is one on every system, and another one for another text.

    >>> _file_name("mlp adam"), _file_name("a/b x")
    ('mlp-adam', 'a%2fb-x')
    """
    return "".join(c if c.isalnum() or c in "_." else "-" if c == " " else f"%{ord(c):x}" for c in text)
