"""The folder of a run: new or empty, and claimed by one process."""

import itertools
import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows, where two runs into one folder are not told apart
    fcntl = None  # type: ignore[assignment]


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
