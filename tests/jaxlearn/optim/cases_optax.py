"""What optax has, too."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
from optax import contrib

from jaxlearn import optim
from tests.jaxlearn.optim.case import LR, Case, flat, follow, problem, show


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


CASES = [
    *(optax_case(*row) for row in OPTAX),
    *(optax_case(*row, rate=1.0, trend=0.05) for row in OPTAX_GROWING),
]
