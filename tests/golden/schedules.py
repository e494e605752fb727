"""Records learning rates and momenta in PyTorch, for the tests to compare with.

    pip install torch==2.13.0 numpy && python tests/golden/schedules.py

An entry of the file is named by a JSON object: `schedule`, the class; `options`, its arguments, with
functions by their names in FUNCTIONS; and `records`, "lr" or "momentum". "classes" holds, as JSON,
every class there is with the names of its options.
"""

import inspect
import json
from pathlib import Path

import numpy as np
import torch
from torch.optim import lr_scheduler

OUT = Path(__file__).with_suffix(".npz")
FUNCTIONS = {
    "inverse": lambda x: 1 / (1 + 0.1 * x),
    "saw": lambda x: 0.8 + 0.05 * (x % 5),
    "power": lambda x: 0.9**x,
}
CYCLE = {"base_lr": 0.01, "max_lr": 0.3}
ONE = {"max_lr": 0.3, "total_steps": 75}
STEPS = 70
LONG = 400

# class, options, number of rates
CASES = [
    ("LambdaLR", {"lr_lambda": "inverse"}, STEPS),
    ("LambdaLR", {"lr_lambda": "power"}, LONG),
    ("MultiplicativeLR", {"lr_lambda": "saw"}, STEPS),
    ("MultiplicativeLR", {"lr_lambda": "inverse"}, STEPS),
    ("StepLR", {"step_size": 7, "gamma": 0.5}, STEPS),
    ("StepLR", {"step_size": 30}, LONG),
    ("StepLR", {"step_size": 1, "gamma": 1.05}, STEPS),
    ("MultiStepLR", {"milestones": [10, 25, 26, 60], "gamma": 0.5}, STEPS),
    ("MultiStepLR", {"milestones": [30]}, STEPS),
    ("ConstantLR", {}, STEPS),
    ("ConstantLR", {"factor": 0.1, "total_iters": 20}, STEPS),
    ("ConstantLR", {"factor": 1.0, "total_iters": 1}, STEPS),
    ("LinearLR", {}, STEPS),
    ("LinearLR", {"start_factor": 1.0, "end_factor": 0.1, "total_iters": 20}, STEPS),
    ("LinearLR", {"start_factor": 0.25, "end_factor": 1.0, "total_iters": 8}, STEPS),
    ("LinearLR", {"start_factor": 0.5, "end_factor": 0.0, "total_iters": 300}, LONG),
    ("ExponentialLR", {"gamma": 0.9}, STEPS),
    ("ExponentialLR", {"gamma": 0.995}, LONG),
    ("ExponentialLR", {"gamma": 1.02}, STEPS),
    ("PolynomialLR", {}, STEPS),
    ("PolynomialLR", {"total_iters": 50, "power": 2.0}, STEPS),
    ("PolynomialLR", {"total_iters": 300, "power": 0.9}, LONG),
    ("CosineAnnealingLR", {"T_max": 20}, STEPS),
    ("CosineAnnealingLR", {"T_max": 25, "eta_min": 0.03}, STEPS),
    ("CosineAnnealingLR", {"T_max": 50, "eta_min": 0.1}, LONG),
    ("CosineAnnealingLR", {"T_max": 1, "eta_min": 0.1}, STEPS),
    *[
        ("CosineAnnealingWarmRestarts", {"T_0": first, "T_mult": growth, "eta_min": end}, LONG)
        for first, growth, end in [(10, 1, 0.0), (7, 1, 0.05), (5, 2, 0.0), (1, 2, 0.01), (3, 3, 0.02)]
    ],
    ("CosineAnnealingWarmRestarts", {"T_0": 16}, STEPS),
    ("CyclicLR", CYCLE | {"step_size_up": 8}, STEPS),
    ("CyclicLR", CYCLE | {"step_size_up": 5, "step_size_down": 12, "mode": "triangular"}, LONG),
    ("CyclicLR", CYCLE | {"step_size_up": 9, "step_size_down": 4, "mode": "triangular2"}, STEPS),
    ("CyclicLR", CYCLE | {"step_size_up": 10, "mode": "exp_range", "gamma": 0.98}, STEPS),
    ("CyclicLR", CYCLE | {"step_size_up": 6, "scale_fn": "inverse", "scale_mode": "cycle"}, STEPS),
    ("CyclicLR", CYCLE | {"step_size_up": 6, "scale_fn": "power", "scale_mode": "iterations"}, STEPS),
    (
        "CyclicLR",
        CYCLE | {"step_size_up": 7, "base_momentum": 0.5, "max_momentum": 0.99, "mode": "triangular2"},
        STEPS,
    ),
    ("CyclicLR", CYCLE | {"step_size_up": 8, "cycle_momentum": False}, STEPS),
    *[
        ("OneCycleLR", ONE | {"anneal_strategy": curve, "three_phase": three, "pct_start": part}, 75)
        for curve in ("cos", "linear")
        for three in (False, True)
        for part in (0.3, 0.25, 0.01)
    ],
    ("OneCycleLR", ONE | {"pct_start": 0.5, "three_phase": True}, 75),
    ("OneCycleLR", ONE | {"pct_start": 0.0, "anneal_strategy": "linear"}, 75),
    ("OneCycleLR", {"max_lr": 0.3, "total_steps": 20}, 20),
    ("OneCycleLR", {"max_lr": 0.3, "epochs": 4, "steps_per_epoch": 100, "div_factor": 10.0}, LONG),
    ("OneCycleLR", ONE | {"div_factor": 5.0, "final_div_factor": 20.0}, 75),
    ("OneCycleLR", ONE | {"final_div_factor": 2.0, "three_phase": True, "anneal_strategy": "linear"}, 75),
    ("OneCycleLR", ONE | {"base_momentum": 0.5, "max_momentum": 0.99}, 75),
    ("OneCycleLR", ONE | {"cycle_momentum": False}, 75),
]
# class, members, other options, number of rates
COMPOSED = [
    (
        "SequentialLR",
        [("LinearLR", {"start_factor": 0.1, "total_iters": 10}), ("CosineAnnealingLR", {"T_max": 50})],
        {"milestones": [10]},
        STEPS,
    ),
    (
        "SequentialLR",
        [("ConstantLR", {"factor": 0.1, "total_iters": 20}), ("ExponentialLR", {"gamma": 0.9})],
        {"milestones": [20]},
        STEPS,
    ),
    (
        "SequentialLR",
        [
            ("StepLR", {"step_size": 3, "gamma": 0.7}),
            ("CosineAnnealingWarmRestarts", {"T_0": 4, "T_mult": 2, "eta_min": 0.01}),
            ("PolynomialLR", {"total_iters": 100, "power": 2.0}),
            ("MultiStepLR", {"milestones": [5, 40], "gamma": 0.5}),
            ("LambdaLR", {"lr_lambda": "inverse"}),
        ],
        {"milestones": [1, 60, 200, 300]},
        LONG,
    ),
    (
        "ChainedScheduler",
        [("ConstantLR", {"factor": 0.1, "total_iters": 20}), ("ExponentialLR", {"gamma": 0.9})],
        {},
        STEPS,
    ),
    (
        "ChainedScheduler",
        [("LinearLR", {"start_factor": 0.5, "total_iters": 15}), ("StepLR", {"step_size": 20, "gamma": 0.3})],
        {},
        STEPS,
    ),
    (
        "ChainedScheduler",
        [
            ("CosineAnnealingLR", {"T_max": 100}),
            ("MultiStepLR", {"milestones": [10, 30], "gamma": 0.5}),
            ("MultiplicativeLR", {"lr_lambda": "saw"}),
        ],
        {},
        STEPS,
    ),
    (
        "ChainedScheduler",
        [
            ("PolynomialLR", {"total_iters": 300, "power": 2.0}),
            ("LinearLR", {"start_factor": 0.2, "total_iters": 50}),
            ("ExponentialLR", {"gamma": 0.999}),
            ("StepLR", {"step_size": 100, "gamma": 0.5}),
        ],
        {},
        LONG,
    ),
]


