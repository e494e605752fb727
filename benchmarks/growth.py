"""How time and memory grow with the size of the work, beside the floor of this machine."""

import math
import statistics
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from .peer import Peer
from .tables import heading, line, show

REPEATS = 3
FORWARD_AND_BACKWARD = 3  # products: the output, the gradient of the weights, that of the input


def products(hidden: int = 100) -> int:
    """FLOPs that an example of the MLP takes; the first layer needs no gradient of its input."""
    weights = [784 * hidden, hidden * hidden, hidden * 10]
    return 2 * (FORWARD_AND_BACKWARD * sum(weights) - weights[0])


def parameters(hidden: int = 100) -> int:
    return 784 * hidden + hidden + hidden * hidden + hidden + hidden * 10 + 10


def measure(work: str, options: dict[str, Any]) -> tuple[float, float]:
    """Median of the seconds, and the largest memory of the process in bytes."""
    peer = Peer("ours", work, options)
    peer.start()
    answers = [peer.measure(seed) for seed in range(REPEATS)]
    peer.close()
    return statistics.median(answer[0] for answer in answers), answers[-1][2]


def table(
    title: str, unit: str, points: Iterable[Any], options: Callable[[Any], tuple[str, dict[str, Any]]],
    floor: Callable[[Any], float],
) -> list[str]:  # fmt: skip
    """A table in Markdown: for each point its time, that of the floor and the peak of memory."""
    lines = [f"### {title}", "", *heading([unit, "time", "floor", "times the floor", "peak memory"])]
    for point in points:
        seconds, memory = measure(*options(point))
        least = floor(point)
        peak = "unknown" if math.isnan(memory) else f"{memory / 2**20:,.0f} MiB"
        lines.append(line([f"{point:,}", show(seconds), show(least), f"{seconds / least:.1f}", peak]))
        print(title, lines[-1], flush=True)
    return [*lines, ""]


def tables(folder: Path) -> list[str]:
    common = {"folder": str(folder)}
    flop, _ = measure("product", common)
    byte, _ = measure("copy", common)
    mlp = common | {"model": "mlp"}
    rates = [1e-4 * 2**i for i in range(8)]
    adam = 4 * 7 * byte  # seconds for a parameter: reads it, its gradient and moments, writes all but one
    lines = [
        f"Floor: {1e-9 / flop:.0f} GFLOP/s in the product of two matrices of 2048 x 2048, "
        f"{1e-9 / byte:.1f} GB/s in reading and writing 80 MB; median of {REPEATS} each. Arrays that fit in "
        "the caches go below the floor of memory.", "",
    ]  # fmt: skip
    lines += table(
        "Batch size (MLP, one epoch)", "examples in a batch", (16, 64, 256, 1024, 4096),
        lambda batch: ("epoch", mlp | {"batch": batch}),
        lambda batch: 60_000 * products() * flop + 60_000 / batch * parameters() * adam,
    )  # fmt: skip
    lines += table(
        "Hidden width (MLP, batch 256, 12,800 images)", "width", (32, 128, 512, 2048),
        lambda hidden: ("epoch", mlp | {"batch": 256, "examples": 12_800, "hidden": hidden}),
        lambda hidden: 12_800 * products(hidden) * flop + 50 * parameters(hidden) * adam,
    )  # fmt: skip
    lines += table(
        "Parameters (Adam alone, 2 leaves)", "parameters", (10_000, 100_000, 1_000_000, 10_000_000),
        lambda n: ("update", common | {"parameters": n, "leaves": 2, "repeats": 20_000_000 // n}),
        lambda n: n * adam,
    )  # fmt: skip
    lines += table(
        "Runs in a grid (MLP, batch 64, 6,400 images)", "runs", (1, 4, 16, 64),
        lambda runs: ("grid", mlp | {"batch": 64, "examples": 6_400, "rates": rates[: min(runs, 8)],
                                     "seeds": max(runs // 8, 1)}),
        lambda runs: runs * (6_400 * products() * flop + 100 * parameters() * adam),
    )  # fmt: skip
    lines += table(
        "Training examples (MLP, batch 64, one epoch)", "examples", (7_500, 15_000, 30_000, 60_000),
        lambda examples: ("epoch", mlp | {"batch": 64, "examples": examples}),
        lambda examples: examples * products() * flop + examples / 64 * parameters() * adam,
    )  # fmt: skip
    return lines
