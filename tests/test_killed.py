"""Processes that are killed at any moment, and gone on with, leave what they would have left otherwise."""

import csv
import json
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.jaxlearn.slow import every

PROGRAM = [sys.executable, str(Path(__file__).parents[1] / "train.py")]
KINDS = {
    "run": "--model mlp --set hidden=16 --epochs 60 --save-every 50steps --schedule cosine --clip 1".split(),
    "comparison": "--opt sgd,adam --model softmax --lr 1e-3:0.1:3 --seeds 2 --epochs 4 --width 1".split(),
}
LIMIT = 300  # seconds, after which a process hangs

pytestmark = pytest.mark.usefixtures("empty_folder")


def start(*arguments):
    command = [*PROGRAM, *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wait(process):
    """Status, output and errors of a process; the seconds that it took are those until now."""
    out, errors = process.communicate(timeout=LIMIT)
    return process.returncode, out, errors


def command(kind, folder):
    """What goes on with a run in a folder, or begins it."""
    if (folder / "config.json").exists():
        return ["--resume", str(folder)]
    return ["--dataset", "digits", *KINDS[kind], "--out", str(folder)]


def finish(kind, folder):
    status, _, errors = wait(start(*command(kind, folder)))
    assert (status, errors) == (0, "")
    return left(kind, folder)


def left(kind, folder):
    """What must be equal: all numbers but the seconds."""
    if kind == "comparison":
        rows = list(csv.DictReader((folder / "results.csv").read_text().splitlines()))
        return [{name: value for name, value in row.items() if "seconds" not in name} for row in rows]
    summary = json.loads((folder / "summary.json").read_text())
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return summary["params_digest"], [line | {"seconds": 0} for line in lines]


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


def kill(kind, folder, seconds):
    process = start(*command(kind, folder))
    time.sleep(seconds)
    process.send_signal(signal.SIGKILL)
    wait(process)


def moments(seed, number=1):
    """Shares of a process's life, anywhere in it."""
    generator = random.Random(seed)
    return [generator.random() for _ in range(number)]


@pytest.mark.parametrize("seed", every(10, list(range(20))))
def test_a_run_killed_at_any_moment_ends_the_same(seed, whole, tmp_path):
    killed_and_resumed("run", moments(seed), whole, tmp_path)


@pytest.mark.parametrize("seed", every(20, list(range(20))))
def test_a_comparison_killed_at_any_moment_ends_the_same(seed, whole, tmp_path):
    killed_and_resumed("comparison", moments(seed), whole, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_killed_five_times_in_a_row(kind, whole, tmp_path):
    killed_and_resumed(kind, moments(100, 5), whole, tmp_path)


def killed_and_resumed(kind, shares, whole, tmp_path):
    wanted, seconds = whole(kind)
    for share in shares:
        kill(kind, tmp_path / "run", share * seconds)
    assert finish(kind, tmp_path / "run") == wanted
