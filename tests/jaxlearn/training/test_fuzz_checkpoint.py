"""Checkpoints with anything in them: each is read as it was saved, or refused in a line."""

import fnmatch
import json
import math
import os
import shutil
import subprocess
import tempfile
from collections import Counter
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import NamedTuple

import pytest

from jaxlearn import training
from jaxlearn.training._folder import to_json
from jaxlearn.training._keeper import best_epoch
from tests.jaxlearn import fuzz
from tests.jaxlearn.slow import every
from tests.jaxlearn.training.small import UPDATES, compile_small, run_to, same_state, save, sum_up

FIRST, SECOND = 5, 2 * UPDATES + 7  # updates after which the run was saved
CONFIG = {"model": "mlp", "sizes": {"hidden": 7}, "seed": 0, "epochs": 3, "clip": None, "seeds": [1, 2]}
SUMS, ABOUT = "SHA256SUMS", "about.json"
OPENED = 4e3  # bytes that tensorstore never gives back of a checkpoint it has opened


@pytest.fixture(scope="module")
def program():
    return compile_small()


@pytest.fixture(scope="module")
def folder(program):
    """Two checkpoints, in memory, where it takes a millisecond to write one again."""
    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as name:
        for step in (FIRST, SECOND):
            save(Path(name), program, run_to(program, 3, every=step, step=step), config=CONFIG)
        yield Path(name)


