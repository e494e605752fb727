"""Records in PyTorch what goes around an optimizer, for the tests to compare with: parameter groups,
averaged parameters, learning rates that fall on a plateau, clipping by value.

    pip install torch==2.13.0 numpy && python tests/golden/wrappers.py

All random numbers come from numpy's frozen RandomState, so that the file comes out the same again.
"""

import json
from pathlib import Path

import numpy as np
import torch
from torch.optim.lr_scheduler import ReduceLROnPlateau
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

OUT = Path(__file__).with_suffix(".npz")
STEPS = 24
SHAPES = [(), (5,), (4, 3)]
PLATEAU_LR = 0.25  # a power of two, so that rates are exact multiples of it

GROUPS = [  # for the first parameter, and for the others
    ("SGD", {"lr": 0.1, "momentum": 0.9}, {"lr": 0.01, "weight_decay": 0.1}),
    ("Adam", {"lr": 0.1, "betas": (0.8, 0.99)}, {"lr": 0.01, "weight_decay": 0.1, "amsgrad": True}),
]
AVERAGES = [
    {"decay": decay, "start": start, "every": every}
    for decay in (None, 0.9)
    for start, every in ((0, 1), (5, 1), (0, 4), (3, 5))
] + [{"decay": decay, "start": 0, "every": 1} for decay in (0.0, 1.0)]
PLATEAUS = [
    {},
    {"factor": 0.5},
    {"patience": 0},
    {"patience": 3},
    {"threshold": 0.2},
    {"threshold": 0.2, "threshold_mode": "abs"},
    {"cooldown": 4},
    {"min_lr": 0.01},
    {"eps": 0.01},
    {"every": 5},
    {"every": 3, "threshold": 0.05, "threshold_mode": "abs"},
    {"every": 3, "factor": 0.3, "patience": 2, "threshold": 0.05, "cooldown": 2, "min_lr": 0.001},
]


def flat(tensors):
    return np.concatenate([t.detach().numpy().reshape(-1) for t in tensors])


def parameters(params, dtype):
    return torch.nn.ParameterList([torch.nn.Parameter(torch.tensor(p, dtype=dtype)) for p in params])


def set_gradients(model, grads, step):
    for tensor, grad in zip(model, grads, strict=True):
        tensor.grad = torch.tensor(grad[step], dtype=tensor.dtype)


def record_groups(name, first, second, params, grads, dtype):
    model = parameters(params, dtype)
    tensors = list(model)
    groups = [{"params": tensors[:1], **first}, {"params": tensors[1:], **second}]
    optimizer = getattr(torch.optim, name)(groups)
    rows = []
    for step in range(STEPS):
        set_gradients(model, grads, step)
        optimizer.step()
        rows.append(flat(model))
    return np.stack(rows)


def record_average(params, grads, dtype, decay, start, every):
    """The averages after each step; NaN before the first."""
    model = parameters(params, dtype)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    averaged = AveragedModel(model, multi_avg_fn=None if decay is None else get_ema_multi_avg_fn(decay))
    rows = []
    for step in range(1, STEPS + 1):
        set_gradients(model, grads, step - 1)
        optimizer.step()
        if step > start and (step - start) % every == 0:
            averaged.update_parameters(model)
        row = flat(averaged.parameters())
        rows.append(row if averaged.n_averaged > 0 else np.full_like(row, np.nan))
    return np.stack(rows)


def record_plateau(values, mode, every=1, patience=1, **options):
    """The learning rate after each value; the scheduler sees the means of `every` values."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(()))], lr=PLATEAU_LR)
    scheduler = ReduceLROnPlateau(optimizer, mode, patience=patience, **options)
    rates = []
    for step in range(1, len(values) + 1):
        if step % every == 0:
            scheduler.step(sum(values[step - every : step].tolist()) / every)
        rates.append(optimizer.param_groups[0]["lr"])
    return np.array(rates)


def clipped_by_value(grads, dtype, limit):
    model = parameters([np.zeros(shape) for shape in SHAPES], dtype)
    set_gradients(model, grads, 0)
    torch.nn.utils.clip_grad_value_(model.parameters(), limit)
    return flat([tensor.grad for tensor in model])


def record_wrappers():
    random = np.random.RandomState(1)
    params = [random.standard_normal(shape) for shape in SHAPES]
    grads = [random.standard_normal((STEPS, *shape)) for shape in SHAPES]
    arrays = {f"params/{i}": p for i, p in enumerate(params)} | {f"grads/{i}": g for i, g in enumerate(grads)}
    for dtype in (torch.float64, torch.float32):
        kind = str(dtype).removeprefix("torch.")
        for case in GROUPS:
            arrays[f"groups/{kind}/{json.dumps(case)}"] = record_groups(*case, params, grads, dtype)
        arrays[f"clip/{kind}/0.5"] = clipped_by_value(grads, dtype, 0.5)

    for case in AVERAGES:
        arrays[f"average/float64/{json.dumps(case)}"] = record_average(params, grads, torch.float64, **case)

    # losses that fall, and stay, and fall again, above 0 (below it we part from PyTorch); scores that rise
    steps = np.arange(150)
    trend = 1 + np.exp(-(steps % 75) / 10) + 0.5 * (steps < 75)
    losses = trend + 0.2 * random.standard_normal((4, 150))
    for mode, values in (("min", losses), ("max", 4 - losses)):
        arrays[f"values/{mode}"] = values
        for case in PLATEAUS:
            rates = [record_plateau(row, mode, **case) for row in values]
            arrays[f"plateau/{json.dumps({'mode': mode, **case})}"] = np.stack(rates)
    np.savez_compressed(OUT, **arrays)


if __name__ == "__main__":
    record_wrappers()
