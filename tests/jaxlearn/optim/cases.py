"""Every optimizer and flag beside an oracle: what the tests check and `make parity` writes down.

Three kinds of oracle, none of them derived from this project's code: trajectories recorded from PyTorch
(`tests/golden/optimizers.py`), optax as it is installed, and `papers*.py`, the rules in plain numpy.
"""

import functools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from optax import contrib

from jaxlearn import optim, schedules
from tests.jaxlearn.optim import papers, papers_global, papers_matrix

GOLDEN_FOLDER = Path(__file__).parents[2] / "golden"
GOLDEN = np.load(GOLDEN_FOLDER / "optimizers.npz")
LR = 0.01
PRECISE = 1e-12


class Case(NamedTuple):
    """One row of the table.

    `ours(dtype)` and `theirs(dtype)` give the parameters after each step as a matrix; `double` and `single`
    are the bounds on their difference in float64 and float32 (None where the oracle is in float64 only).
    """

    optimizer: str
    flags: str
    oracle: str
    ours: Callable[[Any], Any]
    theirs: Callable[[Any], Any]
    double: float = PRECISE
    single: float | None = None
    note: str = ""

    @property
    def name(self):
        return f"{self.optimizer} [{self.flags}] {self.oracle}"

    def difference(self, dtype):
        """The largest difference of any parameter after any step."""
        with jax.enable_x64(dtype == "float64"):
            ours = np.asarray(self.ours(dtype))
            theirs = np.asarray(self.theirs(dtype))
        assert ours.shape == theirs.shape
        assert ours.dtype == dtype
        return float(np.abs(ours - theirs).max())


def show(options):
    return ", ".join(f"{name}={value}" for name, value in options.items()) or "defaults"


def follow(opt, params, grads, **extra):
    """Parameters after every step, as one scan; `extra` has a leading axis of steps, as `grads` has."""

    def body(carry, inputs):
        params, state = carry
        grads, extra = inputs
        updates, state = opt.update(grads, state, params, **extra)
        params = optim.apply_updates(params, updates)
        return (params, state), params

    return jax.jit(lambda: jax.lax.scan(body, (params, opt.init(params)), (grads, extra))[1])()


def flat(tree):
    """A trajectory of a tree as one matrix: a row for each step."""
    return jnp.concatenate([x.reshape(x.shape[0], -1) for x in jax.tree.leaves(tree)], axis=1)


def problem(dtype, trend=0.0):
    """The recorded parameters and 50 gradients of each; a `trend` in the gradients makes them agree."""
    leaves = sum(key.startswith("params/") for key in GOLDEN)
    params, grads = ([GOLDEN[f"{kind}/{i}"] for i in range(leaves)] for kind in ("params", "grads"))
    grads = [g + trend * np.sign(p) for p, g in zip(params, grads, strict=True)]
    return [jnp.asarray(p, dtype) for p in params], [jnp.asarray(g, dtype) for g in grads]


# --- PyTorch -------------------------------------------------------------------------------------------

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
            params, grads = ([x[2], jnp.swapaxes(x[2], -1, -2)] for x in (params, grads))
            extra = {"ns_dtype": jnp.bfloat16 if half else dtype}
        path = follow(TORCH[name](**flags | extra | {"learning_rate": rate}), params, grads)
        if name == "Muon":  # PyTorch's matrices are (out, in)
            path = [jnp.swapaxes(x, -1, -2) for x in path]
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


# --- optax ---------------------------------------------------------------------------------------------


def schedule(step):
    return LR * 0.5 ** jnp.floor(jnp.asarray(step, float) / 10)


def decayed(decay, opt):
    return optax.chain(optax.add_decayed_weights(decay), opt)


def uphill(opt):
    return optax.chain(optax.scale(-1.0), opt)


MASK = [True, False, True, False]