def read(folder):
    """The content of every file, by its name."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def without(name, files):
    return {key: content for key, content in files.items() if key != name}


def write(folder, files):
    try:
        shutil.rmtree(folder, ignore_errors=True)
    except RecursionError:  # see `nest`
        subprocess.run(["rm", "-r", folder], check=True)
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


def spoil_json(random, path):
    path.write_text(json.dumps(fuzz.change(random, json.loads(path.read_bytes()))))


def spoil_bytes(random, path):
    path.write_bytes(fuzz.spoil(random, path.read_bytes()))


def spoil_line(random, path):
    """Of a list of sums."""
    lines = path.read_text().splitlines()
    at = random.randrange(len(lines))
    digest, _, name = lines[at].partition("  ")
    other = random.choice([*fuzz.WORDS, name, ".", "..", "arrays", "/", f"{name} "])
    new = [f"{digest}  {other}", f"{'0' * 64}  {other}", lines[at].upper(), f"{digest} *{name}"]
    lines[at : at + random.randrange(2)] = random.choice([[], [random.choice(new)]])
    path.write_bytes("\n".join(lines).encode(errors="surrogatepass"))


def remove(random, path):
    path.unlink()


def swap(random, path):
    other = random.choice(sorted(p for p in path.parent.rglob("*") if p.is_file()))
    there, here = other.read_bytes(), path.read_bytes()
    path.write_bytes(there)
    other.write_bytes(here)


def add(random, path):
    name = random.choice(["x", "-", " ", SUMS, ABOUT, "a\nb", "ä", "x" * 255, ".hidden", "*"])
    place = path.parent / random.choice([".", "new", "arrays"]) / name
    if fuzz.make_folder(place.parent) and not os.path.lexists(place):
        place.write_bytes(random.randbytes(3))


def add_strange(random, path):
    fuzz.strange(random, path.parent / random.choice(["new", "arrays/new", "new/new"]))


def nest(random, path):
    """Folders in folders, some deeper than Python would follow."""
    here = os.open(path.parent, os.O_RDONLY)
    for _ in range(random.choice([50, 2000])):
        with suppress(FileExistsError):
            os.mkdir("x", dir_fd=here)
        before, here = here, os.open("x", os.O_RDONLY, dir_fd=here)
        os.close(before)
    os.close(here)


def grow(random, path):
    path.write_bytes(random.choice([b" ", b"[", b"\n"]) * (2**24 + random.randrange(2)))


class Attack(NamedTuple):
    weight: float
    ways: list
    files: str
    right: bool  # whether the sums are made right after it


ATTACKS = [
    Attack(40, [*[spoil_bytes] * 3, swap, add, add_strange, remove, fuzz.strange], "*", False),
    Attack(10, [spoil_line], SUMS, False),
    Attack(49, [*[spoil_json] * 20, spoil_bytes, add, add_strange], ABOUT, True),
    Attack(0.5, [spoil_bytes, swap, remove, fuzz.strange], "arrays/*", True),  # orbax takes a while to fail
    Attack(0.2, [grow], ABOUT, True),
    Attack(0.2, [grow, nest], "*", False),
]


def spoil(random, checkpoint, names):
    """Changes a checkpoint; returns how."""
    (attack,) = random.choices(ATTACKS, [attack.weight for attack in ATTACKS])
    for _ in range(random.choice([1, 1, 2, 3])):
        path = checkpoint / random.choice(fnmatch.filter(names, attack.files))
        if path.is_file():
            try:
                random.choice(attack.ways)(random, path)
            except (ValueError, RecursionError):  # no longer JSON, or a list
                spoil_bytes(random, path)
    if attack.right and not (checkpoint / SUMS).is_dir():
        sum_up(checkpoint)
    return attack


def examine(random, program, folder):
    """Reads a checkpoint that may be spoilt in one of three ways. Returns the arrays, if it can be read."""
    (way,) = random.choices(["check", "load", "restore"], [6, 3, 1])
    try:
        with fuzz.within(10):
            if way == "check":
                assert isinstance(training.check_checkpoint(folder / str(SECOND))["leaves"], dict)
                return "checked", None
            if way == "load":
                like = {"state": program.state, "measured": program.measured}
                return "read", training.load_checkpoint(folder / str(SECOND), like)
            position, wrong = training.restore(folder, program)
    except training.CheckpointError as error:
        assert way != "restore"  # the first checkpoint can still be read
        wrong = [str(error)]
    for line in wrong:
        assert len(line.splitlines()) == 1
        assert len(line) < 1000
    if way != "restore":
        return "refused", None
    if wrong:
        assert int(position.state.step) == FIRST
        return "refused", None
    assert (len(position.reports), position.done, int(position.state.step)) == (2, 7, SECOND)
    assert best_epoch(position.reports) in (1, 2, None)
    assert all(math.isfinite(report.seconds) for report in (position, *position.reports))
    assert all(isinstance(to_json(report._asdict()), str) for report in position.reports)
    return "read", {"state": position.state, "measured": position.measured}


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="makes files that are none")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # in threads that orbax leaves
@pytest.mark.parametrize("inputs", every(2, [200, 100_000]))
def test_a_checkpoint_is_read_as_it_was_saved_or_refused_in_a_line(inputs, program, folder):
    files, second = read(folder / str(SECOND)), folder / str(SECOND)
    wanted = training.load_checkpoint(second, {"state": program.state, "measured": program.measured})
    outcomes, most = Counter(), 0
    for number in range(inputs):
        random = Random(number)
        with fuzz.number(number):
            attack = spoil(random, second, sorted(files))
            outcome, arrays = examine(random, program, folder)
            now = files if outcome == "refused" else read(second)
            if outcome != "refused" and not attack.right:
                assert without(SUMS, now) == without(SUMS, files)
                assert not [path for path in second.rglob("*") if not (path.is_file() or path.is_dir())]
            if outcome == "read" and all(now.get(name) == files[name] for name in files if "/" in name):
                same_state(arrays, wanted)
            write(second, files)
        outcomes[outcome] += 1
        if number == inputs // 10:
            before = fuzz.memory()
        most = max(most, fuzz.memory())
    assert set(outcomes) == {"checked", "read", "refused"}
    assert min(outcomes.values()) > inputs / 50
    assert fuzz.memory() - before < 50e6 + OPENED * outcomes["read"]
    assert most - before < 500e6
