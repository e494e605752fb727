"""Records gains and fans of torch.nn.init, and the first values of torch.nn's layers.

Shapes are jaxlearn's, (out, ..., in) of weights; of each array only some numbers are kept.

Run with PyTorch 2.13: `python tests/golden/init.py`, from any folder.
"""

import json
from pathlib import Path

import numpy as np
import torch

KEEP = 400  # numbers of each array
NAMES = [f"conv{kind}{axes}d" for kind in ("", "_transpose") for axes in (1, 2, 3)]
NAMES += ["linear", "sigmoid", "tanh", "relu", "leaky_relu", "selu"]
SHAPES = [(300, 60), (300, 5, 12), (200, 3, 3, 8), (30, 2, 3, 2, 6)]
LAYERS = {
    "linear": lambda: torch.nn.Linear(50, 200),
    "conv1d": lambda: torch.nn.Conv1d(12, 200, 5, groups=2),
    "conv2d": lambda: torch.nn.Conv2d(6, 200, 3),
    "rnn": lambda: torch.nn.RNN(30, 40),
    "lstm": lambda: torch.nn.LSTM(30, 40),
    "gru": lambda: torch.nn.GRU(30, 40),
    "attention": lambda: torch.nn.MultiheadAttention(40, 4),
    "embedding": lambda: torch.nn.Embedding(50, 20),
    "batch_norm": lambda: torch.nn.BatchNorm2d(20),
    "layer_norm": lambda: torch.nn.LayerNorm((4, 5)),
    "group_norm": lambda: torch.nn.GroupNorm(2, 20),
    "rms_norm": lambda: torch.nn.RMSNorm(20),
    "prelu": lambda: torch.nn.PReLU(3),
}
OURS = {"in_proj": "in", "out_proj.": "out_", "_l0": ""}  # names


def to_torch(array):
    """(out, ..., in) to (out, in, ...)."""
    return array.movedim(-1, 1)


def from_torch(array):
    """(out, in, ...) to (out, ..., in)."""
    return array.movedim(1, -1)


def rename(layer, name):
    for theirs, ours in OURS.items():
        name = name.replace(theirs, ours)
    return {"embedding": "embedding", "prelu": "slope"}.get(layer, name)


def main():
    torch.manual_seed(0)
    random = np.random.RandomState(0)
    some = lambda array: random.choice(
        array.detach().numpy().ravel(), min(KEEP, array.numel()), replace=False
    )
    arrays = {}
    for name in NAMES:
        for param in (None, 0, 0.2, 1.0, 2.236) if name == "leaky_relu" else (None,):
            arrays["gain/" + json.dumps([name, param])] = torch.nn.init.calculate_gain(name, param)
    for shape in SHAPES:
        fans = torch.nn.init._calculate_fan_in_and_fan_out(to_torch(torch.empty(shape)))
        arrays["fans/" + json.dumps(shape)] = fans
    for layer, build in LAYERS.items():
        for name, parameter in build().named_parameters():
            weight = parameter.dim() > 1 and layer not in ("embedding", "layer_norm")
            ours = from_torch(parameter) if weight else parameter
            arrays["layer/" + json.dumps([layer, rename(layer, name), list(ours.shape)])] = some(ours)
    np.savez_compressed(Path(__file__).with_suffix(".npz"), **arrays)


if __name__ == "__main__":
    main()
