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
BFLOAT16 = torch.Tensor.bfloat16
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
    "AdamW": [
        {},
        {"betas": (0.8, 0.99)},
        {"eps": 0.1},
        {"weight_decay": 0.0},
        {"weight_decay": 0.1},
        {"amsgrad": True},
        {"amsgrad": True, "weight_decay": 0.1, "maximize": True},
    ],
    "Adamax": [
        {},
        {"betas": (0.8, 0.99)},
        {"eps": 0.1},
        {"weight_decay": 0.1},
        {"weight_decay": 0.1, "maximize": True},
    ],
    "NAdam": [
        {},
        {"betas": (0.8, 0.99)},
        {"eps": 0.1},
        {"momentum_decay": 0.1},
        {"weight_decay": 0.1},
        {"weight_decay": 0.1, "decoupled_weight_decay": True},
        {"weight_decay": 0.1, "momentum_decay": 0.0, "maximize": True},
    ],
    "RAdam": [
        {},
        {"betas": (0.8, 0.99)},
        {"betas": (0.9, 0.5)},  # rho never passes 5
        {"eps": 0.1},
        {"weight_decay": 0.1},
        {"weight_decay": 0.1, "decoupled_weight_decay": True},
        {"weight_decay": 0.1, "maximize": True},
    ],
    "Adagrad": [
        {},
        {"lr_decay": 0.1},
        {"weight_decay": 0.1},
        {"initial_accumulator_value": 0.1},
        {"eps": 0.1},
        {"lr_decay": 0.1, "weight_decay": 0.1, "maximize": True},
    ],
    "Adadelta": [
        {"lr": 1.0},
        {"rho": 0.5, "lr": 1.0},
        {"eps": 0.1},
        {"weight_decay": 0.1},
        {"weight_decay": 0.1, "maximize": True},
    ],
    "Rprop": [
        {},
        {"etas": (0.7, 1.5)},
        {"step_sizes": (0.005, 0.02)},
        {"maximize": True},
    ],
    "ASGD": [
        {},
        {"lambd": 0.1},
        {"lambd": 0.1, "alpha": 0.5},
        {"t0": 10},
        {"weight_decay": 0.1},
        {"t0": 10, "weight_decay": 0.1, "maximize": True},
    ],
    "Adafactor": [
        {},
        {"lr": 0.5},  # above 1 / sqrt(t) from the fifth step on
        {"beta2_decay": -0.5},
        {"eps": (0.1, 0.5)},
        {"d": 2.0},
        {"weight_decay": 0.1},
        {"weight_decay": 0.1, "maximize": True},
    ],
    "Muon": [
        {},
        {"weight_decay": 0.0},
        {"momentum": 0.5},
        {"nesterov": False},
        {"ns_coefficients": (2.0, -1.5, 0.5)},
        {"eps": 10.0},
        {"ns_steps": 3},
        {"adjust_lr_fn": "match_rms_adamw"},
        {"bfloat16": True},
    ],
}
SCHEDULED = [
    ("SGD", {"momentum": 0.9}),
    ("RMSprop", {"momentum": 0.9}),
    ("ASGD", {"lambd": 0.1}),
    *((name, {}) for name in OPTIMIZERS if name not in ("SGD", "RMSprop", "ASGD", "Rprop")),
]


def flat(tensors):
    return np.concatenate([t.detach().numpy().reshape(-1) for t in tensors])


def make(name, options, tensors):
    options = {"lr": 0.01} | options
    if name == "Muon" and not options.pop("bfloat16", False):
        # the Newton-Schulz iteration in the precision of the parameters
        torch.Tensor.bfloat16 = torch.Tensor.clone
    elif name == "Muon":
        torch.Tensor.bfloat16 = BFLOAT16
    return getattr(torch.optim, name)(tensors, **options)


def trajectory(name, options, params, grads, dtype, schedule=False):
    """Parameters after each step, and for ASGD their averages, too."""
    torch.set_default_dtype(dtype)  # in which NAdam and ASGD keep their scalars
    tensors = [torch.nn.Parameter(torch.tensor(p, dtype=dtype)) for p in params]
    optimizer = make(name, options, tensors)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, **STEP_LR) if schedule else None
    rows, averages = [], []
    for step in range(STEPS):
        for tensor, grad in zip(tensors, grads, strict=True):
            tensor.grad = torch.tensor(grad[step], dtype=dtype)
        optimizer.step()
        if scheduler:
            scheduler.step()
        rows.append(flat(tensors))
        if name == "ASGD":
            averages.append(flat(optimizer.state[tensor]["ax"] for tensor in tensors))
    return np.stack(rows), np.array(averages)


def matrices(arrays):
    """Muon's problem: a matrix that is higher than wide or the other way round, and its transpose."""
    return [np.swapaxes(arrays[2], -1, -2), arrays[2]]


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
            problem = (matrices(params), matrices(grads)) if name == "Muon" else (params, grads)
            kind = str(dtype).removeprefix("torch.")
            arrays[f"{kind}/{key}"], averages = trajectory(name, options, *problem, dtype, schedule)
            if len(averages):
                arrays[f"{kind}-average/{key}"] = averages
    np.savez_compressed(OUT, **arrays)


if __name__ == "__main__":
    record_optimizers()
