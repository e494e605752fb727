"""The rows of the table: the same work for jaxlearn and for its peers."""

from typing import Any, NamedTuple

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
    """

    title: str
    work: str
    options: dict[str, Any]
    peers: dict[str, tuple[str, dict[str, Any]]]
    at_least: float
    aim: float
    ours: tuple[str, dict[str, Any]] = ("ours", {})
    tried: str = ""


EAGER: tuple[str, dict[str, Any]] = ("pytorch", {})
COMPILED: tuple[str, dict[str, Any]] = ("pytorch", {"compiled": True})
FLAX: tuple[str, dict[str, Any]] = ("flax_optax", {})
BOTH = {"torch": EAGER, "torch.compile": COMPILED}


def make_rows(mnist: str) -> dict[str, Row]:
    rows = {
        "mlp": Row(
            "MLP, batch 64, Adam, one epoch", "epoch", {"model": "mlp", "batch": 64},
            BOTH | {"flax + optax": FLAX, "numpy": ("numpy_network", {})}, 2.2, 4,
        ),
        "mlp-flax": Row(
            "the same against flax + optax", "epoch", {"model": "mlp", "batch": 64},
            {"flax + optax": FLAX}, 1.4, 2,
        ),
    }  # fmt: skip
    for model, title in (("cnn", "report's CNN"), ("cnn-large", "core components' CNN")):
        for batch in (64, 256):
            rows[f"{model}-{batch}"] = Row(
                f"{title}, batch {batch}, 12,800 images", "epoch",
                {"model": model, "batch": batch, "examples": 12_800}, BOTH, 1.0, 2,
            )  # fmt: skip
    for parameters, repeats in ((100_000, 300), (10_000_000, 20)):
        for leaves in (2, 200):
            rows[f"adam-{parameters}-{leaves}"] = Row(
                f"Adam alone, {parameters:,} parameters in {leaves} leaves", "update",
                {"parameters": parameters, "leaves": leaves, "repeats": repeats},
                {"torch": EAGER, "optax": FLAX}, 1.0, 1.3,
            )  # fmt: skip
    rows |= {
        "grid-mlp": Row(
            "grid of 8 rates x 4 seeds of the MLP, 19,200 images", "grid",
            {"model": "mlp", "batch": 64, "rates": RATES, "seeds": 4, "examples": 19_200},
            {"torch": EAGER}, 3.5, 6,
        ),
        "grid-cnn": Row(
            "grid of 4 rates x 2 seeds of the report's CNN, batch 64, 6,400 images", "grid",
            {"model": "cnn", "batch": 64, "rates": RATES[1:8:2], "seeds": 2, "examples": 6_400},
            {"torch": EAGER}, 1.1, 2.5,
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
        ),
        "test-cnn": Row(
            "evaluation of 10,000 images, report's CNN", "evaluation", {"model": "cnn"}, {"torch": EAGER},
            1.0, 2,
        ),
    }  # fmt: skip
    return rows
