"""A long run in one process holds what it held after twenty epochs: memory, programs, files, threads."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.jaxlearn.sample import small_first

SETTLED = 20  # epochs
ROOT = Path(__file__).parents[1]

# trains, and prints after each epoch what the process holds: bytes, programs compiled so far, files, threads
CHILD = """
import json, os, runpy, sys
import jax
from tests.jaxlearn import fuzz

compiled = 0

def count(event, *_, **__):
    global compiled
    compiled += event == "/jax/core/compile/backend_compile_duration"

class Watch:
    def write(self, text):
        if text.startswith("epoch"):
            held = fuzz.memory(), compiled, *(
                len(os.listdir(f"/proc/self/{what}")) for what in ("fd", "task"))
            print(json.dumps(held), file=sys.__stdout__)

    def flush(self):
        pass

    def isatty(self):
        return False

jax.monitoring.register_event_duration_secs_listener(count)
sys.stdout = Watch()
runpy.run_path("train.py", run_name="__main__")
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="the system does not tell")
@pytest.mark.parametrize(
    ("epochs", "save"), small_first((30, "1epochs"), (500, "1epochs"), (500, "10epochs"))
)
def test_nothing_grows_after_twenty_epochs(epochs, save, tmp_path):
    command = [sys.executable, "-c", CHILD, "--dataset", "digits", "--epochs", str(epochs)]
    command += ["--save-every", save, "--out", str(tmp_path / "run")]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "JAXLEARN_CACHE": str(tmp_path)}
    ended = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
    memory, programs, files, threads = zip(*map(json.loads, ended.stdout.splitlines()), strict=True)
    assert len(memory) == epochs
    assert max(memory[SETTLED:]) <= 1.05 * memory[SETTLED - 1]
    assert max(programs) == programs[0]
    assert max(files[SETTLED:]) <= files[SETTLED - 1]
    assert max(threads[SETTLED:]) <= threads[SETTLED - 1] + 2  # pools that grow when there is more at once
    assert len(list((tmp_path / "run" / "checkpoints").iterdir())) in (3, 4)
