"""Checkpoints with anything in them: each is read as it was saved, or refused in a line."""

import math
import os
import shutil
import tempfile
from collections import Counter
from pathlib import Path
from random import Random
from typing import NamedTuple

import numpy as np
import pytest

import jaxlearn
from jaxlearn import recording
from jaxlearn._files import to_json
from jaxlearn._store import read_arrays
from jaxlearn.recording._keeper import load_position
from tests.jaxlearn import fuzz
from tests.jaxlearn.sample import small_first
from tests.jaxlearn.training.small import UPDATES, compile_small, rewrite, run_to, same_state, save

FIRST, SECOND = 5, 2 * UPDATES + 7  # updates after which the run was saved
CONFIG = {"model": "mlp", "sizes": {"hidden": 7}, "seed": 0, "epochs": 3, "clip": None, "seeds": [1, 2]}


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


def spoil_bytes(random, path):
    path.write_bytes(fuzz.spoil(random, path.read_bytes()))


def spoil_header(random, path):
    """What the first hundreds of bytes say is what everything else is read by."""
    content = path.read_bytes()
    end = 8 + int.from_bytes(content[:8], "little")
    header = fuzz.spoil(random, content[8:end])
    path.write_bytes(len(header).to_bytes(8, "little") + header + content[end:])


def spoil_about(random, path):
    """What is said of the arrays, with a sum that agrees."""
    rewrite(path, lambda arrays, about: fuzz.change(random, about))


def spoil_arrays(random, path):
    """An array is gone, or another, or there twice, with a sum that agrees."""

    def change(arrays, about):
        name, other = random.choice(sorted(arrays)), random.choice(sorted(arrays))
        array = arrays.pop(name)
        for_it = [None, array[..., None], array.astype(np.float64), array + 1, arrays.get(other, array)]
        if (new := random.choice(for_it)) is not None:
            arrays[name] = new
        arrays |= {random.choice([other, "x", "", "a/b"]): array} if random.random() < 0.2 else {}

    rewrite(path, change)


def grow(random, path):
    path.write_bytes(random.choice([b" ", b"[", b"\n"]) * (2**24 + random.randrange(2)))


class Attack(NamedTuple):
    weight: float
    way: object
    right: bool  # whether the sum agrees after it


ATTACKS = [
    Attack(25, spoil_bytes, False),
    Attack(25, spoil_header, False),
    Attack(40, spoil_about, True),
    Attack(8, spoil_arrays, True),
    Attack(2, fuzz.strange, False),
    Attack(0.2, grow, False),
]


def spoil(random, checkpoint):
    """Changes a checkpoint; returns how."""
    (attack,) = random.choices(ATTACKS, [attack.weight for attack in ATTACKS])
    for _ in range(random.choice([1, 1, 2, 3])):
        try:
            attack.way(random, checkpoint)
        except (jaxlearn.CheckpointError, TypeError, ValueError):  # no longer a checkpoint, or JSON
            break
    return attack


def examine(random, program, folder):
    """Reads a checkpoint that may be spoilt in one of three ways. Returns the arrays, if it can be read."""
    (way,) = random.choices(["read", "load", "restore"], [4, 5, 1])
    path = folder / f"{SECOND}.safetensors"
    try:
        with fuzz.within(10):
            if way == "read":
                assert isinstance(read_arrays(path).about, dict)
                return "checked", None
            if way == "load":
                position, wrong = load_position(path, program), []
            else:
                position, wrong = recording.restore(folder, program)
    except jaxlearn.CheckpointError as error:
        assert way != "restore"  # the first checkpoint can still be read
        wrong = [str(error)]
    for line in wrong:
        assert len(line.splitlines()) == 1
        assert len(line) < 1000
    if wrong:
        assert way != "restore" or int(position.state.step) == FIRST
        return "refused", None
    assert (len(position.reports), position.done, int(position.state.step)) == (2, 7, SECOND)
    assert position.best_epoch in (1, 2, None)
    assert math.isfinite(position.seconds)
    assert all(isinstance(to_json(report._asdict()), str) for report in position.reports)
    return "read", {"state": position.state}


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="makes files that are none")
@pytest.mark.parametrize("inputs", small_first(200, 100_000))
def test_a_checkpoint_is_read_as_it_was_saved_or_refused_in_a_line(inputs, program, folder):
    second = folder / f"{SECOND}.safetensors"
    content, saved = second.read_bytes(), load_position(second, program)
    wanted, arrays = {"state": saved.state}, read_arrays(second).arrays
    outcomes, most = Counter(), 0
    for number in range(inputs):
        random = Random(number)
        with fuzz.number(number):
            attack = spoil(random, second)
            outcome, found = examine(random, program, folder)
            if outcome != "refused" and not attack.right:
                assert second.read_bytes() == content
            if outcome == "read" and same_arrays(read_arrays(second).arrays, arrays):
                same_state(found, wanted)
            write_again(second, content)
        outcomes[outcome] += 1
        if number == inputs // 10:
            before = fuzz.memory()
        most = max(most, fuzz.memory())
    assert set(outcomes) == {"checked", "read", "refused"}
    assert min(outcomes.values()) > inputs / 50
    assert fuzz.memory() - before < 50e6
    assert most - before < 500e6


def same_arrays(there, here):
    return there.keys() == here.keys() and all(np.array_equal(there[name], here[name]) for name in here)


def write_again(path, content):
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
    path.write_bytes(content)
