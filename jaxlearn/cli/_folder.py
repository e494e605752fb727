"""The folder of a run or a comparison: new, empty or to go on in, and claimed by one process."""

import itertools
import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from jaxlearn._files import CheckpointError, read_signed, write_file, write_signed

from ._config import CompareConfig, from_json

try:
    import fcntl
except ImportError:  # Windows, where two runs into one folder are not told apart
    fcntl = None  # type: ignore[assignment]

WRITTEN = ("config.json", "sweeps/plan.safetensors")  # before the first sweep is finished


def default_folder(*parts: str) -> Path:
    """Where results go unless told, named after what is trained."""
    return Path("runs") / "-".join(parts).replace(":", "-").replace("/", "-")


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


def check_place(folder: Path, config: CompareConfig, resume: bool = False) -> None:
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
        if path.exists() and (different := _difference(path, config)):
            raise FileExistsError(f"{folder} holds another comparison: {different}; choose another --out")
    else:
        check_folder(folder)


def _difference(path: Path, config: CompareConfig) -> str | None:
    saved = from_json(read_signed(path), path)
    return saved.difference(config) if isinstance(saved, CompareConfig) else "it is a single run"


@contextmanager
def open_folder(folder: Path, config: CompareConfig, resume: bool = False) -> Iterator[Path]:
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
    write_signed(folder / "config.json", config.to_json())
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


def find_folder(folder: Path, config: CompareConfig) -> Path:
    """The first of folder, folder-2, folder-3 ... that is new or holds a part of the same comparison."""
    for number in itertools.count(1):
        candidate = folder if number == 1 else folder.with_name(f"{folder.name}-{number}")
        with suppress(FileExistsError):
            check_place(candidate, config)
            return candidate
    raise AssertionError