def optax_case(ours, flags, theirs, rate=LR, trend=0.0):
    """`flags` are ours; `theirs` builds the optax transform (when asked: some make arrays)."""

    def path(opt, dtype):
        return flat(follow(opt, *problem(dtype, trend)))

    def path_of_optax(dtype):
        with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
            return path(theirs(), dtype)

    shown = show(flags) + (", step schedule" if callable(rate) else "")
    return Case(
        ours.__name__,
        shown,
        "optax",
        lambda dtype: path(ours(rate, **flags), dtype),
        path_of_optax,
        single=1e-5,
    )


def b3_warmup(step):
    """The paper's schedule of b3 from 0.9 to 0.9999 over 20 steps, which optax calls from 0 on."""
    done = (jnp.asarray(step, float) + 1) / 20
    start, end = np.log(0.9), np.log(0.9999)
    grown = jnp.exp(start * end / ((1 - done) * end + done * start))
    return jnp.where(done < 1, grown, 0.9999)


def alpha_warmup(step):
    return 5.0 * jnp.minimum((jnp.asarray(step, float) + 1) / 20, 1.0)


OPTAX = [
    (optim.sgd, {}, lambda: optax.sgd(LR)),
    (optim.sgd, {"momentum": 0.9}, lambda: optax.sgd(LR, momentum=0.9)),
    (optim.sgd, {"momentum": 0.9, "nesterov": True}, lambda: optax.sgd(LR, momentum=0.9, nesterov=True)),
    (optim.sgd, {"momentum": 0.9}, lambda: optax.sgd(schedule, momentum=0.9), schedule),
    (optim.sgd, {"momentum": 0.9, "weight_decay": 0.1}, lambda: decayed(0.1, optax.sgd(LR, momentum=0.9))),
    (optim.sgd, {"momentum": 0.9, "maximize": True}, lambda: uphill(optax.sgd(LR, momentum=0.9))),
    (optim.momentum, {}, lambda: optax.chain(optax.scale_by_learning_rate(LR), optax.trace(0.9))),
    (
        optim.momentum,
        {"momentum": 0.8},
        lambda: optax.chain(optax.scale_by_learning_rate(schedule), optax.trace(0.8)),
        schedule,
    ),
    (
        optim.momentum,
        {"weight_decay": 0.1, "nesterov": True},
        lambda: decayed(
            0.1, optax.chain(optax.scale_by_learning_rate(schedule), optax.trace(0.9, nesterov=True))
        ),
        schedule,
    ),
    (optim.momentum, {"maximize": True}, lambda: optax.chain(optax.scale(LR), optax.trace(0.9))),
    (optim.adam, {}, lambda: optax.adam(LR)),
    (optim.adam, {"b1": 0.8, "b2": 0.99, "eps": 0.1}, lambda: optax.adam(LR, b1=0.8, b2=0.99, eps=0.1)),
    (optim.adam, {}, lambda: optax.adam(schedule), schedule),
    (optim.adam, {"weight_decay": 0.1}, lambda: decayed(0.1, optax.adam(LR))),
    (optim.adam, {"maximize": True}, lambda: uphill(optax.adam(LR))),
    (optim.adamw, {}, lambda: optax.adamw(LR, weight_decay=1e-2)),
    (
        optim.adamw,
        {"weight_decay": 0.1, "mask": MASK},
        lambda: optax.adamw(LR, weight_decay=0.1, mask=MASK),
    ),
    (optim.adamw, {}, lambda: optax.adamw(schedule, weight_decay=1e-2), schedule),
    (optim.nadamw, {}, lambda: optax.nadamw(LR, weight_decay=1e-2)),
    (
        optim.nadamw,
        {"b1": 0.8, "b2": 0.99, "eps": 0.1, "weight_decay": 0.1, "mask": MASK},
        lambda: optax.nadamw(LR, b1=0.8, b2=0.99, eps=0.1, weight_decay=0.1, mask=MASK),
    ),
    (optim.adamax, {}, lambda: optax.adamax(LR)),
    (optim.adamax, {"b1": 0.8, "b2": 0.99, "eps": 0.1}, lambda: optax.adamax(LR, b1=0.8, b2=0.99, eps=0.1)),
    (
        optim.adagrad,
        {"initial_accumulator_value": 0.1, "eps": 1e-7, "eps_in_sqrt": True},
        lambda: optax.adagrad(LR),
    ),
    (optim.adadelta, {}, lambda: optax.adadelta(LR)),
    (optim.adadelta, {"decay": 0.5, "eps": 0.1}, lambda: optax.adadelta(LR, rho=0.5, eps=0.1)),
    (optim.rmsprop, {}, lambda: optax.rmsprop(LR, decay=0.99, eps_in_sqrt=False)),
    (
        optim.rmsprop,
        {"decay": 0.9, "eps": 1e-4, "eps_in_sqrt": True},
        lambda: optax.rmsprop(LR, decay=0.9, eps=1e-4),
    ),
    (
        optim.rmsprop,
        {"centered": True, "momentum": 0.9, "weight_decay": 0.1},
        lambda: decayed(0.1, optax.rmsprop(LR, decay=0.99, centered=True, momentum=0.9, eps_in_sqrt=False)),
    ),
    (optim.rmsprop, {"maximize": True}, lambda: uphill(optax.rmsprop(LR, decay=0.99, eps_in_sqrt=False))),
    (optim.lion, {}, lambda: optax.lion(LR, weight_decay=0.0)),
    (
        optim.lion,
        {"b1": 0.8, "b2": 0.9, "weight_decay": 0.1, "mask": MASK},
        lambda: optax.lion(LR, b1=0.8, b2=0.9, weight_decay=0.1, mask=MASK),
    ),
    (optim.sign_sgd, {}, lambda: optax.sign_sgd(LR)),
    (optim.sign_sgd, {"momentum": 0.9}, lambda: optax.signum(LR, 0.9)),
    (
        optim.sign_sgd,
        {"weight_decay": 0.1},
        lambda: optax.chain(
            optax.scale_by_sign(), optax.add_decayed_weights(0.1), optax.scale_by_learning_rate(LR)
        ),
    ),
    (optim.lamb, {}, lambda: optax.lamb(LR)),
    (
        optim.lamb,
        {"b1": 0.8, "b2": 0.99, "eps": 0.1, "weight_decay": 0.1, "mask": MASK},
        lambda: optax.lamb(LR, b1=0.8, b2=0.99, eps=0.1, weight_decay=0.1, mask=MASK),
    ),
    (optim.lars, {}, lambda: optax.lars(LR)),
    (
        optim.lars,
        {"momentum": 0.5, "trust_coefficient": 0.1, "eps": 0.1, "nesterov": True, "mask": MASK},
        lambda: optax.lars(
            LR, momentum=0.5, trust_coefficient=0.1, eps=0.1, nesterov=True, trust_ratio_mask=MASK
        ),
    ),
    (optim.adabelief, {}, lambda: optax.adabelief(LR)),
    (
        optim.adabelief,
        {"b1": 0.8, "b2": 0.99, "eps": 0.1, "eps_root": 1e-3},
        lambda: optax.adabelief(LR, b1=0.8, b2=0.99, eps=0.1, eps_root=1e-3),
    ),
    (
        optim.adabelief,
        {"weight_decay": 0.1, "mask": MASK},
        lambda: optax.chain(
            optax.scale_by_belief(),
            optax.add_decayed_weights(0.1, MASK),
            optax.scale_by_learning_rate(LR),
        ),
    ),
    (optim.novograd, {}, lambda: optax.novograd(LR, b1=0.95, b2=0.98, eps=1e-8)),
    (
        optim.novograd,
        {"b1": 0.9, "b2": 0.25, "eps": 0.1, "weight_decay": 0.1},
        lambda: optax.novograd(LR, eps=0.1, weight_decay=0.1),
    ),
    (optim.ademamix, {}, lambda: contrib.ademamix(LR)),
    (
        optim.ademamix,
        {"b1": 0.8, "b2": 0.99, "b3": 0.999, "alpha": 2.0, "eps": 0.1, "weight_decay": 0.1, "mask": MASK},
        lambda: contrib.ademamix(
            LR, b1=0.8, b2=0.99, b3=0.999, alpha=2.0, eps=0.1, weight_decay=0.1, mask=MASK
        ),
    ),
    (optim.ademamix, {"warmup_steps": 20}, lambda: contrib.ademamix(LR, b3=b3_warmup, alpha=alpha_warmup)),
    (optim.adopt, {}, lambda: contrib.adopt(LR)),
    (
        optim.adopt,
        {"b1": 0.8, "b2": 0.99, "eps": 0.1, "clip": False},
        lambda: contrib.adopt(LR, b1=0.8, b2=0.99, eps=0.1, use_clipping=False),
    ),
    (optim.schedule_free_sgd, {}, lambda: contrib.schedule_free_sgd(LR)),
    (
        optim.schedule_free_sgd,
        {"b1": 0.8, "weight_decay": 0.1},
        lambda: contrib.schedule_free_sgd(LR, b1=0.8, weight_decay=0.1),
    ),
    (optim.schedule_free_adamw, {}, lambda: contrib.schedule_free_adamw(LR)),
    (
        optim.schedule_free_adamw,
        {"b1": 0.8, "b2": 0.99, "eps": 0.1, "weight_decay": 0.1},
        lambda: contrib.schedule_free_adamw(LR, b1=0.8, b2=0.99, eps=0.1, weight_decay=0.1),
    ),
]
# d grows only where gradients agree
OPTAX_GROWING = [
    (
        optim.prodigy,
        {"d0": 1e-3, "use_bias_correction": True},
        lambda: contrib.prodigy(1.0, estim_lr0=1e-3),
    ),
    (
        optim.prodigy,
        {"d0": 1e-3, "use_bias_correction": True, "safeguard_warmup": True, "d_coef": 0.5, "b3": 0.99},
        lambda: contrib.prodigy(1.0, estim_lr0=1e-3, safeguard_warmup=True, estim_lr_coef=0.5, beta3=0.99),
    ),
    (
        optim.prodigy,
        {"d0": 1e-3, "use_bias_correction": True, "weight_decay": 0.1, "eps": 1e-3, "b1": 0.8, "b2": 0.99},
        lambda: contrib.prodigy(1.0, betas=(0.8, 0.99), estim_lr0=1e-3, weight_decay=0.1, eps=1e-3),
    ),
    (
        optim.dadapt_adamw,
        {"d0": 1e-3, "use_bias_correction": True},
        lambda: contrib.dadapt_adamw(1.0, estim_lr0=1e-3),
    ),
    (
        optim.dadapt_adamw,
        {"d0": 1e-3, "use_bias_correction": True, "weight_decay": 0.1, "b2": 0.99},
        lambda: contrib.dadapt_adamw(1.0, betas=(0.9, 0.99), estim_lr0=1e-3, weight_decay=0.1),
    ),
]

