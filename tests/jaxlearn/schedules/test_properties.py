"""What holds for every schedule: it is a pure function of the step, its numbers may be arrays."""

import inspect
import typing

import chex
import hypothesis
import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxlearn import optim, schedules
from jaxlearn.optim._leafwise import Scalar


def joined(value, end):
    return schedules.join([value, schedules.cosine(value, 5, end), end], [4, 9])


def multiplied(value, start):
    return schedules.product(value, schedules.linear(start, 1.0, 9), lambda step: 1 + step % 2)


# name -> (factory, arguments); floats are the numbers that may be arrays
CASES = {
    "step": (schedules.step, {"value": 0.3, "steps": 7, "factor": 0.5}),
    "multi_step": (schedules.multi_step, {"value": 0.3, "boundaries": [2, 9, 10], "factor": 0.5}),
    "exponential": (schedules.exponential, {"value": 0.3, "factor": 0.8, "steps": 3}),
    "linear": (schedules.linear, {"start": 0.1, "end": 0.3, "steps": 9}),
    "polynomial": (schedules.polynomial, {"value": 0.3, "steps": 9, "power": 1.5, "end": 0.1}),
    "cosine": (schedules.cosine, {"value": 0.3, "steps": 9, "end": 0.1}),
    "warm_restarts": (schedules.warm_restarts, {"value": 0.3, "steps": 3, "growth": 2, "end": 0.1}),
    "warm_restarts alike": (schedules.warm_restarts, {"value": 0.3, "steps": 3, "end": 0.1}),
    "cyclic": (
        schedules.cyclic,
        {"value": 0.3, "start": 0.1, "up_steps": 3, "down_steps": 5, "scale": 0.9},
    ),
    "one_cycle": (
        schedules.one_cycle,
        {"value": 0.3, "steps": 18, "start": 0.1, "end": 0.01, "warmup_fraction": 0.4},
    ),
    "one_cycle three_phase": (
        schedules.one_cycle,
        {"value": 0.3, "steps": 18, "warmup_fraction": 0.4, "curve": "linear", "three_phase": True},
    ),
    "warmup": (schedules.warmup, {"schedule": 0.3, "steps": 6, "factor": 0.1, "curve": "cosine"}),
    "warmup_stable_decay": (
        schedules.warmup_stable_decay,
        {"value": 0.3, "warmup_steps": 3, "stable_steps": 5, "decay_steps": 7, "end": 0.1, "curve": "sqrt"},
    ),
    "inverse_sqrt": (schedules.inverse_sqrt, {"value": 0.3, "warmup_steps": 5}),
    "multiplicative": (
        schedules.multiplicative,
        {"value": 0.3, "function": lambda step: 1 / (1 + step), "steps": 10},
    ),
    "join": (joined, {"value": 0.3, "end": 0.1}),
    "product": (multiplied, {"value": 0.3, "start": 0.1}),
}
NUMBERS = [
    (name, key) for name, (_, kwargs) in CASES.items() for key, v in kwargs.items() if isinstance(v, float)
]
LENGTHS = [
    (name, key) for name, (_, kwargs) in CASES.items() for key, value in kwargs.items() if type(value) is int
]
STEPS = jnp.arange(25, dtype=jnp.int32)
every_schedule = pytest.mark.parametrize("name", CASES)
every_number = pytest.mark.parametrize(("name", "key"), NUMBERS)


def build(name, **changes):
    factory, kwargs = CASES[name]
    return factory(**kwargs | changes)


def test_every_schedule_and_every_number_of_it_is_tried():
    assert {name.split()[0] for name in CASES} == set(schedules.__all__) - {"parse"}
    for name, (factory, _) in CASES.items():
        for key, parameter in inspect.signature(factory).parameters.items():
            kinds = (parameter.annotation, *typing.get_args(parameter.annotation))
            if Scalar in kinds and parameter.kind is not parameter.VAR_POSITIONAL:
                assert (name, key) in NUMBERS or (name, key) in [
                    ("one_cycle three_phase", "start"),
                    ("one_cycle three_phase", "end"),
                ]


@every_schedule
def test_jit_vmap_scan_and_a_plain_call_agree(name):
    schedule = build(name)
    plain = [schedule(int(step)) for step in STEPS]
    chex.assert_shape(plain, ())
    chex.assert_type(plain, jnp.float32)
    assert not any(rate.weak_type for rate in plain)
    plain = jnp.stack(plain)
    chex.assert_tree_all_finite(plain)
    assert len(np.unique(plain)) > 2

    compiled = jnp.stack([jax.jit(schedule)(step) for step in STEPS])
    _, scanned = jax.lax.scan(lambda step, _: (step + 1, schedule(step)), STEPS[0], length=len(STEPS))
    for other in (compiled, scanned, jax.vmap(schedule)(STEPS), schedule(STEPS)):
        chex.assert_trees_all_equal_shapes_and_dtypes(plain, other)
        chex.assert_trees_all_close(plain, other, rtol=1e-6, atol=1e-8)


