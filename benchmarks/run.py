"""jaxlearn beside its peers: `python -m benchmarks.run ../shared/data/mnist` writes benchmarks/RESULTS.md.

Every peer is a process of its own. They work in turn (A B A B ...), with the seeds 0, 1, 2 ..., after one
turn that is not counted. A ratio is that of the medians: above 1, jaxlearn is faster. With `--device gpu` it
measures the sections of `gpu.py`, and writes benchmarks/RESULTS-gpu.md.
"""

import argparse
import statistics
from pathlib import Path

from . import gpu_results, growth, machine
from .measured import Failed, Found, measure_in_turn, ratio, show_difference, show_ratio
from .peer import ROOT, Peer
from .problem import SEEDS, written_problems
from .rows import Row, make_rows
from .tables import line, write_readme

RESULTS = ROOT / "benchmarks" / "RESULTS.md"
NEWEST = ROOT / ".venv-newest" / "bin" / "python"


def measure_row(row: Row, folder: Path, repeats: int) -> dict[str, Found]:
    """What jaxlearn and each peer measured, in turn."""
    options = row.options | {"folder": str(folder)}
    ours, more = row.ours
    peers = {"jaxlearn": Peer(ours, row.work, options | more, row.python)}
    peers |= {name: Peer(module, row.work, options | more) for name, (module, more) in row.peers.items()}
    return measure_in_turn(peers, repeats)


def ratio_lines(found: dict[str, dict[str, Found]], rows: dict[str, Row]) -> list[str]:
    lines = [
        "| work | jaxlearn | against | theirs | ratio | at least | aim |",
        "|---|--:|---|--:|--:|--:|--:|",
    ]
    for name, measured in found.items():
        row, ours = rows[name], measured["jaxlearn"]
        for number, peer in enumerate(row.peers):
            bold = number == 0 and (ratio(measured[peer], ours) or 0) >= row.at_least
            shown = show_ratio(measured[peer], ours)
            bars = (row.at_least, row.aim) if number == 0 else ("", "")
            first = (row.title, ours) if number == 0 else ("", "")
            lines.append(line([*first, peer, measured[peer], f"**{shown}**" if bold else shown, *bars]))
    return lines


def loss_lines(found: dict[str, dict[str, Found]]) -> list[str]:
    """Whether all did the same work: the loss that each came to, over the first seeds."""
    lines = ["| work | peer | mean | sd over seeds | largest difference from jaxlearn, same seed |",
             "|---|---|--:|--:|--:|"]  # fmt: skip
    for name, measured in found.items():
        for peer, those in measured.items():
            if isinstance(those, Failed):
                lines.append(line([name, peer, those, "", ""]))
                continue
            losses = those.losses[:SEEDS]
            spread = statistics.stdev(losses) if len(losses) > 1 else 0.0
            apart = show_difference(measured["jaxlearn"], those)
            lines.append(line([name, peer, f"{statistics.mean(losses):.5f}", f"{spread:.5f}", apart]))
    return lines


def tried_lines(found: dict[str, dict[str, Found]], rows: dict[str, Row]) -> list[str]:
    lines = []
    for name, measured in found.items():
        row = rows[name]
        reached = ratio(measured[next(iter(row.peers))], measured["jaxlearn"])
        if reached is not None and reached < row.at_least:
            lines.append(f"- **{row.title}** ({reached:.2f} of {row.at_least}): {row.tried}")
    return lines


def readme_lines(found: dict[str, dict[str, Found]], rows: dict[str, Row]) -> list[str]:
    """The ratios against the first peer of each row."""
    lines = ["| work | against | times as fast |", "|---|---|--:|"]
    for name, measured in found.items():
        first = next(iter(rows[name].peers))
        shown = show_ratio(measured[first], measured["jaxlearn"])
        lines.append(line([rows[name].title, first, shown or "not measured"]))
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("mnist", type=Path, help="folder with the four files of MNIST")
    parser.add_argument("--rows", help="only these, with commas between; writes nothing")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--device", choices=["cpu", "gpu"], default="cpu")
    rehearsal = "a little of what --device gpu measures, on the CPU; writes nothing"
    parser.add_argument("--rehearse", action="store_true", help=rehearsal)
    args = parser.parse_args()
    if args.device == "gpu" or args.rehearse:
        gpu_results.main(args.mnist, args.rows, args.repeats, args.rehearse)
        return
    rows = make_rows(str(args.mnist.resolve()), NEWEST)
    if not NEWEST.exists():
        print("convolutions on the newest JAX are left out: make test-newest makes .venv-newest for them")
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

Made by `make bench`. {machine.describe()} Each time is the median of n = {args.repeats} (least to
largest), taken in turn with the peers in one run; a ratio is that of the medians, above 1 where jaxlearn is
faster, bold where it reaches what it should at least. PyTorch: fused Adam, channels last, data in tensors,
default threads.

{chr(10).join(ratio_lines(found, rows))}

## Below what it should be at least

{chr(10).join(tried_lines(found, rows)) or "None."}

## The same work

The loss on the test images after the epoch ("process": first weights and shuffling of their own; "grid": mean
over the epoch; "adam": root of the mean square of the parameters).

{chr(10).join(loss_lines(found))}

## Growth

{chr(10).join(grown)}"""
    RESULTS.write_text(text, encoding="utf-8")
    write_readme("benchmarks", readme_lines(found, rows))


if __name__ == "__main__":
    main()
