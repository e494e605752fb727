"""What jaxlearn makes of a GPU: sections of results, whose rows are measured one at a time."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from .measured import Failed, Found, Measured, measure_in_turn, rate, show_difference, show_ratio
from .peer import Peer
from .tables import show

ADAM_BYTES = 28  # of a float32 parameter: reads it, its gradient and moments, writes all but the gradient
EAGER, COMPILED = "torch", "torch.compile"

Row: TypeAlias = Sequence[str | Failed]


class Section(NamedTuple):
    """A table of the results.

    Attributes:
      title, about: what stands above it.
      header: the columns.
      rows: each is measured when it is asked for.
    """

    title: str
    about: str
    header: Sequence[str]
    rows: Iterator[Row]


class Work(NamedTuple):
    """How much is measured, and where; the tests do with less.

    Time goes into starting and compiling, not into measuring. An estimate: with 5 s to start the processes
    of a row, 10 for a CNN's compilation and 25 for torch.compile's, it is six minutes at 3 repeats.

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
    batches: tuple[int, ...] = (64, 256)
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


def measure(peers: dict[str, tuple[str, str, dict[str, Any]]], work: Work, repeats: int) -> dict[str, Found]:
    """What each peer measured in turn, or why it did not; a peer is a module, its function and options."""
    missing = missing_torch(work.device)
    started = {
        name: Peer(module, function, options | {"folder": str(work.folder)})
        for name, (module, function, options) in peers.items()
        if not (module == "pytorch" and missing)
    }
    return dict.fromkeys(peers, Failed(missing)) | measure_in_turn(started, repeats)


def seconds_to_accuracy(work: Work) -> Section:
    def rows() -> Iterator[Row]:
        options = {"model": work.classifier, "batch": 256, "rate": 4e-3, "epochs": work.epochs}
        options |= {"target": work.target}
        one, many = f"{work.seeds} one after another", f"{work.seeds} at once by vmap"
        for name, seeds, repeats in ((one, 1, work.seeds), (many, work.seeds, work.repeats)):
            peer = ("gpu_runs", "to_accuracy", options | {"seeds": seeds})
            yield name, *to_accuracy(measure({name: peer}, work, repeats)[name], seeds)

    return Section(
        f"{work.target:.0%} of MNIST's test images",
        f"{work.classifier}, batch 256, Adam, cosine from 4e-3 over {work.epochs} epochs. Seconds of\n"
        "training until every run of a measurement has been there after an epoch, or the epochs are over;\n"
        "scoring is not counted. A measurement in which every run missed it is left out. The first one is\n"
        "none of them: its seconds are those from the end of the imports on, reading and compiling included.",
        ("runs", "seconds of training", "measurements", "runs that missed it", "the first one (n = 1)"),
        rows(),
    )


def to_accuracy(found: Found, seeds: int) -> Row:
    if isinstance(found, Failed):
        return found, "", "", ""
    pairs = zip(found.seconds, found.losses, strict=True)
    reached = Measured([seconds for seconds, missed in pairs if missed < seeds], [])
    return (
        str(reached) if reached.seconds else "never", str(len(found.seconds)),
        f"{sum(found.losses):.0f} of {seeds * len(found.seconds)}", show(found.start),
    )  # fmt: skip


def examples_per_second(work: Work) -> Section:
    def rows() -> Iterator[Row]:
        for model, batch in itertools.product(work.models, work.batches):
            options = {"model": model, "batch": batch, "examples": work.examples}
            on_device = options | {"device": work.device}
            peers = {
                "jaxlearn": ("ours", "epoch", options),
                EAGER: ("pytorch", "epoch", on_device),
                COMPILED: ("pytorch", "epoch", on_device | {"compiled": True}),
            }
            found = measure(peers, work, work.repeats)
            ours, *theirs = (found[name] for name in peers)
            beside = [cell for each in theirs for cell in (rate(each, work.examples), show_ratio(each, ours))]
            losses = "" if isinstance(ours, Failed) else f"{np.mean(ours.losses):.5f}"
            apart = show_difference(ours, *theirs)
            yield model, str(batch), rate(ours, work.examples), *beside, losses, apart

    return Section(
        "Examples a second",
        f"Adam, {work.examples:,} images. The loss is that on the test images after the epoch, a mean over\n"
        "the repeats; apart: how far another's with the same first weights and batches was from it at most.",
        ("model", "batch", "jaxlearn", EAGER, "ratio", COMPILED, "ratio", "loss", "apart"),
        rows(),
    )