# --- papers --------------------------------------------------------------------------------------------


def paper_case(ours, flags, theirs, options=None, rate=LR, trend=0.0):
    """`options` are the transcription's keywords where they are not ours."""

    def path_of_numpy(dtype):
        params, grads = problem("float64", trend)
        steps = [[np.asarray(g[t]) for g in grads] for t in range(len(grads[0]))]
        given = flags if options is None else options
        path = theirs([np.asarray(p) for p in params], steps, learning_rate=rate, **given)
        return np.stack([np.concatenate([np.ravel(x) for x in row]) for row in path])

    return Case(
        ours.__name__,
        show(flags),
        "paper",
        lambda dtype: flat(follow(ours(rate, **flags), *problem(dtype, trend))),
        path_of_numpy,
    )


B12 = {"b1": 0.8, "b2": 0.99, "eps": 0.1}
PAPERS = [
    (optim.momentum, {}, papers.momentum),
    (optim.momentum, {"momentum": 0.5, "nesterov": True}, papers.momentum),
    (optim.sign_sgd, {}, papers.sign_sgd),
    (optim.sign_sgd, {"momentum": 0.9}, papers.sign_sgd),
    (optim.lion, {}, papers.lion),
    (optim.lion, {"b1": 0.8, "b2": 0.9, "weight_decay": 0.1}, papers.lion),
    (optim.lamb, {}, papers.lamb),
    (optim.lamb, B12 | {"weight_decay": 0.1}, papers.lamb),
    (optim.lars, {}, papers.lars),
    (optim.lars, {"momentum": 0.5, "weight_decay": 0.1, "trust_coefficient": 0.1}, papers.lars),
    (optim.adabelief, {}, papers.adabelief),
    (optim.adabelief, B12 | {"eps_root": 1e-3, "weight_decay": 0.1}, papers.adabelief),
    (optim.yogi, {}, papers.yogi),
    (optim.yogi, B12 | {"initial_accumulator_value": 0.1, "weight_decay": 0.1}, papers.yogi),
    (
        optim.yogi,
        {"use_bias_correction": True},
        papers.yogi,
        {"bias_correction": True},
    ),
    (optim.nadamw, {"weight_decay": 0.1}, papers.nadamw, {"weight_decay": 0.1, "nu_factor": False}),
    (optim.adan, {}, papers.adan),
    (optim.adan, {"b1": 0.9, "b2": 0.7, "b3": 0.95, "eps": 0.1, "weight_decay": 0.1}, papers.adan),
    (optim.ademamix, {}, papers.ademamix),
    (
        optim.ademamix,
        B12 | {"b3": 0.999, "alpha": 2.0, "weight_decay": 0.1, "warmup_steps": 20},
        papers.ademamix,
        B12 | {"b3": 0.999, "alpha": 2.0, "weight_decay": 0.1, "alpha_warmup": 20, "b3_warmup": 20},
    ),
    (optim.adopt, {}, papers.adopt),
    (
        optim.adopt,
        B12 | {"weight_decay": 0.1, "decoupled_weight_decay": True, "clip": False},
        papers.adopt,
        B12 | {"weight_decay": 0.1, "clip": False},
    ),
    (optim.novograd, {}, papers_global.novograd),
    (optim.novograd, B12 | {"weight_decay": 0.1}, papers_global.novograd),
    (optim.madgrad, {}, papers_global.madgrad),
    (optim.madgrad, {"momentum": 0.0, "eps": 1e-3, "weight_decay": 0.1}, papers_global.madgrad),
    (optim.schedule_free_sgd, {"warmup_steps": 10}, papers_global.schedule_free_sgd),
    (
        optim.schedule_free_sgd,
        {"warmup_steps": 10, "b1": 0.8, "weight_decay": 0.1, "weight_lr_power": 1.0},
        papers_global.schedule_free_sgd,
    ),
    (optim.schedule_free_adamw, {"warmup_steps": 10}, papers_global.schedule_free_adamw),
    (
        optim.schedule_free_adamw,
        B12 | {"warmup_steps": 10, "weight_decay": 0.1, "weight_lr_power": 1.0},
        papers_global.schedule_free_adamw,
    ),
    (optim.shampoo, {}, papers_matrix.shampoo),
    (optim.shampoo, {"momentum": 0.9, "eps": 0.1, "update_interval": 5}, papers_matrix.shampoo),
    (optim.shampoo, {"max_dim": 3, "weight_decay": 0.1}, papers_matrix.shampoo),
    (optim.soap, {}, papers_matrix.soap, {"weight_decay": 0.01}),
    (
        optim.soap,
        {"b1": 0.8, "b2": 0.9, "eps": 0.1, "precondition_frequency": 1, "weight_decay": 0.1},
        papers_matrix.soap,
    ),
    (
        optim.soap,
        {"shampoo_beta": 0.8, "max_precond_dim": 2, "weight_decay": 0.0, "precondition_frequency": 3},
        papers_matrix.soap,
    ),
]
PAPERS_GROWING = [
    (optim.prodigy, {"d0": 1e-3}, papers_global.prodigy, {"estim_lr0": 1e-3}),
    (
        optim.prodigy,
        {"d0": 1e-3, "d_coef": 2.0, "b3": 0.9, "weight_decay": 0.1, "safeguard_warmup": True},
        papers_global.prodigy,
        {"estim_lr0": 1e-3, "estim_lr_coef": 2.0, "b3": 0.9, "weight_decay": 0.1, "safeguard_warmup": True},
    ),
    (
        optim.prodigy,
        {"d0": 1e-3, "growth_rate": 1.02},
        papers_global.prodigy,
        {"estim_lr0": 1e-3, "growth_rate": 1.02},
    ),
    (optim.dadapt_adamw, {"d0": 1e-3}, papers_global.dadapt_adamw, {"estim_lr0": 1e-3}),
    (
        optim.dadapt_adamw,
        {"d0": 1e-3, "growth_rate": 1.02},
        papers_global.dadapt_adamw,
        {"estim_lr0": 1e-3, "growth_rate": 1.02},
    ),
    (
        optim.dadapt_adamw,
        {"d0": 1e-3, "b1": 0.8, "b2": 0.99, "eps": 1e-3, "use_bias_correction": True, "weight_decay": 0.1},
        papers_global.dadapt_adamw,
        {"estim_lr0": 1e-3, "b1": 0.8, "b2": 0.99, "eps": 1e-3, "bias_correction": True, "weight_decay": 0.1},
    ),
]


