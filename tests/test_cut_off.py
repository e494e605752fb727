"""Whatever change of a file a process comes to last: it can be gone on with, and ends the same."""

import os
import shutil
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

import pytest

from tests.command import left, run
from tests.jaxlearn import fuzz
from tests.jaxlearn.sample import small_first
from tests.jaxlearn.training.small import compiled_once

CHANGES = ("os.mkdir", "os.rename", "os.remove", "os.rmdir")
COMMON = ["--dataset", "digits", "--model", "softmax", "--batch-size", 256, "--epochs", 2]
KINDS = {
    "run": ["--save-every", "4steps", "--keep", 1],
    "comparison": ["--opt", "sgd,adam", "--lr", "0.01,0.1", "--seeds", 1, "--width", 1],
}


@contextmanager
def copying(folder, into):
    """Copies a folder before each change that Python makes in it, as a process that is killed leaves it.

    Before a file gets its name, it is copied again with half of its content.
    """
    busy = Lock()  # copying changes files, too

    def copy(event, arguments):
        opened = event == "open" and isinstance(arguments[2], int)
        changes = event in CHANGES or (opened and arguments[2] & (os.O_WRONLY | os.O_RDWR))
        if not changes or not folder.exists() or not busy.acquire(blocking=False):
            return
        try:
            number = len(list(into.iterdir()))
            shutil.copytree(folder, into / f"{number} {event}")
            source = Path(os.fsdecode(arguments[0]))
            if event == "os.rename" and source.is_file() and source.is_relative_to(folder):
                half = into / f"{number + 1} half"
                shutil.copytree(folder, half)
                os.truncate(half / source.relative_to(folder), source.stat().st_size // 2)
        finally:
            busy.release()

    with fuzz.hooked(copy):
        yield


@pytest.mark.parametrize("step", small_first(50, 1))
@pytest.mark.parametrize("kind", KINDS)
def test_cut_off_before_any_change_of_a_file_it_ends_the_same(kind, step, tmp_path, empty_folder, capsys):
    folder, copies, command = tmp_path / "run", tmp_path / "copies", [*COMMON, *KINDS[kind]]
    copies.mkdir()
    with compiled_once(tmp_path / "compiled"):
        with copying(folder, copies):
            assert run(*command, "--out", folder) == 0
        found = sorted(copies.iterdir(), key=lambda path: int(path.name.split()[0]))
        wanted, whole = left(kind, folder), {path.name for path in folder.iterdir()}
        assert len(found) > 20
        for copy in found[::step]:
            shutil.rmtree(folder)
            shutil.copytree(copy, folder)
            arguments = (
                ["--resume", folder] if (folder / "config.json").exists() else [*command, "--out", folder]
            )
            capsys.readouterr()
            assert run(*arguments) == 0, (copy.name, capsys.readouterr().err)
            assert left(kind, folder) == wanted, copy.name
            assert {path.name for path in folder.iterdir()} == whole, copy.name
