"""Files that are there whole or not at all, and what is wrong with those that are read."""

import hashlib
import io
import json
import math
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

LARGEST = 2**24  # bytes of a file of text that is read: more is none of ours


class CheckpointError(ValueError):
    """What a run or a comparison has saved, and cannot be read. One line says which file, and why."""

    def __init__(self, message: str):
        super().__init__("".join(c if c.isprintable() else ascii(c)[1:-1] for c in message))


def write_file(path: Path, content: bytes) -> None:
    """Writes a file beside its place and then renames it, so that it is there whole or not at all."""
    beside = path.with_name(f".{path.name}.new")
    try:
        beside.write_bytes(content)
        os.replace(beside, path)
    except OSError as error:
        with suppress(OSError):
            beside.unlink(missing_ok=True)
        raise OSError(f"{path} cannot be written: {error.strerror or error}") from None


def write_text(path: Path, text: str) -> None:
    """Writes a file of text in UTF-8, with escapes for what a file's name may hold that is no character."""
    write_file(path, text.encode(errors="backslashreplace"))


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
    write_text(path, "{\n" + ",\n".join(entries) + "\n}\n")


def write_signed(path: Path, content: dict[str, Any]) -> None:
    """Writes a JSON object with a SHA-256 of it, which `read_signed` checks."""
    write_json(path, content | {"sha256": _digest(content)})


def read_signed(path: Path) -> dict[str, Any]:
    """The JSON object that `write_signed` wrote.

    Raises:
      CheckpointError: as `read_json`, and where it is another one.
    """
    content = read_json(path)
    if content.pop("sha256", None) != _digest(content):
        raise CheckpointError(f"{path} is not as it was saved: its SHA-256 is another")
    return content


def _digest(content: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(json.loads(to_json(content)), sort_keys=True).encode()).hexdigest()


def read_file(path: Path, most: int = -1) -> bytes:
    """The content of a file, or so many bytes of it.

    Raises:
      CheckpointError: no such file, no file, or one that may not be read.
    """
    try:
        if not path.is_file():  # a pipe would be waited for
            raise CheckpointError(f"{path} is {'no file' if os.path.lexists(path) else 'missing'}")
        with path.open("rb") as file:
            return file.read(most)
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror}") from None


def read_text(path: Path) -> str:
    """The text in a file, and not more of it than there can be.

    Raises:
      CheckpointError: as `read_file`, and where it is none of text, or larger.
    """
    content = read_file(path, LARGEST + 1)
    if len(content) > LARGEST:
        raise CheckpointError(f"{path} is larger than {LARGEST} bytes")
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise CheckpointError(f"{path} is damaged: it is not text") from None


def read_json(path: Path) -> dict[str, Any]:
    """The JSON object in a file.

    Raises:
      CheckpointError: as `read_text`, and where it holds anything else.
    """
    try:
        content = json.loads(read_text(path))
    except CheckpointError:
        raise
    except (ValueError, RecursionError) as error:
        reason = str(error).partition("\n")[0]
        raise CheckpointError(f"{path} is damaged or cut short: {reason}") from None
    if not isinstance(content, dict):
        raise CheckpointError(f"{path} does not hold what was saved there: it is no JSON object")
    return content


def to_json(content: dict[str, Any]) -> str:
    """JSON, in which null stands for the numbers that JSON does not know: NaN and the infinities.

    Whole numbers of numpy become Python's.

    >>> to_json({"loss": [0.5, math.nan], "epoch": 1})
    '{"loss": [0.5, null], "epoch": 1}'
    """
    return json.dumps(_finite(content), allow_nan=False)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    value = int(value) if isinstance(value, np.integer) else value
    return None if isinstance(value, float) and not math.isfinite(value) else value
