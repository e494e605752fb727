"""The rules of papers, in plain numpy."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxlearn import optim
from tests.jaxlearn.optim import papers, papers_global, papers_matrix
from tests.jaxlearn.optim.case import LR, Case, flat, follow, problem, show


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


def lookahead_cases():
    """Around SGD with momentum; optax keeps the slow parameters beside the fast ones."""

    def lookahead(learning_rate, **flags):
        return optim.lookahead(optim.sgd(learning_rate, momentum=0.9), **flags)

    def pair(dtype):
        params, grads = problem(dtype)
        opt = optax.lookahead(optax.sgd(LR, momentum=0.9), 5, 0.5)

        def body(carry, grads):
            params, state = carry
            updates, state = opt.update(grads, state, params)
            params = optax.apply_updates(params, updates)
            return (params, state), params.fast

        start = optax.LookaheadParams.init_synced(params)
        with jax.numpy_dtype_promotion("standard"):
            return flat(jax.lax.scan(body, (start, opt.init(start)), grads)[1])

    for flags in ({}, {"steps": 3, "slow_step_size": 0.8}):
        sync = {"sync_period": flags.get("steps", 5), "slow_step_size": flags.get("slow_step_size", 0.5)}
        case = paper_case(lookahead, flags, papers_global.lookahead, sync | {"momentum": 0.9})
        yield case
        if not flags:
            yield case._replace(oracle="optax", theirs=pair, single=1e-5)


def sam_case(flags):
    """Around SGD with momentum, on a bowl that is tilted by the recorded gradients."""

    def ours(dtype):
        params, grads = problem(dtype)
        opt = optim.sam(optim.sgd(LR, momentum=0.9), **flags)

        def body(carry, tilt):
            params, state = carry
            bowl = lambda p: sum(jnp.sum(x * g + x * x / 2) for x, g in zip(p, tilt, strict=True))
            updates, state = opt.update(jax.grad(bowl)(params), state, params, value_fn=bowl)
            params = optim.apply_updates(params, updates)
            return (params, state), params

        return flat(jax.lax.scan(body, (params, opt.init(params)), grads)[1])

    def theirs(params, grads, **options):
        slope = lambda params, t: [x + g for x, g in zip(params, grads[t - 1], strict=True)]
        return papers_global.sam(params, slope, steps=len(grads), momentum=0.9, **options)

    case = paper_case(optim.adam, {}, theirs, flags)
    return case._replace(optimizer="sam", flags=show(flags), ours=ours)


CASES = [
    *(paper_case(*row) for row in PAPERS),
    *(paper_case(*row, rate=1.0, trend=0.05) for row in PAPERS_GROWING),
    evaluated(optim.schedule_free_sgd, {"warmup_steps": 10}, papers_global.schedule_free_sgd),
    evaluated(optim.schedule_free_adamw, {"b1": 0.8}, papers_global.schedule_free_adamw),
    *lookahead_cases(),
    sam_case({}),
    sam_case({"rho": 0.5, "adaptive": True}),
    sophia_case({}),
    sophia_case({"b1": 0.8, "b2": 0.9, "gamma": 0.1, "eps": 1e-3, "weight_decay": 0.0, "update_interval": 1}),
]
