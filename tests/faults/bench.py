"""Where faults are tried: folders, runs to be spoilt, and processes that are watched."""

import hashlib
import io
import os
import shlex
import shutil
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import chdir, contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from threading import Thread
from typing import Any, NamedTuple

import jax
import pytest
from jax.experimental.compilation_cache import compilation_cache

import jaxlearn
import train
from jaxlearn._store import read_arrays
from tests.jaxlearn import fuzz

ROOT = Path(__file__).parents[2]
LIMIT = 120  # seconds in which every command must end, on a busy machine too
DIGITS = "--dataset digits --model softmax --batch-size 128"
SAVED = f"{DIGITS} --save-every 1epochs"  # 11 updates an epoch: checkpoints 11, 22, 33
THREE, FOUR = f"{SAVED} --epochs 3", f"{SAVED} --epochs 4"
GRID = f"{DIGITS} --opt sgd,adam --lr 0.01,0.1 --seeds 2 --epochs 2 --width 1"


class Ended(NamedTuple):
    """How a command ended: its exit status, and what it printed."""

    status: int
    out: str
    err: str


class Contents(NamedTuple):
    """What is in a folder: the digest of each file, the checkpoints that can be read, and the folders."""

    files: dict[str, str]
    checkpoints: set[str]
    folders: set[str]


class Bench:
    """Runs to be spoilt, each made once in `root`."""

    def __init__(self, root: Path):
        self.root = root
        self.made: dict[str, Path] = {}

    def undisturbed(self, command: str) -> Path:
        """The folder of the run or comparison of a command line, which nothing has disturbed."""
        if command not in self.made:
            place = Place(self, self.root / f"undisturbed-{len(self.made)}")
            ended = (place.process if "," in command else place.main)(command, "--out run")
            assert (ended.status, ended.err) == (0, ""), ended
            self.made[command] = place.run
        return self.made[command]


class Place:
    """A new folder, in which commands run; `run` is the folder in it that they are about."""

    def __init__(self, bench: Bench, folder: Path):
        self.bench, self.folder, self.run = bench, folder, folder / "run"
        self.before: Contents | None = None  # what was there when the first command began
        folder.mkdir(parents=True)

    def copy(self, command: str) -> Path:
        """A copy of an undisturbed run, to be spoilt."""
        return Path(shutil.copytree(self.bench.undisturbed(command), self.run))

    def contents(self) -> Contents:
        """What is there now. Names to come, `.x.new`, count; named pipes and what may not be read do not."""
        files = {}
        for path in sorted(self.folder.rglob("*")):
            if path.is_file() and os.access(path, os.R_OK):
                files[str(path.relative_to(self.folder))] = hashlib.sha256(path.read_bytes()).hexdigest()
        numbered = (path for path in self.folder.rglob("checkpoints/*") if path.stem.isdigit())
        checkpoints = {str(path.relative_to(self.folder)) for path in numbered if is_whole(path)}
        folders = {str(path.relative_to(self.folder)) for path in self.folder.rglob("*") if path.is_dir()}
        return Contents(files, checkpoints, folders)

    def main(self, *command: str) -> Ended:
        """Runs a command in this process, which takes a fraction of the time of one of its own."""
        self.before = self.before or self.contents()
        out, err = io.StringIO(), io.StringIO()
        with chdir(self.folder), redirect_stdout(out), redirect_stderr(err), fuzz.within(LIMIT):
            try:
                status = train.main(words(*command))
            except (Exception, fuzz.TooLong):
                status = 1
                traceback.print_exc(file=err)
        return Ended(status, out.getvalue(), err.getvalue())

    def process(self, *command: str, under: Sequence[str] = (), env: Mapping[str, str] = {}) -> Ended:
        """Runs a command in a process of its own."""
        return self.start(*command, under=under, env=env).wait()

    def start(self, *command: str, under: Sequence[str] = (), env: Mapping[str, str] = {}) -> "Process":
        """Starts a process of its own; `under` is a command in front of the command line, such as prlimit."""
        self.before = self.before or self.contents()
        return Process([*under, sys.executable, str(ROOT / "train.py"), *words(*command)], self.folder, env)


class Process:
    """A process that is watched; `out` and `err` are its lines so far."""

    def __init__(self, command: list[str], folder: Path, env: Mapping[str, str]):
        self.end = time.monotonic() + LIMIT
        pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        pipes |= {"encoding": "utf-8", "errors": "backslashreplace"}
        self.child = subprocess.Popen(command, cwd=folder, env={**os.environ, **env}, **pipes)
        self.out: list[str] = []
        self.err: list[str] = []
        self.readers = [
            Thread(target=self.out.extend, args=[self.child.stdout]),
            Thread(target=self.err.extend, args=[self.child.stderr]),
        ]
        for reader in self.readers:
            reader.start()

    def until(self, seen: Callable[[], Any]) -> None:
        """Waits until something is seen, which must be before the process ends."""
        while not seen():
            if self.child.poll() is not None or time.monotonic() > self.end:
                self.err.append("it has ended too soon\n")
                break
            time.sleep(0.001)

    def wait(self) -> Ended:
        try:
            status = self.child.wait(max(0.0, self.end - time.monotonic()))
        except subprocess.TimeoutExpired:
            self.child.kill()
            status = self.child.wait()
            self.err.append(f"killed: not ended after {LIMIT} seconds\n")
        for reader in self.readers:
            reader.join()
        for pipe in (self.child.stdout, self.child.stderr):
            pipe.close()
        return Ended(status, "".join(self.out), "".join(self.err))


Act = Callable[[Place], Ended]  # makes a fault, and tells how the command ended
Spoil = Callable[[], Any]  # breaks something in the folder of a place, where it is called


def spoilt(base: str, command: str, *spoils: Spoil, real: bool = False) -> Act:
    """Spoils an undisturbed run and then runs a command; `real`: in a process of its own."""

    def act(place: Place) -> Ended:
        place.copy(base)
        with chdir(place.folder):
            for spoil in spoils:
                spoil()
        return (place.process if real else place.main)(command)

    return act


def words(*command: str) -> list[str]:
    return shlex.split(" ".join(command))


def is_whole(checkpoint: Path) -> bool:
    try:
        return bool(read_arrays(checkpoint))
    except jaxlearn.CheckpointError:
        return False


@contextmanager
def set_up(root: Path) -> Iterator[Bench]:
    """A bench without a network, with caches of its own, that of compiled programs for this process too."""
    options = {"jax_compilation_cache_dir": str(root / "cache" / "compiled")}
    options |= {"jax_persistent_cache_min_compile_time_secs": 0}
    before = {name: getattr(jax.config, name) for name in options}
    env = {"JAXLEARN_CACHE": str(root / "cache"), "JAXLEARN_MIRROR": "http://127.0.0.1:9"}
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("JAX_COMPILATION_CACHE_DIR", raising=False)
        for name, value in (env | {"TFDS_DATA_DIR": "prepared"}).items():
            patch.setenv(name, value)
        set_options(options)
        try:
            yield Bench(root)
        finally:
            set_options(before)


def set_options(options: dict[str, Any]) -> None:
    for name, value in options.items():
        jax.config.update(name, value)
    compilation_cache.reset_cache()
