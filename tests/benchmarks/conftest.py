import numpy as np
import pytest

from benchmarks.problem import SEEDS


@pytest.fixture
def problems(tmp_path):
    """A folder with the MLP's problems: 96 training examples of noise."""
    folder = tmp_path / "problems"
    folder.mkdir()
    draw = np.random.default_rng(0).integers
    images = {
        f"{part}images": draw(0, 256, (n, 28, 28, 1), np.uint8) for part, n in (("", 96), ("test_", 20))
    }
    labels = {f"{part}labels": draw(0, 10, n, np.int32) for part, n in (("", 96), ("test_", 20))}
    np.savez(folder / "mnist.npz", **images, **labels)
    sizes = enumerate([(100, 784), (100, 100), (10, 100)])
    layers = {f"weight{i}": np.ones(shape, np.float32) for i, shape in sizes} | {
        f"bias{i}": np.zeros(n, np.float32) for i, n in enumerate((100, 100, 10))
    }
    for seed in range(SEEDS):
        np.savez(folder / f"mlp-{seed}.npz", order=np.arange(96), **layers)
    return folder
