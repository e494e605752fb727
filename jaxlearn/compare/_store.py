"""What a comparison has found so far, on disk."""

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from jaxlearn.training import CheckpointError
from jaxlearn.training._folder import read_json, to_json, write_text
from jaxlearn.training._settings import show

from ._result import Sweep, from_plain, to_plain

LARGEST = 2**30  # bytes of a sweep

T = TypeVar("T", int, int | None)


class Store:
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
        content = self._read(name)
        if content is None:
            return None
        try:
            sweep = from_plain(content)
        except (KeyError, TypeError, ValueError, OverflowError):
            raise self._broken(name, "holds no sweep") from None
        if (sweep.model, sweep.optimizer) != (model, optimizer):
            raise self._broken(name, f"holds {show(sweep.name)}")
        return sweep

    def save(self, sweep: Sweep) -> Sweep:
        """Keeps a sweep. Returns it as `load` will: infinities have become NaN."""
        content = json.loads(to_json(to_plain(sweep)))
        self._write(_file_name(f"{sweep.model} {sweep.optimizer}"), content)
        return from_plain(content)

    def once(self, name: str, make: Callable[[], T]) -> T:
        """A value that is made once: a comparison that goes on must go on with the same."""
        content = self._read("plan") or {}
        if name not in content:
            content[name] = make()
            self._write("plan", content)
        return content[name]

    def _read(self, name: str) -> dict[str, Any] | None:
        if not self.folder or not os.path.lexists(self.folder / f"{name}.json"):
            return None
        try:
            file = read_json(self.folder / f"{name}.json", LARGEST)
        except CheckpointError as error:
            raise self._broken(name, str(error).removeprefix(f"{self.folder / name}.json ")) from None
        if file.get("sha256") != _digest(file.get("content")):
            raise self._broken(name, "does not hold what was saved there")
        return file["content"]

    def _write(self, name: str, content: dict[str, Any]) -> None:
        if self.folder:
            file = {"sha256": _digest(content), "content": content}
            write_text(self.folder / f"{name}.json", to_json(file) + "\n")

    def _broken(self, name: str, why: str) -> CheckpointError:
        again = "it is made again" if name == "plan" else "its runs are trained again"
        assert self.folder
        return CheckpointError(f"{self.folder / name}.json {why}; delete it, and {again}")


def _digest(content: Any) -> str:
    return hashlib.sha256(to_json({"content": content}).encode()).hexdigest()


def _file_name(text: str) -> str:
    """A name that is one on every system, and another one for another text.

    >>> _file_name("mlp adam"), _file_name("a/b x")
    ('mlp-adam', 'a%2fb-x')
    """
    return "".join(c if c.isalnum() or c in "_." else "-" if c == " " else f"%{ord(c):x}" for c in text)
