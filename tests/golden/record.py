"""Records what PyTorch computes, for the tests to compare with.

    pip install torch==2.13.0 numpy && python tests/golden/record.py

All random numbers come from numpy's frozen RandomState, so that the files come out the same again.
"""

import json
from pathlib import Path

import numpy as np
import torch

HERE = Path(__file__).parent
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
    np.savez_compressed(HERE / "optimizers.npz", **arrays)


def record_schedules():
    cases = [
        ("StepLR", {"step_size": 7, "gamma": 0.5}),
        ("ExponentialLR", {"gamma": 0.9}),
        ("LinearLR", {"start_factor": 1.0, "end_factor": 0.1, "total_iters": 20}),
        ("LinearLR", {"start_factor": 0.25, "end_factor": 1.0, "total_iters": 8}),
        ("CosineAnnealingLR", {"T_max": 20}),
        ("CosineAnnealingLR", {"T_max": 25, "eta_min": 0.03}),
    ]
    arrays = {}
    for name, options in cases:
        optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.3)
        scheduler = getattr(torch.optim.lr_scheduler, name)(optimizer, **options)
        rates = []
        for _ in range(60):
            rates.append(scheduler.get_last_lr()[0])
            optimizer.step()
            scheduler.step()
        arrays[json.dumps({"schedule": name, "options": options})] = np.array(rates)
    np.savez_compressed(HERE / "schedules.npz", **arrays)


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
    np.savez_compressed(HERE / "layers.npz", **arrays)


if __name__ == "__main__":
    record_optimizers()
    record_schedules()
    record_layers()
