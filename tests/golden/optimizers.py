"""Records 50 steps of optimizers in PyTorch, for the tests to compare with.

    pip install torch==2.13.0 numpy && python tests/golden/optimizers.py

All random numbers come from numpy's frozen RandomState, so that the file comes out the same again.
"""

import json
from pathlib import Path

import numpy as np
import torch

OUT = Path(__file__).with_suffix(".npz")
STEPS = 50
SHAPES = [(), (5,), (4, 3), (2, 2, 2, 3)]
STEP_LR = {"step_size": 10, "gamma": 0.5}

OPTIMIZERS = {
    "SGD": [
        {},
        {"momentum": 0.9},
        {"momentum": 0.9, "dampening": 0.3},
        {"momentum": 0.9, "dampening": 1.0},
        {"momentum": 0.9, "nesterov": True},
        {"momentum": 0.5},
        {"weight_decay": 0.1},
        {"momentum": 0.9, "weight_decay": 0.1},
        {"momentum": 0.9, "weight_decay": 0.1, "dampening": 0.5},
        {"momentum": 0.9, "weight_decay": 0.1, "nesterov": True},
        {"momentum": 0.9, "weight_decay": 0.1, "maximize": True},
    ],
    "Adam": [
        {},
        {"betas": (0.8, 0.99)},
        {"betas": (0.0, 0.9)},
        {"betas": (0.9, 0.0)},
        {"eps": 0.1},
        {"weight_decay": 0.1},
        {"amsgrad": True},
        {"amsgrad": True, "weight_decay": 0.1, "maximize": True},
    ],
    "RMSprop": [
        {},
        {"alpha": 0.9},
        {"eps": 0.1},
        {"weight_decay": 0.1},
        {"momentum": 0.9},
        {"centered": True},
        {"centered": True, "momentum": 0.9, "weight_decay": 0.1},
        {"centered": True, "momentum": 0.9, "weight_decay": 0.1, "maximize": True},
    ],
}
SCHEDULED = [("SGD", {"momentum": 0.9}), ("Adam", {}), ("RMSprop", {"momentum": 0.9})]


def flat(tensors):
    return np.concatenate([t.detach().numpy().reshape(-1) for t in tensors])


def trajectory(name, options, params, grads, dtype, schedule=False):
    tensors = [torch.nn.Parameter(torch.tensor(p, dtype=dtype)) for p in params]
    optimizer = getattr(torch.optim, name)(tensors, lr=0.01, **options)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, **STEP_LR) if schedule else None
    rows = []
    for step in range(STEPS):
        for tensor, grad in zip(tensors, grads, strict=True):
            tensor.grad = torch.tensor(grad[step], dtype=dtype)
        optimizer.step()
        if scheduler:
            scheduler.step()
        rows.append(flat(tensors))
    return np.stack(rows)


def record_optimizers():
    random = np.random.RandomState(0)
    params = [random.standard_normal(shape) for shape in SHAPES]
    # gradients of very different sizes, one leaf to the next
    grads = [
        random.standard_normal((STEPS, *s)) * size for s, size in zip(SHAPES, (1, 10, 0.1, 1), strict=True)
    ]
    arrays = {f"params/{i}": p for i, p in enumerate(params)} | {f"grads/{i}": g for i, g in enumerate(grads)}
    cases = [(name, options, False) for name, many in OPTIMIZERS.items() for options in many]
    for name, options, schedule in cases + [(*case, True) for case in SCHEDULED]:
        for dtype in (torch.float64, torch.float32):
            key = json.dumps(
                {"optimizer": name, "options": options, "schedule": STEP_LR if schedule else None}
            )
            arrays[f"{str(dtype).removeprefix('torch.')}/{key}"] = trajectory(
                name, options, params, grads, dtype, schedule
            )
    np.savez_compressed(OUT, **arrays)


if __name__ == "__main__":
    record_optimizers()