@every_schedule
def test_no_branch_makes_a_nan(name):
    with jax.debug_nans(True):
        for step in (0, 1, 5, 17, 2**31 - 1):
            assert np.isfinite(build(name)(jnp.asarray(step, jnp.int32)))


@every_number
def test_every_number_can_be_an_axis(name, key, x64):
    values = CASES[name][1][key] * jnp.array([1.0, 0.5, 0.9])
    grid = jax.vmap(lambda value: build(name, **{key: value})(STEPS))(values)
    alone = [build(name, **{key: float(value)})(STEPS) for value in values]
    chex.assert_trees_all_close(grid, jnp.stack(alone), rtol=1e-12, atol=0)
    assert len(np.unique(grid, axis=0)) == 3


@every_number
def test_every_number_can_be_an_array_of_any_precision(name, key, x64):
    number = np.float32(CASES[name][1][key])
    rates = [build(name, **{key: kind(number)})(STEPS) for kind in (float, np.float32, jnp.asarray)]
    chex.assert_type(rates, jnp.float64)
    chex.assert_trees_all_close(*rates, rtol=1e-14, atol=0)


@every_schedule
def test_new_numbers_compile_nothing(name):
    chex.clear_trace_counter()
    _, kwargs = CASES[name]
    keys = [key for owner, key in NUMBERS if owner == name]

    @jax.jit
    @chex.assert_max_traces(n=1)
    def rates(numbers):
        return build(name, **numbers)(STEPS)

    results = [rates({key: kwargs[key] * part for key in keys}) for part in (1.0, 0.9, 0.7)]
    assert len(np.unique(jnp.stack(results), axis=0)) == 3


@pytest.mark.parametrize("wrong", [0, -1, 2.5, True, "3", 2**30])
@pytest.mark.parametrize(("name", "key"), LENGTHS)
def test_wrong_lengths_are_told(name, key, wrong):
    with pytest.raises(
        ValueError, match=f"^{key} must be a whole number from 1 up and below .*, got {wrong!r}$"
    ):
        build(name, **{key: wrong})


@every_number
def test_wrong_numbers_are_told(name, key):
    label = {"join": r"(schedules\[\d\]|value|end)", "product": r"(factors\[0\]|start)"}.get(name, key)
    for wrong in (-0.1, np.nan, np.inf, jnp.asarray(-1.0)):
        with pytest.raises(ValueError, match=f"^{label} must be in .*, got {float(wrong):g}$"):
            build(name, **{key: wrong})
    with pytest.raises(TypeError, match=f"^{label} must be a number in .*, got '0.1'$"):
        build(name, **{key: "0.1"})


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: schedules.multi_step(0.3, [3, 2]), r"boundaries must be increasing .*, got \[3, 2\]"),
        (lambda: schedules.multi_step(0.3, [2, 2]), r"boundaries must be increasing .*, got \[2, 2\]"),
        (lambda: schedules.multi_step(0.3, [0, 2]), r"boundaries must be increasing .*, got \[0, 2\]"),
        (lambda: schedules.multi_step(0.3, [1.5]), r"boundaries must be increasing .*, got \[1.5\]"),
        (lambda: schedules.join([0.3, 0.2], [3, 1]), r"boundaries must be increasing .*, got \[3, 1\]"),
        (
            lambda: schedules.join([0.3, 0.2], []),
            "one fewer than schedules, got 0 boundaries and 2 schedules",
        ),
        (lambda: schedules.join([], []), "one fewer than schedules, got 0 boundaries and 0 schedules"),
        (lambda: schedules.product(), "factors must be one or more, got none"),
        (lambda: schedules.polynomial(0.3, 9, power=0.0), r"power must be in \(0, inf\), got 0"),
        (lambda: schedules.one_cycle(0.3, 9, warmup_fraction=1.0), r"warmup_fraction must be in \[0, 1\)"),
        (
            lambda: schedules.one_cycle(0.3, 9, warmup_fraction=0.6, three_phase=True),
            r"warmup_fraction must be in \[0, 0.5\], got 0.6",
        ),
        (
            lambda: schedules.one_cycle(0.3, 9, curve="cos"),
            "curve must be one of linear, cosine, sqrt, constant, got 'cos'",
        ),
        (lambda: schedules.warmup(0.3, 9, curve="wave"), "curve must be one of .*, got 'wave'"),
        (lambda: schedules.warmup_stable_decay(0.3, 1, 1, 1, curve="wave"), "curve must be one of"),
    ],
)
def test_wrong_arguments_are_told(make, message):
    with pytest.raises(ValueError, match=message):
        make()


