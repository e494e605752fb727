"""Schedules against recorded PyTorch, live optax and the formulas of papers, at every step."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxlearn import schedules
from tests.jaxlearn.schedules.recorded import FUNCTIONS, OURS, RECORDED, STORE, ours_and_theirs


@pytest.mark.parametrize("key", RECORDED)
def test_equals_recorded_pytorch_at_every_step(key, x64):
    ours, theirs = ours_and_theirs(key)
    assert ours.dtype == theirs.dtype == np.float64
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-12)


@pytest.mark.parametrize("key", RECORDED)
def test_single_precision_is_off_by_rounding_alone(key):
    """At most 16 roundings of half an ulp of the largest value; that of a factor counts at every step.

    A power of a factor 1 - x, with the factor's own rounding, is off by at most max t (1 - x)^t = 1 / (e x)
    of them, and a factor above 1 or a product up to step t by t of them.
    """
    ours, theirs = ours_and_theirs(key)
    assert ours.dtype == np.float32
    assert np.isfinite(ours).all()
    gamma = json.loads(key)["options"].get("gamma", 0.5)
    roundings = 16 + (len(theirs) if gamma > 1 else 1 / (np.e * (1 - gamma)))
    assert np.abs(ours - theirs).max() <= roundings * np.finfo(np.float32).eps / 2 * theirs.max()


def test_every_class_of_pytorch_is_recorded_with_every_option():
    classes = json.loads(str(STORE["classes"]))
    assert set(classes) == set(OURS)
    cases = [json.loads(key) for key in RECORDED]
    for name, options in classes.items():
        tried = [set(case["options"]) for case in cases if case["schedule"] == name]
        assert set(options) == set().union(*tried), name
    momenta = [case for case in cases if case["records"] == "momentum" and "max_momentum" in case["options"]]
    assert {case["schedule"] for case in momenta} == {"CyclicLR", "OneCycleLR"}


OPTAX = {
    "step": (schedules.step(0.3, 7, 0.5), optax.exponential_decay(0.3, 7, 0.5, staircase=True)),
    "multi_step": (
        schedules.multi_step(0.3, [10, 25, 26], 0.5),
        optax.piecewise_constant_schedule(0.3, {10: 0.5, 25: 0.5, 26: 0.5}),
    ),
    "exponential": (schedules.exponential(0.3, 0.8, 7), optax.exponential_decay(0.3, 7, 0.8)),
    "linear": (schedules.linear(0.3, 0.1, 40), optax.linear_schedule(0.3, 0.1, 40)),
    "polynomial": (schedules.polynomial(0.3, 40, 2.5, 0.1), optax.polynomial_schedule(0.3, 0.1, 2.5, 40)),
    "cosine that stays": (
        schedules.join([schedules.cosine(0.3, 40, 0.03), 0.03], [40]),
        optax.cosine_decay_schedule(0.3, 40, alpha=0.1),
    ),
    "warm restarts": (
        schedules.warm_restarts(0.3, 5, 3, 0.02),
        optax.sgdr_schedule(
            [
                {"init_value": 0.3, "peak_value": 0.3, "warmup_steps": 0, "decay_steps": s, "end_value": 0.02}
                for s in (5, 15, 45)
            ]
        ),
    ),
    "warm-up to a constant": (
        schedules.warmup(0.3, 12, factor=0.1),
        optax.warmup_constant_schedule(0.03, 0.3, 12),
    ),
    "warm-up to a cosine": (
        schedules.warmup(schedules.join([schedules.cosine(0.3, 30, 0.01), 0.01], [30]), 12, factor=0.1),
        optax.warmup_cosine_decay_schedule(0.03, 0.3, 12, 42, 0.01),
    ),
    "warm-up to an exponential": (
        schedules.warmup(schedules.exponential(0.3, 0.8, 7), 12),
        optax.warmup_exponential_decay_schedule(0.0, 0.3, 12, 7, 0.8),
    ),
    "join": (
        schedules.join([schedules.exponential(0.3, 0.9), 0.2, schedules.linear(0.5, 0.1, 20)], [5, 15]),
        optax.join_schedules(
            [optax.exponential_decay(0.3, 1, 0.9), lambda step: 0.2, optax.linear_schedule(0.5, 0.1, 20)],
            [5, 15],
        ),
    ),
    "warm-up, stay, decay": (
        schedules.warmup_stable_decay(0.3, 10, 20, 15, 0.01),
        optax.join_schedules(
            [
                optax.linear_schedule(0.0, 0.3, 10),
                optax.constant_schedule(0.3),
                optax.linear_schedule(0.3, 0.01, 15),
            ],
            [10, 30],
        ),
    ),
}


@pytest.mark.parametrize("name", OPTAX)
def test_equals_optax(name, x64):
    ours, theirs = OPTAX[name]
    steps = jnp.arange(65, dtype=jnp.int32)
    with jax.numpy_dtype_promotion("standard"):
        expected = jax.vmap(theirs)(jnp.asarray(steps, float))  # of an int32 optax makes a float32
    np.testing.assert_allclose(jax.vmap(ours)(steps), expected, rtol=0, atol=1e-12)


def test_optax_peaks_and_ends_a_step_later_than_pytorch_and_we():
    ours, theirs = schedules.one_cycle(1.0, 20), optax.cosine_onecycle_schedule(20, 1.0)
    steps = jnp.arange(20, dtype=jnp.int32)
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        late = jax.vmap(theirs)(steps)
    rates = jax.vmap(ours)(steps)
    assert (int(jnp.argmax(rates)), int(jnp.argmax(late))) == (5, 6)
    np.testing.assert_allclose(rates[-1], 4e-6, rtol=1e-6)
    assert late[-1] > 1e-2


CURVES = {
    "linear": lambda p: p,
    "cosine": lambda p: np.sin(np.pi * p / 2) ** 2,
    "sqrt": lambda p: p**0.5,
    "constant": lambda p: float(p >= 1),
}
every_curve = pytest.mark.parametrize("name", CURVES)


@every_curve
def test_warmup_follows_its_curve_then_the_schedule(name, x64):
    ours = schedules.warmup(schedules.exponential(0.3, 0.9), 8, factor=0.2, curve=name)
    for t in range(20):
        expected = 0.3 * (0.2 + 0.8 * CURVES[name](t / 8)) if t < 8 else 0.3 * 0.9 ** (t - 8)
        np.testing.assert_allclose(ours(t), expected, rtol=1e-14)


@every_curve
def test_warmup_stable_decay_is_three_parts(name, x64):
    ours = schedules.warmup_stable_decay(0.3, 5, 10, 8, end=0.01, curve=name)
    for t in range(30):
        done = CURVES[name](min((t - 15) / 8, 1.0)) if t >= 15 else 0.0
        expected = 0.3 * t / 5 if t < 5 else 0.3 - (0.3 - 0.01) * done
        np.testing.assert_allclose(ours(t), expected, rtol=1e-13)


def test_one_minus_sqrt_decay(x64):
    """f(n, N, N_decay) = 1 - sqrt((n - (N - N_decay)) / N_decay), Hägele et al. (2024)."""
    ours = schedules.warmup_stable_decay(0.3, 5, 10, 8, curve="sqrt")
    for n in range(15, 24):
        np.testing.assert_allclose(ours(n), 0.3 * (1 - np.sqrt((n - (23 - 8)) / 8)), rtol=0, atol=1e-15)


def test_inverse_sqrt_is_equation_3_of_vaswani(x64):
    d_model, warmup = 512, 40
    ours = schedules.inverse_sqrt((d_model * warmup) ** -0.5, warmup)
    for t in range(400):
        n = t + 1
        np.testing.assert_allclose(ours(t), d_model**-0.5 * min(n**-0.5, n * warmup**-1.5), rtol=1e-14)


def test_multiplicative_stays_after_its_last_step(x64):
    ours = schedules.multiplicative(0.3, FUNCTIONS["inverse"], 6)
    expected = 0.3 * np.cumprod([1 / (1 + 0.1 * t) for t in range(7)])
    np.testing.assert_allclose([ours(t) for t in range(7)], expected, rtol=1e-14)
    assert ours(7) == ours(2**31 - 1) == ours(6)


def test_restarts_are_exact_to_the_last_step_of_an_int32():
    """A logarithm in float32 would miss them."""
    for growth in (2, 3, 10):
        schedule = jax.jit(schedules.warm_restarts(1.0, 1, growth))
        restart, length = 0, 1
        while restart < 2**31:
            assert schedule(jnp.asarray(restart, jnp.int32)) == 1.0
            if length > 1 and restart + length <= 2**31:
                assert schedule(jnp.asarray(restart + length - 1, jnp.int32)) <= 0.5
            restart, length = restart + length, length * growth
