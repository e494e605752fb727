"""Records what PyTorch's `update_bn` makes of the running statistics of small networks.

    pip install torch==2.13.0 numpy && python tests/golden/update_bn.py

All random numbers come from numpy's frozen RandomState, so that the file comes out the same again.
"""

from pathlib import Path

import numpy as np
import torch
from torch import nn

OUT = Path(__file__).with_suffix(".npz")
MOMENTA = [0.1, 0.9, None]
BATCH = 8


def network(momentum, random):
    """A convolution, batch norm, ReLU, a linear layer, batch norm, as far as statistics go."""
    layers = nn.Sequential(
        nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3, momentum=momentum), nn.ReLU(), nn.Flatten(),
        nn.Linear(3 * 4 * 3, 5), nn.BatchNorm1d(5, momentum=momentum),
    )  # fmt: skip
    with torch.no_grad():
        for tensor in layers.parameters():
            tensor.copy_(torch.tensor(random.standard_normal(tensor.shape)))
    return layers


def record():
    torch.set_default_dtype(torch.float64)
    random = np.random.RandomState(0)
    arrays = {"images": random.standard_normal((27, 6, 5, 2))}  # the last of 4 batches holds 3
    loader = torch.tensor(arrays["images"]).movedim(-1, 1).split(BATCH)
    for momentum in MOMENTA:
        layers = network(momentum, random)
        layers.train()(loader[0] + 1)  # statistics that have to go
        torch.optim.swa_utils.update_bn(loader, layers)
        for name, tensor in layers.state_dict().items():
            arrays[f"{momentum}/{name}"] = tensor.numpy()
    np.savez_compressed(OUT, **arrays)


if __name__ == "__main__":
    record()