def new_optimizer():
    return torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.3, momentum=0.9)


def build(optimizer, name, options):
    functions = {k: FUNCTIONS[v] for k, v in options.items() if k in ("lr_lambda", "scale_fn")}
    return getattr(lr_scheduler, name)(optimizer, **options | functions)


def compose(optimizer, name, members, options):
    schedulers = [build(optimizer, *member) for member in members]
    return getattr(lr_scheduler, name)(optimizer=optimizer, schedulers=schedulers, **options)


def follow(optimizer, scheduler, steps):
    rates, momenta = [], []
    for _ in range(steps):
        rates.append(scheduler.get_last_lr()[0])
        momenta.append(optimizer.param_groups[0]["momentum"])
        optimizer.step()
        scheduler.step()
    return {"lr": np.array(rates), "momentum": np.array(momenta)}


def classes():
    """The options of every class but the base class and ReduceLROnPlateau, which is no function of time."""
    names = sorted(set(lr_scheduler.__all__) - {"LRScheduler", "ReduceLROnPlateau"})
    options = {name: list(inspect.signature(getattr(lr_scheduler, name)).parameters) for name in names}
    return {
        name: [o for o in found if o not in ("optimizer", "last_epoch")] for name, found in options.items()
    }


def record_schedules():
    arrays = {"classes": np.array(json.dumps(classes()))}
    runs = []
    for name, options, steps in CASES:
        optimizer = new_optimizer()
        runs.append((name, options, follow(optimizer, build(optimizer, name, options), steps)))
    for name, members, options, steps in COMPOSED:
        optimizer = new_optimizer()
        scheduler = compose(optimizer, name, members, options)
        runs.append((name, {"schedulers": members} | options, follow(optimizer, scheduler, steps)))
    for name, options, records in runs:
        cycles_momentum = name in ("CyclicLR", "OneCycleLR") and options.get("cycle_momentum", True)
        for kind in ("lr", "momentum") if cycles_momentum else ("lr",):
            key = json.dumps({"schedule": name, "options": options, "records": kind})
            assert key not in arrays, key
            arrays[key] = records[kind]
    np.savez_compressed(OUT, **arrays)


if __name__ == "__main__":
    record_schedules()
