"""Records layers in PyTorch, for the tests to compare with.

    pip install torch==2.13.0 numpy && python tests/golden/layers.py

All random numbers come from numpy's frozen RandomState, so that the file comes out the same again.
"""

import json
from pathlib import Path

import numpy as np
import torch

OUT = Path(__file__).with_suffix(".npz")


def record_layers():
    """Values and gradients in PyTorch's layouts: images NCHW, kernels OIHW, linear (out, in)."""
    random = np.random.RandomState(0)
    arrays = {}

    def keep(key, inputs, function):
        leaves = {name: torch.tensor(value, requires_grad=True) for name, value in inputs.items()}
        y = function(**leaves)
        cotangent = torch.tensor(random.standard_normal(tuple(y.shape)))
        (y * cotangent).sum().backward()
        arrays[f"{key}/y"], arrays[f"{key}/cotangent"] = y.detach().numpy(), cotangent.numpy()
        for name, leaf in leaves.items():
            arrays[f"{key}/{name}"], arrays[f"{key}/grad_{name}"] = inputs[name], leaf.grad.numpy()

    for stride, padding in [(1, 0), (2, 0), (1, 1), (2, 2), (3, 1)]:
        inputs = {
            "x": random.standard_normal((2, 3, 9, 8)),
            "weight": random.standard_normal((4, 3, 3, 3)),
            "bias": random.standard_normal(4),
        }
        keep(
            json.dumps({"layer": "conv2d", "stride": stride, "padding": padding}),
            inputs,
            lambda x, weight, bias, s=stride, p=padding: torch.nn.functional.conv2d(x, weight, bias, s, p),
        )
    for window in (1, 2, 3):
        # whole numbers, so that most windows hold their maximum more than once
        x = random.randint(0, 3, (2, 3, 9, 8)).astype(float)
        pool = lambda x, k=window: torch.nn.functional.max_pool2d(x, k)
        keep(json.dumps({"layer": "max_pool", "window": window}), {"x": x}, pool)
    linear = {
        "x": random.standard_normal((2, 5)),
        "weight": random.standard_normal((3, 5)),
        "bias": random.standard_normal(3),
    }
    keep(json.dumps({"layer": "linear"}), linear, torch.nn.functional.linear)
    labels = random.randint(0, 10, 6)
    logits = {"x": random.standard_normal((6, 10)) * 20}
    entropy = lambda x: torch.nn.functional.cross_entropy(x, torch.tensor(labels), reduction="none")
    keep(json.dumps({"layer": "cross_entropy", "labels": labels.tolist()}), logits, entropy)
    np.savez_compressed(OUT, **arrays)


if __name__ == "__main__":
    record_layers()
