"""The schedules that PyTorch followed, and ours for each of them."""

import json
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from jaxlearn import schedules

STORE = np.load(Path(__file__).parents[2] / "golden" / "schedules.npz")
RECORDED = [key for key in STORE.files if key != "classes"]
FUNCTIONS = {
    "inverse": lambda x: 1 / (1 + 0.1 * jnp.asarray(x, float)),
    "saw": lambda x: 0.8 + 0.05 * jnp.asarray(x % 5, float),
    "power": lambda x: 0.9 ** jnp.asarray(x, float),
}


def lambda_lr(value, lr_lambda):
    return schedules.product(value, FUNCTIONS[lr_lambda])


def linear_lr(value, start_factor=1 / 3, end_factor=1.0, total_iters=5):
    return schedules.linear(value * start_factor, value * end_factor, total_iters)


def cyclic_lr(
    value,
    base_lr,
    max_lr,
    step_size_up,
    step_size_down=None,
    mode="triangular",
    gamma=1.0,
    scale_fn=None,
    scale_mode="cycle",
    cycle_momentum=True,
    base_momentum=0.8,
    max_momentum=0.9,
    *,
    momentum=False,
):
    cycle = step_size_up + (step_size_down or step_size_up)
    scale = {
        "triangular": 1.0,
        "triangular2": schedules.step(1.0, cycle, 0.5),
        "exp_range": schedules.exponential(1.0, gamma),
    }[mode]
    if scale_fn and scale_mode == "cycle":
        scale = lambda step: FUNCTIONS[scale_fn](1 + step // cycle)
    elif scale_fn:
        scale = FUNCTIONS[scale_fn]
    top, bottom = (base_momentum, max_momentum) if momentum else (max_lr, base_lr)
    return schedules.cyclic(top, bottom, step_size_up, step_size_down, scale)


def one_cycle_lr(
    value,
    max_lr,
    total_steps=None,
    epochs=None,
    steps_per_epoch=None,
    pct_start=0.3,
    anneal_strategy="cos",
    cycle_momentum=True,
    base_momentum=0.85,
    max_momentum=0.95,
    div_factor=None,
    final_div_factor=None,
    three_phase=False,
    *,
    momentum=False,
):
    start = max_lr / div_factor if div_factor else None
    end = (start or max_lr / 25) / final_div_factor if final_div_factor else None
    top, start, end = (base_momentum, max_momentum, max_momentum) if momentum else (max_lr, start, end)
    curve = {"cos": "cosine", "linear": "linear"}[anneal_strategy]
    steps = total_steps or epochs * steps_per_epoch
    return schedules.one_cycle(top, steps, start, end, pct_start, curve, three_phase)


def build(value, member, **momentum):
    name, options = member
    return OURS[name](value, **options, **momentum)


OURS = {
    "LambdaLR": lambda_lr,
    "MultiplicativeLR": lambda value, lr_lambda: schedules.multiplicative(value, FUNCTIONS[lr_lambda], 400),
    "StepLR": lambda value, step_size, gamma=0.1: schedules.step(value, step_size, gamma),
    "MultiStepLR": lambda value, milestones, gamma=0.1: schedules.multi_step(value, milestones, gamma),
    "ConstantLR": lambda value, factor=1 / 3, total_iters=5: schedules.warmup(
        value, total_iters, factor, curve="constant"
    ),
    "LinearLR": linear_lr,
    "ExponentialLR": lambda value, gamma: schedules.exponential(value, gamma),
    "PolynomialLR": lambda value, total_iters=5, power=1.0: schedules.polynomial(value, total_iters, power),
    "CosineAnnealingLR": lambda value, T_max, eta_min=0.0: schedules.cosine(value, T_max, eta_min),
    "CosineAnnealingWarmRestarts": lambda value, T_0, T_mult=1, eta_min=0.0: schedules.warm_restarts(
        value, T_0, T_mult, eta_min
    ),
    "CyclicLR": cyclic_lr,
    "OneCycleLR": one_cycle_lr,
    "SequentialLR": lambda value, schedulers, milestones: schedules.join(
        [build(value, member) for member in schedulers], milestones
    ),
    "ChainedScheduler": lambda value, schedulers: schedules.product(
        value, *[build(1.0, member) for member in schedulers]
    ),
}


def ours_and_theirs(key):
    case = json.loads(key)
    cycled = {"momentum": True} if case["records"] == "momentum" else {}
    schedule = build(0.3, (case["schedule"], case["options"]), **cycled)
    theirs = STORE[key]
    return jax.vmap(schedule)(jnp.arange(len(theirs), dtype=jnp.int32)), theirs
