"""What jaxlearn makes of a GPU: `python -m benchmarks.run FOLDER --device gpu` writes RESULTS-gpu.md."""

import itertools
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from .growth import show
from .peer import ROOT, Peer
from .run import Measured, loss_lines, machine, measure_in_turn, written_problems

RESULTS = ROOT / "benchmarks" / "RESULTS-gpu.md"
ADAM_BYTES = 28  # of a float32 parameter: reads it, its gradient and moments, writes all but the gradient


class Work(NamedTuple):
    """How much is measured, and where; the tests do with less.

    Attributes:
      folder: with the problems.
      device: for PyTorch; JAX takes the GPU by itself.
      repeats: of everything but single runs up to `target`, of which there is one for each of `seeds`.
      target, epochs: the test accuracy to reach within so many epochs.
      classifier: the model that has to reach it.
      examples: of an epoch; every batch size divides them.
      models, batches: for the examples a second.
      rates, grid_seeds: of the grid.
      parameters, updates: of Adam; so many updates in a measurement.
      precise: models that compute in bfloat16.
    """

    folder: Path
    device: str = "cuda"
    repeats: int = 7
    seeds: int = 20
    target: float = 0.99
    epochs: int = 5
    classifier: str = "cnn-bn"
    examples: int = 51_200
    models: tuple[str, ...] = ("cnn", "cnn-large")
    batches: tuple[int, ...] = (64, 256, 1024)
    rates: int = 32
    grid_seeds: int = 8
    parameters: tuple[int, ...] = (10_000_000, 100_000_000)
    updates: int = 50
    precise: tuple[str, ...] = ("cnn-large", "mlp")


def missing_torch(device: str) -> str:
    """Why PyTorch cannot measure on the device; empty where it can."""
    try:
        import torch
    except ImportError:
        return "torch is not installed"
    found = device == "cpu" or torch.cuda.is_available()
    return "" if found else f"torch {torch.__version__} finds no GPU"


def measure(
    peers: dict[str, tuple[str, str, dict[str, Any]]], work: Work, repeats: int,
    fewer: Mapping[str, int] = MappingProxyType({}),
) -> Any:  # fmt: skip
    """What each peer measured in turn, or why it did not; a peer is a module, its function and options."""
    missing = missing_torch(work.device)
    absent, started = {}, {}
    for name, (module, function, options) in peers.items():
        if module == "pytorch" and missing:
            absent[name] = missing
            continue
        try:
            started[name] = Peer(module, function, options | {"folder": str(work.folder)})
        except RuntimeError:  # such as torch.compile without a C compiler; the process has said why
            if module != "pytorch":
                raise
            absent[name] = "did not start"
    return absent | measure_in_turn(started, repeats, fewer)


def rate(found: Measured | str, amount: float) -> str:
    """So much a second: the median (least to largest), or why there is none."""
    if isinstance(found, str):
        return found
    least, largest = amount / max(found.seconds), amount / min(found.seconds)
    return f"{amount / found.median:,.0f} ({least:,.0f} to {largest:,.0f})"


def ratio(found: Measured | str, to: Measured | str) -> str:
    return "" if isinstance(found, str) or isinstance(to, str) else f"{found.median / to.median:.2f}"


def table(*rows: Sequence[str]) -> list[str]:
    """In Markdown; the first row has the titles."""
    titles, *rest = (f"| {' | '.join(row)} |" for row in rows)
    return [titles, "|" + "--:|" * len(rows[0]), *rest]


def seconds_to_accuracy(work: Work) -> list[str]:
    options = {"model": work.classifier, "batch": 256, "rate": 4e-3, "epochs": work.epochs}
    options |= {"target": work.target}
    one, many = f"{work.seeds} one after another", f"{work.seeds} at once by vmap"
    shapes = {one: 1, many: work.seeds}
    peers = {name: ("gpu_runs", "to_accuracy", options | {"seeds": n}) for name, n in shapes.items()}
    once = {f"compiling {name}": (*peer[:2], peer[2] | {"compiling": True}) for name, peer in peers.items()}
    found = measure(peers | once, work, work.seeds, dict.fromkeys(once, 1) | {many: work.repeats})
    rows = [("runs", "seconds of training", "measurements", "runs that missed it", "compiling (n = 1)")]
    for name, seeds in shapes.items():
        seconds, missed = found[name]
        reached = Measured([s for s, m in zip(seconds, missed, strict=True) if m < seeds], [])
        rows.append((
            name, str(reached) if reached.seconds else "never", str(len(seconds)),
            f"{sum(missed):.0f} of {seeds * len(seconds)}", show(found[f"compiling {name}"].median),
        ))  # fmt: skip
    return [
        f"## {work.target:.0%} of MNIST's test images", "",
        f"{work.classifier}, batch 256, Adam, cosine from 4e-3 over {work.epochs} epochs. Seconds of",
        "training until every run of a measurement has been there after an epoch, or the epochs are over;",
        "scoring is not counted. A measurement in which every run missed it is left out.", "", *table(*rows),
    ]  # fmt: skip


def examples_per_second(work: Work) -> list[str]:
    rows = [("model", "batch", "jaxlearn", "torch", "ratio", "torch.compile", "ratio")]
    measured = {}
    for model, batch in itertools.product(work.models, work.batches):
        options = {"model": model, "batch": batch, "examples": work.examples}
        peers = {
            "jaxlearn": ("ours", "epoch", options),
            "torch": ("pytorch", "epoch", options | {"device": work.device}),
            "torch.compile": ("pytorch", "epoch", options | {"device": work.device, "compiled": True}),
        }
        found = measure(peers, work, work.repeats)
        ours, *theirs = (found[name] for name in peers)
        beside = [cell for each in theirs for cell in (rate(each, work.examples), ratio(each, ours))]
        rows.append((model, str(batch), rate(ours, work.examples), *beside))
        measured[f"{model}-{batch}"] = {n: found[n] for n in peers if isinstance(found[n], Measured)}
    return [
        "## Examples a second", "", f"Adam, {work.examples:,} images.", "", *table(*rows), "",
        "The loss on the test images after the epoch:", "", *loss_lines(measured),
    ]  # fmt: skip


