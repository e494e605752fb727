"""All of torch.optim but L-BFGS, which has recordings of its own."""

import json

import jax
import jax.numpy as jnp

from jaxlearn import optim, schedules
from tests.jaxlearn.optim.case import GOLDEN, LR, PRECISE, Case, flat, follow, problem, show

TORCH = {
    "SGD": optim.sgd,
    "Adam": optim.adam,
    "AdamW": optim.adamw,
    "Adamax": optim.adamax,
    "NAdam": optim.nadam,
    "RAdam": optim.radam,
    "Adagrad": optim.adagrad,
    "Adadelta": optim.adadelta,
    "RMSprop": optim.rmsprop,
    "Rprop": optim.rprop,
    "ASGD": optim.asgd,
    "Adafactor": optim.adafactor,
    "Muon": optim.muon,
}
RENAMED = {"lr": "learning_rate", "rho": "decay", "adjust_lr_fn": "adjust_lr"}
SPLIT = {
    "betas": ("b1", "b2"),
    "etas": ("eta_minus", "eta_plus"),
    "step_sizes": ("min_step_size", "max_step_size"),
}
RECORDED = [key.removeprefix("float64/") for key in GOLDEN if key.startswith("float64/")]


def translate(name, options):
    """Our names for PyTorch's hyperparameters."""
    renamed = RENAMED | ({"alpha": "decay"} if name == "RMSprop" else {})
    split = SPLIT | ({"eps": ("eps1", "eps2")} if name == "Adafactor" else {})
    ours = {}
    for option, value in options.items():
        ours |= dict(zip(split[option], value, strict=True)) if option in split else {}
        ours |= {} if option in split else {renamed.get(option, option): value}
    return ours


def torch_case(key):
    record = json.loads(key)
    name, options, schedule = record["optimizer"], record["options"], record["schedule"]
    flags = translate(name, options)
    half = flags.pop("bfloat16", False)

    def ours(dtype):
        params, grads = problem(dtype)
        rate = flags.get("learning_rate", LR)
        if schedule:
            rate = schedules.step(rate, schedule["step_size"], schedule["gamma"])
        extra = {}
        if name == "Muon":
            params, grads = ([jnp.swapaxes(x[2], -1, -2), x[2]] for x in (params, grads))
            extra = {"ns_dtype": jnp.bfloat16 if half else dtype}
        path = follow(TORCH[name](**flags | extra | {"learning_rate": rate}), params, grads)
        return flat(path)

    bounds = {"double": PRECISE, "single": 1e-5}
    note = ""
    if half:
        bounds = {"double": 2e-2, "single": 2e-2}
        note = "Newton-Schulz in bfloat16, which keeps 8 bits: see below"
    return Case(
        TORCH[name].__name__,
        show(flags) + (", ns_dtype=bfloat16" if half else "") + (", step schedule" if schedule else ""),
        f"PyTorch {name}",
        ours,
        lambda dtype: GOLDEN[f"{dtype}/{key}"],
        note=note,
        **bounds,
    )


def average_case(key):
    """ASGD's averaged parameters, as PyTorch's state holds them."""
    case = torch_case(key)
    record = json.loads(key)
    flags = translate("ASGD", record["options"])

    def ours(dtype):
        params, grads = problem(dtype)
        rate = LR
        if record["schedule"]:
            rate = schedules.step(rate, record["schedule"]["step_size"], record["schedule"]["gamma"])
        opt = optim.asgd(rate, **flags)

        def body(carry, grads):
            params, state = carry
            updates, state = opt.update(grads, state, params)
            return (optim.apply_updates(params, updates), state), optim.averaged_parameters(state)

        return flat(jax.lax.scan(body, (params, opt.init(params)), grads)[1])

    return case._replace(
        ours=ours,
        theirs=lambda dtype: GOLDEN[f"{dtype}-average/{key}"],
        flags=f"{case.flags}: averaged_parameters",
    )


CASES = [
    *(torch_case(key) for key in RECORDED),
    *(average_case(key) for key in RECORDED if json.loads(key)["optimizer"] == "ASGD"),
]
