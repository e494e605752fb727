"""A peer in a process of its own."""

import json
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]


class PeerError(RuntimeError):
    """Why a peer gave no answer, in one line."""


class Peer:
    """A worker (see `worker.py`): a process that measures when it is told to, and otherwise sleeps."""

    def __init__(self, module: str, work: str, options: dict[str, Any], python: str = sys.executable) -> None:
        command = [python, "-m", "benchmarks.worker", module, work, json.dumps(options)]
        shown = ", ".join(f"{key} {value}" for key, value in options.items() if key != "folder")
        self.name = f"{module}.{work} ({shown})"
        self.process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def _ask(self, question: str) -> Any:
        assert self.process.stdin
        assert self.process.stdout
        with suppress(OSError):  # it has ended, and what it said last can be read
            self.process.stdin.write(f"{question}\n")
            self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise PeerError(show_end(self.process.wait()))
        given = json.loads(answer)
        if isinstance(given, str):
            raise PeerError(given)
        return given

    def start(self) -> float:
        """Compiles and warms up: the seconds that took."""
        return self._ask("start")

    def measure(self, seed: int) -> list[float]:
        """Seconds, loss and the largest memory so far in bytes."""
        return self._ask(str(seed))

    def close(self) -> None:
        self.process.communicate()


def show_end(status: int) -> str:
    """How a process has ended; a negative status is a signal's."""
    with suppress(ValueError):
        return f"the process was killed by {signal.Signals(-status).name}"
    return f"the process ended with exit status {status}"
