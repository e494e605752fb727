"""jaxlearn beside its peers: `python -m benchmarks.run ../shared/data/mnist` writes benchmarks/RESULTS.md.

Every peer is a process of its own. They work in turn (A B A B ...), with the seeds 0, 1, 2 ..., after one
turn that is not counted. A ratio is that of the medians: above 1, jaxlearn is faster.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

from .problem import write_problems
from .rows import Row, make_rows

ROOT = Path(__file__).parents[1]


class Peer:
    """A worker: a process that measures when it is told to."""

    def __init__(self, module: str, work: str, options: dict[str, Any]) -> None:
        command = [sys.executable, "-m", "benchmarks.worker", module, work, json.dumps(options)]
        self.process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.answer()  # ready

    def answer(self) -> str:
        assert self.process.stdout
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{' '.join(map(str, self.process.args))} has ended")  # type: ignore[arg-type]
        return line

    def measure(self, seed: int) -> list[float]:
        assert self.process.stdin
        self.process.stdin.write(f"{seed}\n")
        self.process.stdin.flush()
        return json.loads(self.answer())

    def close(self) -> None:
        self.process.communicate()


class Measured(NamedTuple):
    seconds: list[float]
    losses: list[float]
    memory: float


def measure_row(row: Row, folder: Path, repeats: int) -> dict[str, Measured]:
    """What jaxlearn and each peer measured, in turn."""
    options = row.options | {"folder": str(folder)}
    started = {
        name: Peer(module, row.work, options | more)
        for name, (module, more) in {"jaxlearn": row.ours, **row.peers}.items()
    }
    answers: dict[str, list[list[float]]] = {name: [] for name in started}
    for seed in range(repeats):
        for name, peer in started.items():
            answers[name].append(peer.measure(seed))
    for peer in started.values():
        peer.close()
    return {
        name: Measured([a[0] for a in each], [a[1] for a in each], each[-1][2])
        for name, each in answers.items()
    }


def show(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds >= 1 else f"{1e3 * seconds:.3g} ms"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("mnist", type=Path)
    parser.add_argument("--rows", help="only these, with commas between")
    parser.add_argument("--repeats", type=int, default=7)
    args = parser.parse_args()
    rows = make_rows(str(args.mnist.resolve()))
    chosen = args.rows.split(",") if args.rows else list(rows)
    with tempfile.TemporaryDirectory() as parent:
        folder = Path(parent)
        subprocess.run(
            [sys.executable, "-m", "benchmarks.problem", parent, str(args.mnist)], check=True, cwd=ROOT
        )
        for name in chosen:
            found = measure_row(rows[name], folder, args.repeats)
            ours = statistics.median(found["jaxlearn"].seconds)
            for peer, measured in found.items():
                middle = statistics.median(measured.seconds)
                print(f"{name:20s} {peer:14s} {show(middle):>9s} ({show(min(measured.seconds))} to "
                      f"{show(max(measured.seconds))}) ratio {middle / ours:.2f} "
                      f"loss {statistics.mean(measured.losses):.4f}", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
