"""The rows of the table: the same work for jaxlearn and for its peers."""

import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

CNN = (
    "ms a step of the report's CNN at batch 64 on another, faster machine: as patches, as before, 4.6, in "
    "canonical form on JAX 0.10.2 3.0 to 4.2 and on 0.12.0 2.35, PyTorch 3.6. What the processor can do "
    "counts: PyTorch's oneDNN has kernels for AVX-512; XLA has Eigen's, which do the second layer (71 "
    "million multiplications and additions forward at batch 64) at a third of the speed of a product of "
    "large matrices. Pooling and its gradient take as long as the product of their arrays and a number. "
    "Kept: patches for the first layer (half the time), the batch in pieces of 0.5 MB for a kernel's "
    "gradient (half at batch 256), products that are added up where the gradient of images is mostly "
    "zeros (two thirds). Tried before, with patches: the batch in the last axis; one device a core and "
    "averaged gradients; a kernel's gradient for each example; patches along one axis after the other."
)
ADAM = (
    "XLA for CPUs writes each result in a loop of its own, so that gradient and moments pass through the "
    "cache or memory more than once (ten arrays, PyTorch seven), as optax shows, too; a call of a "
    "compiled program costs 0.05 ms and more with many arrays. A product in place of two of three "
    "divisions and roots took the largest loop from 53 to 35 us for 78,400 parameters; flags for wider "
    "vectors and fast math did nothing."
)
MLP = (
    "weights with outputs first and fewer divisions in Adam, kept: 379 to 312 ms an epoch. Bytes gathered "
    "four at a time: 2% (6% at batch 128), left out; batch in the last axis: nothing; 12,800 images at a "
    "time, read by a thread: 357 ms, not 329; runs of XLA's flags (YNNPACK on and off, XNNPACK, oneDNN, "
    "512-bit vectors, fast math, concurrent schedule): within noise. The second core finds nothing to do "
    "in products so small."
)
TEST = (
    "ms by the images worked on together, MLP: 50: 31, 100: 20, 250: 16, 1,000: 15, 2,000: 13; CNN: 10: 566, "
    "25: 433, 50: 326, 100: 284, 250: 317 to 462, 1,000: 516. Kept: as many as make the largest activation "
    "12 MB, in batches of one size, which took the MLP from 17.5 to 12.3 and the LSTM from 704 to 533, "
    "one call after another; after a pause, as here, threads have to wake and the MLP takes 18. Large "
    "buffers are new pages at every call: with a malloc that keeps its memory 462 becomes 317, and "
    "PyTorch's 288 becomes 176."
)
RATES = [1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 1e-2, 2e-2]


class Row(NamedTuple):
    """A work that is measured.

    Attributes:
      title: of the work.
      work: the name of the function of each peer that does it.
      options: its arguments.
      peers: those beside jaxlearn, by the name in the table: the module and further arguments.
      at_least, aim: how many times as fast as the first peer jaxlearn has to be, and would like to be.
      ours: the module and further arguments of jaxlearn.
      tried: what was tried where it is slower, and what each try gave.
      python: that runs jaxlearn.
    """

    title: str
    work: str
    options: dict[str, Any]
    peers: dict[str, tuple[str, dict[str, Any]]]
    at_least: float
    aim: float
    ours: tuple[str, dict[str, Any]] = ("ours", {})
    tried: str = ""
    python: str = sys.executable


EAGER: tuple[str, dict[str, Any]] = ("pytorch", {})
COMPILED: tuple[str, dict[str, Any]] = ("pytorch", {"compiled": True})
FLAX: tuple[str, dict[str, Any]] = ("flax_optax", {})
BOTH = {"torch": EAGER, "torch.compile": COMPILED}


