"""Files of a run, none of them ever half written."""

import io
import itertools
import json
import math
import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np

try:
    import fcntl
except ImportError:  # Windows, where two runs into one folder are not told apart
    fcntl = None  # type: ignore[assignment]

LARGEST = 2**24  # bytes of a file of text that is read: more is none of ours


class CheckpointError(ValueError):
    """What a run or a comparison has saved, and cannot be read. One line says which file, and why."""

    def __init__(self, message: str):
        super().__init__("".join(c if c.isprintable() else ascii(c)[1:-1] for c in message))


def check_folder(folder: Path, with_run: bool = False) -> None:
    """Makes sure that a run can be written to `folder`, empty unless `with_run`, and leaves nothing there.

    Raises:
      FileExistsError: it is a file, or a folder with something in it, such as another run.
      OSError: it cannot be written.
    """
    if folder.exists() and not folder.is_dir():
        raise FileExistsError(f"{folder} is a file; a new or empty folder is needed")
    if os.path.lexists(folder) and not folder.is_dir():
        raise FileExistsError(f"{folder} is a link that leads nowhere; a new or empty folder is needed")
    if not with_run and folder.is_dir() and not all(map(_is_nothing, folder.iterdir())):
        if (folder / "config.json").exists():
            raise FileExistsError(
                f"{folder} holds a run already; a new or empty folder is needed, or --resume"
            )
        raise FileExistsError(f"{folder} is not empty; a new or empty folder is needed")
    parent = next(p for p in [folder.absolute(), *folder.absolute().parents] if p.exists())
    try:
        with tempfile.TemporaryFile(dir=parent):
            pass
    except OSError as error:
        raise OSError(f"{folder} cannot be written ({parent}: {error.strerror})") from None


def _is_nothing(path: Path) -> bool:
    """Whether this is what a process may leave that is killed at its very beginning."""
    return path.name == ".config.json.new" or (
        path.name == "sweeps" and path.is_dir() and not any(path.iterdir())
    )


@contextmanager
def claim_folder(folder: Path, with_run: bool = False) -> Iterator[Path]:
    """Makes the folder and keeps others from claiming it, until the process ends at the latest.

    A folder that is made and stays empty is removed again.

    Args:
      folder: new or empty, unless `with_run`.
      with_run: whether there may be something in it, such as the run that goes on.

    Raises:
      FileExistsError: another process has claimed it, or there is something in it.
      OSError: it cannot be made.
    """
    made = [path for path in [folder, *folder.parents] if not path.exists()]
    if made or not folder.is_dir():
        check_folder(folder)
    folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder, os.O_RDONLY) if fcntl else None
    try:
        try:
            if handle is not None:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise FileExistsError(f"{folder} is in use by another run; choose another, or wait") from None
        check_folder(folder, with_run)
        yield folder
    finally:
        if handle is not None:
            os.close(handle)
        with suppress(OSError):  # not empty
            for path in made:
                path.rmdir()


@contextmanager
def claim_fresh_folder(folder: Path) -> Iterator[Path]:
    """Claims `folder`, or the first of folder-2, folder-3 ... that nobody has."""
    with ExitStack() as stack:
        for number in itertools.count(1):
            candidate = folder if number == 1 else folder.with_name(f"{folder.name}-{number}")
            with suppress(FileExistsError):
                stack.enter_context(claim_folder(candidate))
                break
        yield candidate


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


def read_text(path: Path, largest: int = LARGEST) -> str:
    """The text in a file, and not more of it than there can be.

    Raises:
      CheckpointError: no such file, no file, or none of text; one that is larger.
    """
    try:
        if not path.is_file():  # a pipe would be waited for
            raise CheckpointError(f"{path} is {'no file' if os.path.lexists(path) else 'missing'}")
        with path.open("rb") as file:
            content = file.read(largest + 1)
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror}") from None
    if len(content) > largest:
        raise CheckpointError(f"{path} is larger than {largest} bytes")
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise CheckpointError(f"{path} is damaged: it is not text") from None


def read_json(path: Path, largest: int = LARGEST) -> dict[str, Any]:
    """The JSON object in a file.

    Raises:
      CheckpointError: as `read_text`, and where it holds anything else.
    """
    try:
        content = json.loads(read_text(path, largest))
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