def evaluated(make, flags, theirs):
    """Schedule-free: the averaged parameters, those to evaluate."""
    case = paper_case(make, flags, functools.partial(theirs, evaluation=True))

    def ours(dtype):
        params, grads = problem(dtype)
        opt = make(LR, **flags)

        def body(carry, grads):
            params, state = carry
            updates, state = opt.update(grads, state, params)
            params = optim.apply_updates(params, updates)
            return (params, state), optim.schedule_free_parameters(state, params)

        return flat(jax.lax.scan(body, (params, opt.init(params)), grads)[1])

    return case._replace(ours=ours, flags=f"{case.flags}: schedule_free_parameters")


def sophia_case(flags):
    """The estimates of the Hessian's diagonal are given: random numbers, some of them negative."""

    def hessians(dtype):
        random = np.random.RandomState(1)
        return [jnp.asarray(random.standard_normal(g.shape) + 0.5, dtype) for g in problem(dtype)[1]]

    def theirs(params, grads, **options):
        given = [[np.asarray(h[t]) for h in hessians("float64")] for t in range(len(grads))]
        return papers_global.sophia(params, grads, given, **options)

    defaults = {"b1": 0.96, "weight_decay": 0.1}
    case = paper_case(optim.sophia, flags, theirs, defaults | flags)
    ours = lambda dtype: flat(follow(optim.sophia(LR, **flags), *problem(dtype), hessian=hessians(dtype)))
    return case._replace(ours=ours)


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
    *(optax_case(*row) for row in OPTAX),
    *(optax_case(*row, rate=1.0, trend=0.05) for row in OPTAX_GROWING),
    *(paper_case(*row) for row in PAPERS),
    *(paper_case(*row, rate=1.0, trend=0.05) for row in PAPERS_GROWING),
    evaluated(optim.schedule_free_sgd, {"warmup_steps": 10}, papers_global.schedule_free_sgd),
    evaluated(optim.schedule_free_adamw, {"b1": 0.8}, papers_global.schedule_free_adamw),
    sophia_case({}),
    sophia_case({"b1": 0.8, "b2": 0.9, "gamma": 0.1, "eps": 1e-3, "weight_decay": 0.0, "update_interval": 1}),
]