RATE = st.sampled_from([0.0, 1e-30, 1e-9, 0.1, 0.3, 7.0, 1e15])
LENGTH = st.integers(1, 60) | st.sampled_from([1000, 2**24 + 1, 2**30 - 1])
CURVE = st.sampled_from(["linear", "cosine", "sqrt", "constant"])
PATHS = {
    "linear": lambda a, b, c, s, curve: (schedules.linear(a, b, s[0]), [a, b], [(s[0], b)]),
    "polynomial": lambda a, b, c, s, curve: (schedules.polynomial(a, s[0], 0.7, b), [a, b], [(s[0], b)]),
    "cosine": lambda a, b, c, s, curve: (schedules.cosine(a, s[0], b), [a, b], [(s[0], b), (2 * s[0], a)]),
    "warm_restarts": lambda a, b, c, s, curve: (
        schedules.warm_restarts(a, s[0], 1 + s[1] % 5, b),
        [a, b],
        [(s[0], a)],
    ),
    "cyclic": lambda a, b, c, s, curve: (
        schedules.cyclic(b, a, s[0], s[1]),
        [a, b],
        [(s[0], b), (s[0] + s[1], a)],
    ),
    "one_cycle": lambda a, b, c, s, curve: (
        schedules.one_cycle(b, s[0], a, c, 0.3, curve),
        [a, b, c],
        [(s[0] - 1, c), (s[0], c)],
    ),
    "one_cycle three_phase": lambda a, b, c, s, curve: (
        schedules.one_cycle(b, s[0], a, c, 0.3, curve, three_phase=True),
        [a, b, c],
        [(s[0] - 1, c), (s[0], c)],
    ),
    "warmup_stable_decay": lambda a, b, c, s, curve: (
        schedules.warmup_stable_decay(a, *s, b, curve),
        [0.0, a, b],
        [(s[0], a), (s[0] + s[1], a), (sum(s), b)],
    ),
    "inverse_sqrt": lambda a, b, c, s, curve: (schedules.inverse_sqrt(a, s[0]), [0.0, a], [(s[0] - 1, a)]),
}


@pytest.mark.parametrize("name", PATHS)
@hypothesis.given(rates=st.tuples(RATE, RATE, RATE), lengths=st.tuples(LENGTH, LENGTH, LENGTH), curve=CURVE)
def test_rates_stay_between_their_ends_and_reach_them(name, rates, lengths, curve):
    schedule, ends, reached = PATHS[name](*rates, lengths, curve)
    eps = np.finfo(np.float32).eps
    steps = {0, 1, *lengths, *(s - 1 for s in lengths), lengths[0] // 2, sum(lengths) // 3, 2**31 - 1}
    values = np.asarray(schedule(jnp.asarray(sorted(s for s in steps if s < 2**31), jnp.int32)), np.float64)
    assert np.isfinite(values).all()
    low, high = min(ends), max(ends)
    assert (values >= low - 2 * eps * high).all()
    assert (values <= high + 2 * eps * high).all()
    assert (values >= 0).all()
    for step, value in reached:
        if step < 2**31:
            np.testing.assert_allclose(schedule(jnp.asarray(step, jnp.int32)), value, rtol=2 * eps, atol=0)


def test_an_optimizer_takes_any_of_them_for_any_number():
    rate = schedules.warmup(schedules.cosine(0.3, 6), 3)
    momentum = schedules.one_cycle(0.85, 9, start=0.95, end=0.95)
    opt = optim.sgd(rate, momentum=momentum)
    params = {"w": jnp.array([1.0, -2.0])}

    @jax.jit
    def update(state):
        return opt.update({"w": jnp.ones(2)}, state, params)[1]

    state = opt.init(params)
    buffer = 0.0
    for step in range(9):
        state = update(state)
        np.testing.assert_allclose(optim.current_learning_rate(state), rate(step), rtol=1e-6)
        buffer = momentum(step) * buffer + 1
    traces = [
        leaf
        for leaf in jax.tree.leaves(state, is_leaf=lambda x: isinstance(x, optim.states.TraceState))
        if isinstance(leaf, optim.states.TraceState)
    ]
    np.testing.assert_allclose(traces[0].trace["w"], np.full(2, buffer), rtol=1e-6)
