"""Schedules against recorded PyTorch rates, and the text form of command lines."""

import json
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxlearn import schedules

OURS = {
    "StepLR": lambda step_size, gamma: schedules.step(0.3, step_size, gamma),
    "ExponentialLR": lambda gamma: schedules.exponential(0.3, gamma),
    "LinearLR": lambda start_factor, end_factor, total_iters: schedules.linear(
        0.3 * start_factor, 0.3 * end_factor, total_iters
    ),
    "CosineAnnealingLR": lambda T_max, eta_min=0.0: schedules.cosine(0.3, T_max, eta_min),
}


@pytest.mark.parametrize("key", np.load(Path(__file__).parents[2] / "golden" / "schedules.npz").files)
def test_equals_recorded_pytorch_at_every_step(key, golden, x64):
    case = json.loads(key)
    schedule = OURS[case["schedule"]](**case["options"])
    rates = jax.vmap(schedule)(jnp.arange(60, dtype=jnp.int32))
    np.testing.assert_allclose(rates, golden("schedules")[key], rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    "factory", [schedules.step, schedules.exponential, schedules.linear, schedules.cosine]
)
@pytest.mark.parametrize("steps", [0, -1, 2.5])
def test_wrong_lengths_are_told(factory, steps):
    arguments = (1.0, 0.5) if factory in (schedules.exponential, schedules.linear) else (1.0,)
    with pytest.raises(ValueError, match="steps must be a whole number from 1 up"):
        factory(*arguments, steps=steps)


def rates(text, at, rate=1.0):
    schedule = schedules.parse(text, rate, steps_per_epoch=10, epochs=4)
    return [round(float(schedule(jnp.asarray(step))), 4) for step in at]


def test_lengths_in_text_are_epochs():
    assert rates("cosine", [0, 20, 40]) == [1.0, 0.5, 0.0]
    assert rates("cosine:epochs=2,end=0.5", [0, 10, 20]) == [1.0, 0.75, 0.5]
    assert rates("linear", [0, 10, 40, 50]) == [1.0, 0.75, 0.0, 0.0]
    assert rates("step", [9, 10, 20]) == [1.0, 0.1, 0.01]
    assert rates("exponential:epochs=2,factor=0.25", [0, 10, 20]) == [1.0, 0.5, 0.25]


def test_constant_is_the_rate_itself():
    rate = object()
    assert schedules.parse("constant", rate, steps_per_epoch=10, epochs=4) is rate


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("cosin", "schedule 'cosin' is unknown; known are constant, cosine"),
        ("", "schedule '' is unknown"),
        ("step:every=3", "schedule step takes epochs=NUMBER, factor=NUMBER, got 'every=3'"),
        ("constant:epochs=3", "schedule constant takes no option, got 'epochs=3'"),
        ("step:epochs", "got 'epochs'"),
        ("step:epochs=0", "epochs must be a number above 0, got '0'"),
        ("step:factor=nan", "factor must be a number above 0, got 'nan'"),
        ("cosine:end=-1", "end must be a number from 0 up, got '-1'"),
        ("cosine:end=__import__('os')", "end must be a number from 0 up"),
    ],
)
def test_wrong_text_is_told(text, message):
    with pytest.raises(ValueError, match=message):
        schedules.parse(text, 0.1, steps_per_epoch=10, epochs=4)
