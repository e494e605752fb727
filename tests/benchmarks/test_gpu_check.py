"""The script for a machine with a GPU, with a Python that only says what it was asked for."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "gpu_check.sh"
PYTHON = """#!/bin/sh
echo "cache $JAXLEARN_CACHE"
echo "$PWD: $*"
case "$*" in
*devices*) exit $NO_DEVICE ;;
*--lr*) exit 3 ;;
*benchmarks.run*) echo "a row" && exec sleep "$SLEEP" ;;
esac
"""

pytestmark = pytest.mark.skipif(not (shutil.which("bash") and shutil.which("timeout")), reason="needs GNU")


@pytest.fixture
def check(tmp_path):
    """`check(*arguments, **environment)`: the exit status, the lines of the summary and the log."""
    python = tmp_path / "python"
    python.write_text(PYTHON)
    python.chmod(0o755)
    (tmp_path / "data" / "mnist").mkdir(parents=True)
    environment = os.environ | {
        "OUT": str(tmp_path / "out"), "JAXLEARN_DATA": str(tmp_path / "data"), "DEVICE": "cpu",
        "NO_DEVICE": "0", "SLEEP": "0",
    }  # fmt: skip

    def check(*arguments, **more):
        command = ["bash", str(SCRIPT), str(python), *map(str, arguments)]
        status = subprocess.run(command, env=environment | more, capture_output=True).returncode
        return status, *((tmp_path / "out" / f"{n}.txt").read_text().splitlines() for n in ("summary", "log"))

    return check


def test_a_step_that_fails_is_told_and_the_others_go_on(check, tmp_path):
    older = tmp_path / "older"
    older.mkdir()
    status, summary, log = check(older)
    assert status == 1
    steps = [line.partition(" s, exit status ")[::2] for line in summary[1:-1]]
    commands = ["one run, empty cache: ", "one run, filled cache: ", "comparison, empty cache: "]
    timed = [f"{which}: {command}" for which in ("now", "older") for command in commands]
    names = ["device: ", *timed, "bench: ", "tests: "]
    assert [name.rstrip("0123456789.,") for name, _ in steps] == names
    assert [int(rest[0]) for _, rest in steps] == [0, 0, 0, 3, 0, 0, 3, 0, 0]
    ran = [line for line in log if "train.py" in line and not line.startswith("==")]
    folders = [line.partition(": ")[0] for line in ran]
    assert folders == [str(SCRIPT.parents[1])] * 3 + [str(older)] * 3
    caches = [line for line in log if line.startswith("cache /")]
    assert caches[0] == caches[1]
    assert len(set(caches)) == 4


def test_without_the_device_nothing_else_is_done(check):
    status, summary, _ = check(NO_DEVICE="1")
    assert status == 1
    assert len(summary) == 2


def test_steps_are_cut_off_when_the_time_is_over_and_leave_what_they_printed(check):
    status, summary, log = check(SLEEP="30", LIMIT="2", STEPS="bench tests")
    assert status == 1
    assert " s, exit status 124 (cut off); its last line: a row" in summary[2]
    assert summary[3] == "tests: not run, the time is over"
    assert "a row" in log


def test_a_step_that_is_unknown_is_told(check):
    status, summary, _ = check(STEPS="benches")
    assert status == 1
    assert summary[2] == "STEPS: benches is unknown; known are times, bench, tests"
