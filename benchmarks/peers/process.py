"""A whole process, from its start to its end."""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.peers import Measure

ROOT = Path(__file__).parents[2]
COMMANDS = {
    "ours": ["train.py", "--opt", "adam", "--epochs", "1"],
    "pytorch": ["benchmarks/peers/torch_script.py"],
}


def whole(folder: Path, command: str, mnist: str) -> Measure:
    """The test loss that it wrote goes with the seconds. What it compiles is kept from the first time on."""

    def measure(seed: int) -> tuple[float, float]:
        with tempfile.TemporaryDirectory() as parent:
            out = Path(parent, "out")
            arguments = ["--seed", str(seed), "--data-dir", mnist, "--out", str(out)]
            began = time.perf_counter()
            subprocess.run(
                [sys.executable, *COMMANDS[command], *arguments],
                cwd=ROOT, check=True, stdout=subprocess.DEVNULL,
                env=os.environ | {"JAXLEARN_CACHE": str(folder / "cache")},
            )  # fmt: skip
            seconds = time.perf_counter() - began
            return seconds, json.loads((out / "summary.json").read_text())["test_loss"]

    return measure
