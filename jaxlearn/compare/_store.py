"""What a comparison has found so far, on disk."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jaxlearn.training._folder import to_json, write_file

from ._result import Sweep, from_plain, to_plain


class Store:
    """Keeps finished sweeps, each in a file of its own, in `folder`; without a folder it keeps nothing."""

    def __init__(self, folder: Path | None):
        self.folder = folder
        if folder:
            folder.mkdir(parents=True, exist_ok=True)

    def load(self, model: str, optimizer: str) -> Sweep | None:
        """The sweep of an optimizer on a model, or None.

        Raises:
          ValueError: the file does not hold one.
        """
        content = self._read(_file_name(f"{model} {optimizer}"))
        try:
            return from_plain(content) if content else None
        except (KeyError, TypeError, ValueError):
            raise _broken(self._path(_file_name(f"{model} {optimizer}"))) from None

    def save(self, sweep: Sweep) -> Sweep:
        """Keeps a sweep. Returns it as `load` will: infinities have become NaN."""
        content = json.loads(to_json(to_plain(sweep)))
        self._write(_file_name(f"{sweep.model} {sweep.optimizer}"), content)
        return from_plain(content)

    def once(self, name: str, make: Callable[[], int]) -> int:
        """A number that is made once: a comparison that goes on must go on with the same."""
        content = self._read("plan") or {}
        if name not in content:
            content[name] = make()
            self._write("plan", content)
        return content[name]

    def _path(self, name: str) -> Path:
        assert self.folder
        return self.folder / f"{name}.json"

    def _read(self, name: str) -> dict[str, Any] | None:
        if not self.folder or not self._path(name).exists():
            return None
        try:
            content = json.loads(self._path(name).read_text())
        except ValueError:
            content = None
        if not isinstance(content, dict):
            raise _broken(self._path(name))
        return content

    def _write(self, name: str, content: dict[str, Any]) -> None:
        if self.folder:
            write_file(self._path(name), (to_json(content) + "\n").encode())


def _file_name(text: str) -> str:
    """A name that is one on every system, and another one for another text.

    >>> _file_name("mlp adam"), _file_name("a/b x")
    ('mlp-adam', 'a%2fb-x')
    """
    return "".join(c if c.isalnum() or c in "_." else "-" if c == " " else f"%{ord(c):x}" for c in text)


def _broken(path: Path) -> ValueError:
    return ValueError(f"{path} holds no sweep; delete it, and it is trained again")
