"""Processes that are killed at any moment, and gone on with, leave what they would have left otherwise."""

import os
import random
import re
import signal
import subprocess
import sys
import time
from itertools import product
from pathlib import Path

import pytest

from tests.command import left
from tests.jaxlearn.sample import sample

PROGRAM = [sys.executable, str(Path(__file__).parents[1] / "train.py"), "--dataset", "digits"]
KINDS = {
    "run": "--model softmax --epochs 60 --save-every 50steps --schedule cosine".split(),
    "another run": "--opt soap --set hidden=9 --clip 1 --epochs 20 --save-every 0.1s --seed 5".split(),
    "comparison": "--opt sgd,adam --model softmax --lr 1e-3:0.1:3 --seeds 2 --epochs 4 --width 1".split(),
}
LIMIT = 300  # seconds, after which a process hangs


def start(kind, folder):
    """Begins a run or comparison in a folder, or goes on with it, with a cache beside the folder."""
    arguments = [*PROGRAM, *KINDS[kind], "--out", str(folder)]
    if (folder / "config.json").exists():
        arguments = [*PROGRAM[:2], "--resume", str(folder)]
    environment = os.environ | {"JAXLEARN_CACHE": str(folder.with_name("cache"))}
    environment.pop("JAX_COMPILATION_CACHE_DIR")  # a process that is killed may leave half a file there
    pipe = subprocess.PIPE
    return subprocess.Popen(arguments, stdout=pipe, stderr=pipe, text=True, env=environment)


def finish(kind, folder):
    process = start(kind, folder)
    _, errors = process.communicate(timeout=LIMIT)
    assert (process.returncode, errors) == (0, "")
    return left(kind, folder)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """What an uninterrupted process leaves, and the seconds it takes: `whole(kind)`."""
    known = {}

    def measure(kind):
        if kind not in known:
            folder = tmp_path_factory.mktemp(kind) / "run"
            began = time.monotonic()
            known[kind] = finish(kind, folder), time.monotonic() - began
        return known[kind]

    return measure


def moments(seed, number=1):
    """Shares of the life of a process, anywhere in it."""
    generator = random.Random(seed)
    return [generator.random() for _ in range(number)]


@pytest.mark.parametrize("seed", sample(20, list(range(20))))
def test_a_run_killed_at_any_moment_ends_the_same(seed, whole, tmp_path):
    killed_and_resumed("run", moments(seed), whole, tmp_path / "run")


@pytest.mark.parametrize("seed", sample(20, list(range(20))))
def test_a_comparison_killed_at_any_moment_ends_the_same(seed, whole, tmp_path):
    killed_and_resumed("comparison", moments(seed), whole, tmp_path / "run")


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_killed_five_times_in_a_row_it_ends_the_same(kind, whole, tmp_path):
    killed_and_resumed(kind, moments(100, 5), whole, tmp_path / "run")


def killed_and_resumed(kind, shares, whole, folder):
    wanted, seconds = whole(kind)
    for share in shares:
        process = start(kind, folder)
        time.sleep(share * seconds)
        process.kill()
        process.communicate(timeout=LIMIT)
    assert finish(kind, folder) == wanted


def signal_after(text, process, *numbers):
    """Waits until the process has printed a text, and sends it signals."""
    for line in process.stdout:
        if text in line:
            break
    for number in numbers:
        process.send_signal(number)
    _, errors = process.communicate(timeout=LIMIT)
    return process.returncode, errors


STOPPED = {
    "run": (
        "epoch 12/60",
        r"stopping after this update; once more stops at once\n"
        r"train.py: stopped in epoch \d\d after step \d{3,4}, which is saved; go on with: (.*)\n",
    ),
    "comparison": ("sgd on softmax", r"train.py: stopped; what is finished is saved; go on with: (.*)\n"),
}


@pytest.mark.parametrize(
    ("kind", "number"), sample(4, list(product(STOPPED, [signal.SIGTERM, signal.SIGINT])))
)
def test_asked_to_stop_it_saves_and_says_how_to_go_on(kind, number, whole, tmp_path):
    folder = tmp_path / "run"
    moment, wanted = STOPPED[kind]
    status, errors = signal_after(moment, start(kind, folder), number)
    assert status == 128 + number
    told = re.fullmatch(wanted, errors)
    assert told, errors
    assert told[1] == f"python train.py --resume {folder}"
    assert finish(kind, folder) == whole(kind)[0]


@pytest.mark.slow
@pytest.mark.parametrize("kind", STOPPED)
@pytest.mark.parametrize("numbers", [(signal.SIGINT, signal.SIGTERM), (signal.SIGTERM, signal.SIGINT)])
def test_a_second_signal_ends_it_at_once_and_harms_nothing(kind, numbers, whole, tmp_path):
    folder = tmp_path / "run"
    process = start(kind, folder)
    status, errors = signal_after(STOPPED[kind][0], process, *numbers)
    assert status in (130, 143)
    assert "which is saved" not in errors
    assert "Traceback" not in errors
    assert finish(kind, folder) == whole(kind)[0]


@pytest.mark.slow
@pytest.mark.parametrize("kind", STOPPED)
@pytest.mark.parametrize("seed", range(10))
def test_asked_to_stop_at_any_moment_it_ends_with_a_line(kind, seed, whole, tmp_path):
    """Python itself, as long as it starts, is ended by the signal as any program is."""
    folder = tmp_path / "run"
    number = (signal.SIGTERM, signal.SIGINT)[seed % 2]
    wanted, seconds = whole(kind)
    process = start(kind, folder)
    time.sleep(moments(200 + seed)[0] * seconds)
    process.send_signal(number)
    _, errors = process.communicate(timeout=LIMIT)
    lines = errors.splitlines()
    assert all(line.startswith(("train.py: ", "stopping after this update; ")) for line in lines), errors
    assert (process.returncode, len(lines)) in [(0, 0), (-number, 0), (128 + number, 1), (128 + number, 2)]
    assert finish(kind, folder) == wanted