def grid(work: Work) -> Section:
    runs = work.rates * work.grid_seeds

    def rows() -> Iterator[Row]:
        one = {"model": "mlp", "batch": 64, "examples": work.examples}
        rates = np.geomspace(1e-4, 1e-2, work.rates).tolist()
        many = one | {"rates": rates, "seeds": work.grid_seeds}
        peers = {"many": ("gpu_runs", "train", many), "one": ("gpu_runs", "train", one)}
        found = measure(peers, work, work.repeats)
        yield prices(found["many"], found["one"], runs)

    return Section(
        "A grid as one program",
        f"MLP, batch 64, {work.examples:,} images; {work.rates} rates x {work.grid_seeds} seeds by vmap.",
        (f"{runs} runs", "one run", "times as long", "runs for the price of one"),
        rows(),
    )


def prices(many: Found, one: Found, runs: int) -> Row:
    shown = tuple(each if isinstance(each, Failed) else str(each) for each in (many, one))
    if isinstance(many, Failed) or isinstance(one, Failed):
        return *shown, "", ""
    longer = many.median / one.median
    return *shown, f"{longer:.2f}", f"{runs / longer:.1f}"


def adam_bandwidth(work: Work) -> Section:
    names = ("jaxlearn, a call each", "jaxlearn, all in a call", EAGER)

    def rows() -> Iterator[Row]:
        for parameters in work.parameters:
            moved = ADAM_BYTES * parameters
            options = {"parameters": parameters, "leaves": 2, "repeats": work.updates}
            peers = {
                "copy": ("ours", "copy", {"numbers": moved // 8}),  # it reads and writes 4 bytes of each
                names[0]: ("ours", "update", options),
                names[1]: ("ours", "update", options | {"repeats": 1, "in_a_call": work.updates}),
                names[2]: ("pytorch", "update", options | {"device": work.device}),
            }
            found = measure(peers, work, work.repeats)
            copied = found["copy"]
            if isinstance(copied, Measured):  # the seconds of one byte
                copied = Measured([moved * second for second in copied.seconds], [])
            beside = [
                cell for n in names for cell in (rate(found[n], moved / 1e9), show_ratio(copied, found[n]))
            ]
            yield f"{parameters:,}", rate(copied, moved / 1e9), *beside

    return Section(
        "Adam's share of the memory bandwidth",
        f"GB/s at {ADAM_BYTES} bytes a parameter, 2 leaves; and the share of what a copy of as many reaches.",
        ("parameters", "copy", *(title for name in names for title in (name, "share"))),
        rows(),
    )


def bfloat16(work: Work) -> Section:
    dtypes = ("float32", "bfloat16")

    def rows() -> Iterator[Row]:
        for model in work.precise:
            options = {"model": model, "batch": 256, "examples": work.examples, "epochs": work.epochs}
            peers = {name: ("gpu_runs", "train", options | {"dtype": name}) for name in dtypes}
            found = measure(peers, work, work.repeats)
            both = [found[name] for name in dtypes]
            speeds = [rate(each, work.examples * work.epochs) for each in both]
            yield model, *speeds, show_ratio(*both), *map(accuracy, both)

    return Section(
        "Computing in bfloat16",
        "Parameters in float32; Adam, batch 256. Examples a second; and the test accuracy after\n"
        f"{work.epochs} epochs of {work.examples:,} images, mean and sd over {work.repeats} seeds.",
        ("model", *dtypes, "ratio", *(f"accuracy, {name}" for name in dtypes)),
        rows(),
    )


def accuracy(found: Found) -> str:
    if isinstance(found, Failed):
        return ""
    spread = f" ± {np.std(found.losses, ddof=1):.4f}" if len(found.losses) > 1 else ""
    return f"{np.mean(found.losses):.4f}{spread}"


SECTIONS: dict[str, Callable[[Work], Section]] = {
    "accuracy": seconds_to_accuracy,
    "examples": examples_per_second,
    "grid": grid,
    "adam": adam_bandwidth,
    "bfloat16": bfloat16,
}
