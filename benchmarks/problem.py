"""What every peer works on: the same images, first weights and batches."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from .peer import ROOT

SEEDS = 5


class Problem(NamedTuple):
    """A model with one seed, and MNIST.

    Attributes:
      images, labels: training examples, uint8 of shape (60000, 28, 28, 1) and int32.
      test_images, test_labels: 10,000 more.
      order: of the training examples in the epoch.
      weights: for each layer that has any, weight and bias: (features, inputs) of a linear layer,
        (features, height, width, channels) of a convolution.
    """

    images: np.ndarray
    labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray
    order: np.ndarray
    weights: list[tuple[np.ndarray, np.ndarray]]


def load_problem(folder: Path, model: str, seed: int) -> Problem:
    with np.load(folder / "mnist.npz") as mnist, np.load(folder / f"{model}-{seed % SEEDS}.npz") as first:
        layers = (len(first.files) - 1) // 2
        weights = [(first[f"weight{i}"], first[f"bias{i}"]) for i in range(layers)]
        names = ("images", "labels", "test_images", "test_labels")
        return Problem(*(mnist[name] for name in names), order=first["order"], weights=weights)


def draw_leaves(parameters: int, leaves: int) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Parameters in so many arrays of one length, and their gradients."""
    draw = np.random.default_rng(0).standard_normal
    start, grads = ([draw(parameters // leaves, np.float32) for _ in range(leaves)] for _ in range(2))
    return start, grads


def write_problems(folder: Path, mnist: Path, models: list[str]) -> None:
    """Draws weights and orders as `jaxlearn.training` draws them from the seed."""
    import jax

    from jaxlearn import data, training
    from jaxlearn._draw import draw_order
    from models import MODELS

    dataset = data.load("mnist", mnist)
    np.savez(
        folder / "mnist.npz",
        images=dataset.train.images, labels=dataset.train.labels,
        test_images=dataset.test.images, test_labels=dataset.test.labels,
    )  # fmt: skip
    for model in models:
        draw = jax.jit(partial(training.draw_start, MODELS[model](10), shape=(28, 28, 1)))
        for seed in range(SEEDS):
            start = draw(jax.random.key(seed))
            layers = [start.params[place] for place in sorted(start.params, key=int)]
            arrays = {f"{name}{i}": layer[name] for i, layer in enumerate(layers) for name in layer}
            order = jax.jit(draw_order, static_argnums=2)(start.key, 0, len(dataset.train.labels))
            np.savez(folder / f"{model}-{seed}.npz", order=order, **arrays)


@contextmanager
def written_problems(mnist: Path) -> Iterator[Path]:
    """A folder with what every peer works on, for as long as it is needed."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "benchmarks.problem", folder, str(mnist.resolve())]
        subprocess.run(command, check=True, cwd=ROOT)
        yield Path(folder)


if __name__ == "__main__":
    write_problems(Path(sys.argv[1]), Path(sys.argv[2]), ["mlp", "cnn", "cnn-large"])
