"""jaxlearn beside its peers: `python -m benchmarks.run ../shared/data/mnist` writes benchmarks/RESULTS.md.

Every peer is a process of its own. They work in turn (A B A B ...), with the seeds 0, 1, 2 ..., after one
turn that is not counted. A ratio is that of the medians: above 1, jaxlearn is faster. With `--device gpu` it
measures what `gpu.py` says, and writes benchmarks/RESULTS-gpu.md.
"""

import argparse
import importlib.metadata
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from . import growth
from .growth import show
from .peer import ROOT, Peer
from .problem import SEEDS
from .rows import Row, make_rows

RESULTS, README = ROOT / "benchmarks" / "RESULTS.md", ROOT / "README.md"
PACKAGES = ("jax", "jaxlib", "numpy", "optax", "flax", "torch")
BEGIN, END = "<!-- benchmarks -->", "<!-- end of benchmarks -->"


class Measured(NamedTuple):
    """What one peer gave, in the order of the seeds."""

    seconds: list[float]
    losses: list[float]

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    def __str__(self) -> str:
        return f"{show(self.median)} ({show(min(self.seconds))} to {show(max(self.seconds))})"


def measure_row(row: Row, folder: Path, repeats: int) -> dict[str, Measured]:
    """What jaxlearn and each peer measured, in turn."""
    options = row.options | {"folder": str(folder)}
    peers = {"jaxlearn": row.ours, **row.peers}
    return measure_in_turn(
        {name: Peer(module, row.work, options | more) for name, (module, more) in peers.items()}, repeats
    )


def measure_in_turn(
    started: dict[str, Peer], repeats: int, fewer: Mapping[str, int] = MappingProxyType({})
) -> dict[str, Measured]:
    """What each peer measured with the seeds 0, 1, 2 ...; then they end. `fewer`: the turns of those that
    take less than the rest."""
    answers: dict[str, list[list[float]]] = {name: [] for name in started}
    for seed in range(repeats):
        for name, peer in started.items():
            if seed < fewer.get(name, repeats):
                answers[name].append(peer.measure(seed))
    for peer in started.values():
        peer.close()
    return {name: Measured([a[0] for a in each], [a[1] for a in each]) for name, each in answers.items()}


def ratio_lines(found: dict[str, dict[str, Measured]], rows: dict[str, Row]) -> list[str]:
    lines = [
        "| work | jaxlearn | against | theirs | ratio | at least | aim |",
        "|---|--:|---|--:|--:|--:|--:|",
    ]
    for name, measured in found.items():
        row, ours = rows[name], measured["jaxlearn"]
        for number, peer in enumerate(row.peers):
            ratio = measured[peer].median / ours.median
            bars = f"{row.at_least} | {row.aim}" if number == 0 else " | "
            shown = f"**{ratio:.2f}**" if number == 0 and ratio >= row.at_least else f"{ratio:.2f}"
            first = (row.title, str(ours)) if number == 0 else ("", "")
            lines.append(f"| {first[0]} | {first[1]} | {peer} | {measured[peer]} | {shown} | {bars} |")
    return lines


def loss_lines(found: dict[str, dict[str, Measured]]) -> list[str]:
    """Whether all did the same work: the loss that each came to, over the first seeds."""
    lines = ["| work | peer | mean | sd over seeds | largest difference from jaxlearn, same seed |",
             "|---|---|--:|--:|--:|"]  # fmt: skip
    for name, measured in found.items():
        ours = measured["jaxlearn"].losses[:SEEDS]
        for peer, those in measured.items():
            losses = those.losses[:SEEDS]
            spread = statistics.stdev(losses) if len(losses) > 1 else 0.0
            apart = max(abs(a - b) for a, b in zip(ours, losses, strict=True))
            lines.append(f"| {name} | {peer} | {statistics.mean(losses):.5f} | {spread:.5f} | {apart:.1e} |")
    return lines


def tried_lines(found: dict[str, dict[str, Measured]], rows: dict[str, Row]) -> list[str]:
    lines = []
    for name, measured in found.items():
        row = rows[name]
        ratio = measured[next(iter(row.peers))].median / measured["jaxlearn"].median
        if ratio < row.at_least:
            lines.append(f"- **{row.title}** ({ratio:.2f} of {row.at_least}): {row.tried}")
    return lines


def version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def machine() -> str:
    about = Path("/proc/cpuinfo").read_text().splitlines()
    names = [line.partition(":")[2].strip() for line in about if line.startswith("model name")]
    name = names[0] if names else platform.machine()
    versions = ", ".join(f"{package} {version(package)}" for package in PACKAGES)
    return (f"{len(os.sched_getaffinity(0))} cores of {name}, {platform.system()}, Python "
            f"{platform.python_version()}; {versions}.")  # fmt: skip


def write_readme(results: str) -> None:
    """Puts the ratios against the first peer of each row between the marks in the README."""
    lines = ["| work | against | times as fast |", "|---|---|--:|"]
    for line in results.splitlines():
        cells = [cell.strip() for cell in line.split("|")[1:-1]]
        if len(cells) == 7 and cells[5].replace(".", "").isdigit():
            lines.append(f"| {cells[0]} | {cells[2]} | {cells[4].strip('*')} |")
    text = README.read_text()
    before, after = text[: text.index(BEGIN)], text[text.index(END) :]
    README.write_text("\n".join([before + BEGIN, *lines, after]))


@contextmanager
def written_problems(mnist: Path) -> Iterator[Path]:
    """A folder with what every peer works on, for as long as it is needed."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "benchmarks.problem", folder, str(mnist.resolve())]
        subprocess.run(command, check=True, cwd=ROOT)
        yield Path(folder)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("mnist", type=Path, help="folder with the four files of MNIST")
    parser.add_argument("--rows", help="only these, with commas between; writes nothing")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--device", choices=["cpu", "gpu"], default="cpu")
    args = parser.parse_args()
    if args.device == "gpu":
        from . import gpu  # which imports this module

        gpu.main(args.mnist, args.rows, args.repeats)
        return
    rows = make_rows(str(args.mnist.resolve()))
    chosen = args.rows.split(",") if args.rows else list(rows)
    found = {}
    with written_problems(args.mnist) as folder:
        for name in chosen:
            found[name] = measure_row(rows[name], folder, args.repeats)
            print("\n".join(ratio_lines({name: found[name]}, rows)[2:]), flush=True)
        if args.rows:
            print("\n".join(loss_lines(found)))
            return
        grown = growth.tables(folder)
    text = f"""# Benchmarks

Made by `make bench`. {machine()} Each time is the median of n = {args.repeats} (least to largest), taken in
turn with the peers in one run; a ratio is that of the medians, above 1 where jaxlearn is faster, bold where
it reaches what it should at least. PyTorch: fused Adam, channels last, data in tensors, default threads.

{chr(10).join(ratio_lines(found, rows))}

## Below what it should be at least

{chr(10).join(tried_lines(found, rows)) or "None."}

## The same work

The loss on the test images after the epoch ("process": first weights and shuffling of their own; "grid": mean
over the epoch; "adam": root of the mean square of the parameters).

{chr(10).join(loss_lines(found))}

## Growth

{chr(10).join(grown)}"""
    RESULTS.write_text(text)
    write_readme(text)


if __name__ == "__main__":
    main()
