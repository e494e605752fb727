"""The rules are PyTorch's, optax's and the papers': whole trajectories, every flag."""

import inspect
import json

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxlearn import optim, schedules
from tests.jaxlearn.optim import cases, cases_torch, papers_global, papers_matrix
from tests.jaxlearn.optim.case import flat, follow, problem
from tests.jaxlearn.optim.cases_optax import schedule
from tests.jaxlearn.sample import sample

CASES = {case.name: case for case in cases.CASES}
# every case is held in single precision by `make parity`; here the first of each optimizer
SINGLE = {case.optimizer: name for name, case in reversed(CASES.items()) if case.single}


@pytest.mark.parametrize("name", sample(6, CASES))
def test_equals_its_oracle(name):
    assert CASES[name].difference("float64") <= CASES[name].double


@pytest.mark.parametrize("name", SINGLE.values())
def test_equals_its_oracle_in_single_precision(name):
    assert CASES[name].difference("float32") <= CASES[name].single


def test_names_are_unique():
    assert len(CASES) == len(cases.CASES)


def test_only_bfloat16_has_a_looser_bound():
    loose = [case for case in cases.CASES if case.double > 1e-12]
    assert [case.flags for case in loose] == ["defaults, ns_dtype=bfloat16"]
    assert loose[0].note


def named_optimizers():
    """All public functions that make an optimizer out of a learning rate."""
    for name in optim.__all__:
        thing = getattr(optim, name)
        if inspect.isfunction(thing) and "learning_rate" in inspect.signature(thing).parameters:
            yield name, thing


# lbfgs has a file of its own; the other two are parts of rows
ELSEWHERE = {"lbfgs", "scale_by_learning_rate", "schedule_free"}
# arguments that are no flags of a rule, and one that has a test below
NO_FLAG = {"learning_rate", "key", "other", "precondition_1d"}


@pytest.mark.parametrize(("name", "factory"), [row for row in named_optimizers() if row[0] not in ELSEWHERE])
def test_every_flag_has_a_row(name, factory):
    """A flag that no case sets would go unproven."""
    tried = {
        flag.split("=")[0]
        for case in cases.CASES
        if case.optimizer == name
        for flag in case.flags.split(":")[0].split(", ")
    }
    unmasked = {"mask"} if name == "sophia" else set()
    assert set(inspect.signature(factory).parameters) - NO_FLAG - unmasked <= tried


def test_the_estimates_of_prodigy_and_d_adaptation_grow(x64):
    """With gradients that do not agree they would stay at d0, and the rows would show little."""
    growing = [optim.prodigy(d0=1e-3), optim.dadapt_adamw(d0=1e-3), optim.prodigy(d0=1e-3, growth_rate=1.02)]
    for opt, least in zip(growing, (5, 5, 1.5), strict=True):
        params, grads = problem("float64", trend=0.05)
        state = opt.init(params)
        for t in range(50):
            updates, state = opt.update([g[t] for g in grads], state, params)
            params = optim.apply_updates(params, updates)
        assert state.d > least * 1e-3


def test_schedule_free_weighs_by_the_largest_learning_rate_so_far(x64):
    """Which shows where the learning rate falls."""
    params, grads = problem("float64")
    ours = flat(follow(optim.schedule_free_sgd(schedule), params, grads))
    steps = [[np.asarray(g[t]) for g in grads] for t in range(50)]
    rate = lambda t: 0.01 * 0.5 ** (t // 10)
    theirs = papers_global.schedule_free_sgd([np.asarray(p) for p in params], steps, learning_rate=rate)
    flattened = [np.concatenate([np.ravel(x) for x in row]) for row in theirs]
    np.testing.assert_allclose(ours, flattened, rtol=0, atol=1e-12)


def test_soap_gives_vectors_a_basis_when_told(x64):
    """Of length 2: in the null space of longer ones' first statistics any basis is right."""
    random = np.random.RandomState(0)
    start, grads = random.standard_normal(2), random.standard_normal((50, 2))
    opt = optim.soap(0.01, precondition_1d=True)
    ours = flat(follow(opt, [jnp.asarray(start)], [jnp.asarray(grads)]))
    options = {"learning_rate": 0.01, "weight_decay": 0.01, "precondition_1d": True}
    theirs = papers_matrix.soap([start], [[g] for g in grads], **options)
    np.testing.assert_allclose(ours, np.concatenate(theirs), rtol=0, atol=1e-12)


def path(opt, **extra):
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        return np.asarray(flat(follow(opt, *problem("float64"), **extra)))


def test_momentum_and_sgd_part_where_the_learning_rate_drops(x64):
    paths = {
        (name, kind): path(factory(rate, momentum=0.9))
        for name, factory in (("sgd", optim.sgd), ("momentum", optim.momentum))
        for kind, rate in (("constant", 0.01), ("schedule", schedule))
    }
    np.testing.assert_allclose(paths["sgd", "constant"], paths["momentum", "constant"], rtol=0, atol=1e-12)
    # the first drop is at step 10: equal until then, apart from then on
    gap = np.abs(paths["sgd", "schedule"] - paths["momentum", "schedule"]).max(axis=1)
    assert (gap[:10] <= 1e-12).all()
    assert (gap[10:] > 1e-2).all()


@pytest.mark.parametrize(
    ("ours", "theirs", "least"),
    [
        (optim.adam(0.01, amsgrad=True), lambda: optax.amsgrad(0.01), 1e-3),
        (optim.nadam(0.01), lambda: optax.nadam(0.01), 1e-3),
        (optim.radam(0.01, eps=0.1), lambda: optax.radam(0.01, eps=0.1), 1e-3),
        (optim.adagrad(0.01), lambda: optax.adagrad(0.01), 1e-3),
        (optim.rprop(0.01), lambda: optax.rprop(0.01), 1e-3),
        (optim.adafactor(0.01), lambda: optax.adafactor(0.01), 1e-3),
        (optim.adan(0.01), lambda: optax.adan(0.01), 1e-3),
        (optim.yogi(0.01), lambda: optax.yogi(0.01), 1e-3),
        (optim.yogi(0.01, use_bias_correction=True), lambda: optax.yogi(0.01), 1e-8),
        (optim.prodigy(), lambda: optax.contrib.prodigy(), 1e-8),
        (optim.lars(0.01, weight_decay=0.1), lambda: optax.lars(0.01, weight_decay=0.1), 1e-5),
        (
            optim.schedule_free_sgd(0.01, warmup_steps=10),
            lambda: optax.contrib.schedule_free_sgd(0.01, warmup_steps=10),
            1e-3,
        ),
    ],
)
def test_optax_differs_where_the_docstring_says_so(ours, theirs, least, x64):
    assert np.abs(path(ours) - path(theirs())).max() > least


def test_the_schedule_of_the_recording_is_ours(x64):
    recorded = json.loads(cases_torch.RECORDED[-1])["schedule"]
    ours = schedules.step(0.01, recorded["step_size"], recorded["gamma"])
    assert [float(ours(t)) for t in range(50)] == [float(schedule(t)) for t in range(50)]
