"""A peer in a process of its own."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]


class Peer:
    """A worker (see `worker.py`): a process that measures when it is told to, and otherwise sleeps."""

    def __init__(self, module: str, work: str, options: dict[str, Any]) -> None:
        command = [sys.executable, "-m", "benchmarks.worker", module, work, json.dumps(options)]
        self.name = f"{module}.{work} {options}"
        self.process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._answer()  # ready

    def _answer(self) -> str:
        assert self.process.stdout
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.name} has ended: see above")
        return line

    def measure(self, seed: int) -> list[float]:
        """Seconds, loss and the largest memory so far in bytes."""
        assert self.process.stdin
        self.process.stdin.write(f"{seed}\n")
        self.process.stdin.flush()
        return json.loads(self._answer())

    def close(self) -> None:
        self.process.communicate()
