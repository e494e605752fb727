"""Files of a run, none of them ever half written."""

import io
import json
import math
import os
import tempfile
from pathlib import Path
from typing import Any


def check_folder(folder: Path) -> None:
    """Makes sure that a run can be written to `folder`, and leaves nothing there.

    Raises:
      FileExistsError: it is a file, or a folder with something in it, such as another run.
      OSError: it cannot be written.
    """
    if folder.exists() and not folder.is_dir():
        raise FileExistsError(f"{folder} is a file; a new or empty folder is needed")
    if folder.is_dir() and any(folder.iterdir()):
        what = "holds a run already" if (folder / "config.json").exists() else "is not empty"
        raise FileExistsError(f"{folder} {what}; a new or empty folder is needed")
    parent = next(p for p in [folder.absolute(), *folder.absolute().parents] if p.exists())
    try:
        with tempfile.TemporaryFile(dir=parent):
            pass
    except OSError as error:
        raise OSError(f"{folder} cannot be written ({parent}: {error.strerror})") from None


def fresh_folder(folder: Path) -> Path:
    """`folder`, or the first of folder-2, folder-3 ... that does not exist yet."""
    number, candidate = 1, folder
    while candidate.exists():
        number += 1
        candidate = folder.with_name(f"{folder.name}-{number}")
    return candidate


def write_file(path: Path, content: bytes) -> None:
    """Writes a file beside its place and then renames it, so that it is there whole or not at all."""
    beside = path.with_name(f".{path.name}.new")
    beside.write_bytes(content)
    os.replace(beside, path)


def write_png(path: Path, figure: Any, dpi: int = 150) -> None:
    """Writes a figure of matplotlib as a picture; see `to_png`."""
    write_file(path, to_png(figure, dpi))


def to_png(figure: Any, dpi: int) -> bytes:
    """A figure of matplotlib as the content of a PNG file."""
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=dpi)
    return picture.getvalue()


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Writes a JSON object, an entry a line; see `to_json`."""
    entries = [f"  {to_json({name: value})[1:-1]}" for name, value in content.items()]
    write_file(path, ("{\n" + ",\n".join(entries) + "\n}\n").encode())


def to_json(content: dict[str, Any]) -> str:
    """JSON, in which null stands for the numbers that JSON does not know: NaN and the infinities.

    >>> to_json({"loss": [0.5, math.nan], "epoch": 1})
    '{"loss": [0.5, null], "epoch": 1}'
    """
    return json.dumps(_finite(content), allow_nan=False)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