def grid(work: Work) -> list[str]:
    one = {"model": "mlp", "batch": 64, "examples": work.examples}
    rates = np.geomspace(1e-4, 1e-2, work.rates).tolist()
    many = one | {"rates": rates, "seeds": work.grid_seeds}
    found = measure(
        {"many": ("gpu_runs", "train", many), "one": ("gpu_runs", "train", one)}, work, work.repeats
    )
    runs, longer = work.rates * work.grid_seeds, found["many"].median / found["one"].median
    return [
        "## A grid as one program", "",
        f"MLP, batch 64, {work.examples:,} images; {work.rates} rates x {work.grid_seeds} seeds by vmap.", "",
        *table((f"{runs} runs", "one run", "times as long", "runs for the price of one"),
               (str(found["many"]), str(found["one"]), f"{longer:.2f}", f"{runs / longer:.1f}")),
    ]  # fmt: skip


def adam_bandwidth(work: Work) -> list[str]:
    names = ("jaxlearn, a call each", "jaxlearn, all in a call", "torch")
    rows: list[Sequence[str]] = [("parameters", "copy", *(title for n in names for title in (n, "share")))]
    for parameters in work.parameters:
        moved = ADAM_BYTES * parameters
        options = {"parameters": parameters, "leaves": 2, "repeats": work.updates}
        peers = {
            "copy": ("ours", "copy", {"numbers": moved // 8}),  # of which it reads and writes 4 bytes each
            names[0]: ("ours", "update", options),
            names[1]: ("ours", "update", options | {"repeats": 1, "in_a_call": work.updates}),
            names[2]: ("pytorch", "update", options | {"device": work.device}),
        }
        found = measure(peers, work, work.repeats)
        copied = Measured([moved * second for second in found["copy"].seconds], [])  # those were of a byte
        cells = [cell for n in names for cell in (rate(found[n], moved / 1e9), ratio(copied, found[n]))]
        rows.append((f"{parameters:,}", rate(copied, moved / 1e9), *cells))
    return [
        "## Adam's share of the memory bandwidth", "",
        f"GB/s at {ADAM_BYTES} bytes a parameter, 2 leaves; and the share of what a copy of as many reaches.",
        "", *table(*rows),
    ]  # fmt: skip


def bfloat16(work: Work) -> list[str]:
    rows = [("model", "float32", "bfloat16", "ratio", "accuracy, float32", "accuracy, bfloat16")]
    for model in work.precise:
        options = {"model": model, "batch": 256, "examples": work.examples, "epochs": work.epochs}
        peers = {name: ("gpu_runs", "train", options | {"dtype": name}) for name in ("float32", "bfloat16")}
        found = measure(peers, work, work.repeats)
        both = wide, low = found["float32"], found["bfloat16"]
        speeds = [rate(each, work.examples * work.epochs) for each in both]
        scores = [f"{np.mean(each.losses):.4f} ± {np.std(each.losses, ddof=1):.4f}" for each in both]
        rows.append((model, *speeds, ratio(wide, low), *scores))
    return [
        "## Computing in bfloat16", "",
        "Parameters in float32; Adam, batch 256. Examples a second; and the test accuracy after",
        f"{work.epochs} epochs of {work.examples:,} images, mean and sd over {work.repeats} seeds.", "",
        *table(*rows),
    ]  # fmt: skip


SECTIONS: dict[str, Callable[[Work], list[str]]] = {
    "accuracy": seconds_to_accuracy,
    "examples": examples_per_second,
    "grid": grid,
    "adam": adam_bandwidth,
    "bfloat16": bfloat16,
}


def driver() -> str:
    command = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[0]
    except (OSError, subprocess.CalledProcessError, IndexError):
        return "unknown"


def main(mnist: Path, rows: str | None, repeats: int) -> None:
    """Measures, and writes the results unless only some rows are asked for; ends here without a GPU."""
    from jaxlearn import cli

    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # the peers share its memory
    chosen = rows.split(",") if rows else list(SECTIONS)
    try:
        device = cli.pick_devices("gpu")[0]
        for name in chosen:
            cli.pick("--rows", name, SECTIONS)
    except (OSError, cli.UsageError) as error:
        sys.exit(f"benchmarks.run: {error}")
    lines = []
    with written_problems(mnist) as folder:
        for name in chosen:
            section = SECTIONS[name](Work(folder, repeats=repeats))
            print("\n".join(section), flush=True)
            lines += ["", *section]
    if rows:
        return
    about = " ".join(device.client.platform_version.split())
    RESULTS.write_text(f"""# Benchmarks on a GPU

Made by `make bench ARGS="--device gpu"`. {device.device_kind}, driver {driver()}, {about};
{machine()} Each time and rate is the median of n = {repeats} (least to largest) unless told otherwise, taken
in turn in one run; a ratio is that of the medians, above 1 where jaxlearn, or bfloat16, is faster. Data are
on the device before, and it has finished when the time is taken. Products of float32 numbers are in TF32
where there is such a thing, in PyTorch as in JAX. PyTorch: fused Adam, channels last, cuDNN's fastest
convolutions; torch.compile with `mode="reduce-overhead"`, which replays CUDA graphs.
{chr(10).join(lines)}
""")