def make_rows(mnist: str, newest: Path | None = None) -> dict[str, Row]:
    """Every row by its name; those of convolutions also on the JAX of the Python `newest`, if it exists."""
    rows = {
        "mlp": Row(
            "MLP, batch 64, Adam, one epoch", "epoch", {"model": "mlp", "batch": 64},
            BOTH | {"flax + optax": FLAX, "numpy": ("numpy_network", {})}, 2.2, 4, tried=MLP,
        ),
        "mlp-flax": Row(
            "MLP, batch 64, Adam, one epoch, once more", "epoch", {"model": "mlp", "batch": 64},
            {"flax + optax": FLAX}, 1.4, 2, tried=MLP,
        ),
    }  # fmt: skip
    rows |= cnn_rows()
    if newest and newest.exists():
        rows |= {f"{name}-newest": on_newest(row, str(newest)) for name, row in cnn_rows().items()}
    for parameters, repeats in ((100_000, 300), (10_000_000, 20)):
        for leaves in (2, 200):
            rows[f"adam-{parameters}-{leaves}"] = Row(
                f"Adam alone, {parameters:,} parameters in {leaves} leaves", "update",
                {"parameters": parameters, "leaves": leaves, "repeats": repeats},
                {"torch": EAGER, "optax": FLAX}, 1.0, 1.3, tried=ADAM,
            )  # fmt: skip
    rows |= {
        "grid-mlp": Row(
            "grid of 8 rates x 4 seeds of the MLP, 19,200 images", "grid",
            {"model": "mlp", "batch": 64, "rates": RATES, "seeds": 4, "examples": 19_200},
            {"torch": EAGER}, 3.5, 6, tried=MLP,
        ),
        "process": Row(
            "whole process, train.py --opt adam --epochs 1", "whole", {"mnist": mnist},
            {"torch script": ("process", {"command": "pytorch"})}, 1.3, 2,
            ("process", {"command": "ours"}),
        ),
        "stream": Row(
            "MLP, batch 64, 240,000 images out of a file, 12,800 at a time, against all in memory", "stream",
            {"model": "mlp", "batch": 64, "examples": 240_000},
            {"in memory": ("ours", {"at_a_time": None})}, 0.9, 1.0, ("ours", {"at_a_time": 12_800}),
        ),
        "test-mlp": Row(
            "evaluation of 10,000 images, MLP", "evaluation", {"model": "mlp"}, {"torch": EAGER}, 1.0, 2,
            tried=TEST,
        ),
    }  # fmt: skip
    return rows


def cnn_rows() -> dict[str, Row]:
    """The rows whose time is that of convolutions."""
    rows = {}
    for model, title, bars in (("cnn", "report's CNN", (1.4, 1.0)),
                               ("cnn-large", "core components' CNN", (1.0, 0.8))):  # fmt: skip
        for batch, least in zip((64, 256), bars, strict=True):
            rows[f"{model}-{batch}"] = Row(
                f"{title}, batch {batch}, 12,800 images", "epoch",
                {"model": model, "batch": batch, "examples": 12_800}, BOTH, least, 2, tried=CNN,
            )  # fmt: skip
    return rows | {
        "grid-cnn": Row(
            "grid of 4 rates x 2 seeds of the report's CNN, batch 64, 6,400 images", "grid",
            {"model": "cnn", "batch": 64, "rates": RATES[1:8:2], "seeds": 2, "examples": 6_400},
            {"torch": EAGER}, 1.5, 2.5, tried=CNN,
        ),
        "test-cnn": Row(
            "evaluation of 10,000 images, report's CNN", "evaluation", {"model": "cnn"}, {"torch": EAGER},
            1.4, 2, tried=TEST,
        ),
    }  # fmt: skip


def on_newest(row: Row, python: str) -> Row:
    """The same work of jaxlearn under another Python, whose JAX the title names."""
    command = [python, "-c", "import jax; print(jax.__version__)"]
    jax = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    return row._replace(title=f"{row.title}, JAX {jax}", peers={"torch": EAGER}, python=python)
