"""The text form of command lines. Lengths in it are epochs: here of 10 updates, in runs of 4."""

import hypothesis
import hypothesis.strategies as st
import jax.numpy as jnp
import numpy as np
import pytest

from jaxlearn import schedules

NAMES = [
    "constant",
    "cosine",
    "linear",
    "polynomial",
    "step",
    "exponential",
    "warm_restarts",
    "cyclic",
    "one_cycle",
    "inverse_sqrt",
    "warmup_stable_decay",
]


def parse(text):
    return schedules.parse(text, 1.0, steps_per_epoch=10, epochs=4)


def rates(text, at):
    schedule = parse(text)
    return [round(float(schedule(jnp.asarray(step))), 4) for step in at]


def test_lengths_in_text_are_epochs():
    assert rates("cosine", [0, 20, 40]) == [1.0, 0.5, 0.0]
    assert rates("cosine:epochs=2,end=0.5", [0, 10, 20]) == [1.0, 0.75, 0.5]
    assert rates("linear", [0, 10, 40, 50]) == [1.0, 0.75, 0.0, 0.0]
    assert rates("step", [9, 10, 20]) == [1.0, 0.1, 0.01]
    assert rates("exponential:epochs=2,factor=0.25", [0, 10, 20]) == [1.0, 0.5, 0.25]
    assert rates("polynomial:power=2", [0, 20, 40, 50]) == [1.0, 0.25, 0.0, 0.0]
    assert rates("polynomial:epochs=2,end=0.5", [0, 10, 20]) == [1.0, 0.75, 0.5]
    assert rates("warm_restarts", [0, 5, 10, 15]) == [1.0, 0.5, 1.0, 0.5]
    assert rates("warm_restarts:growth=3,end=0.5", [5, 10, 25, 40]) == [0.75, 1.0, 0.75, 1.0]
    assert rates("cyclic", [0, 5, 10, 20, 30]) == [0.0, 0.5, 1.0, 0.0, 1.0]
    assert rates("cyclic:epochs=1,start=0.5,factor=0.5", [0, 5, 10, 15, 25]) == [0.5, 1.0, 0.5, 0.75, 0.625]
    assert rates("cyclic:epochs=0.3", [0, 1, 2, 3]) == [0.0, 1.0, 0.5, 0.0]
    assert rates("cyclic:epochs=0.1,factor=0.5", [0, 1, 2, 3, 5]) == [0.0, 1.0, 0.0, 0.5, 0.25]
    assert rates("inverse_sqrt", [0, 3, 15]) == [0.25, 1.0, 0.5]
    assert rates("warmup_stable_decay", [0, 2, 4, 32, 36, 40]) == [0.0, 0.5, 1.0, 1.0, 0.5, 0.0]
    assert rates("warmup_stable_decay:warmup=1,decay=2,end=0.5", [5, 10, 20, 30, 40]) == [
        0.5,
        1.0,
        1.0,
        0.75,
        0.5,
    ]


def test_one_cycle_is_the_whole_run():
    wanted = schedules.one_cycle(1.0, 40, warmup_fraction=0.25)
    for step in range(41):
        assert parse("one_cycle:warmup=1")(step) == wanted(step)
    assert rates("one_cycle", [0, 11, 39]) == [0.04, 1.0, 0.0]


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("one_cycle", schedules.one_cycle(1.0, 1000)),
        ("inverse_sqrt", schedules.inverse_sqrt(1.0, 100)),
        ("warmup_stable_decay", schedules.warmup_stable_decay(1.0, 100, 700, 200)),
    ],
)
def test_a_warmup_that_is_part_of_a_schedule_is_a_share_of_the_run(name, wanted):
    ours = schedules.parse(name, 1.0, steps_per_epoch=100, epochs=10)
    steps = jnp.arange(1000, dtype=jnp.int32)
    np.testing.assert_allclose(ours(steps), wanted(steps), rtol=1e-6)


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("cosine:warmup=1", schedules.cosine(1.0, 30)),
        ("linear:warmup=1", schedules.linear(1.0, 0.0, 30)),
        ("polynomial:warmup=1,power=3", schedules.polynomial(1.0, 30, 3.0)),
        ("cosine:warmup=1,epochs=2", schedules.cosine(1.0, 20)),
        ("step:warmup=1,epochs=2", schedules.step(1.0, 20)),
        ("exponential:warmup=1", schedules.exponential(1.0, 0.9, 10)),
        ("warm_restarts:warmup=1", schedules.warm_restarts(1.0, 10)),
    ],
)
def test_a_warmup_comes_first_and_the_schedule_takes_the_rest_of_the_run(text, after):
    ours = [float(parse(text)(step)) for step in range(41)]
    np.testing.assert_allclose(ours[:10], np.arange(10) / 10, rtol=1e-6)
    np.testing.assert_allclose(ours[10:], [after(step) for step in range(31)], rtol=1e-6)


def test_no_warmup_is_no_warmup():
    for name in ("cosine", "linear", "polynomial", "step", "exponential", "warm_restarts"):
        assert rates(f"{name}:warmup=0", range(40)) == rates(name, range(40))


def test_constant_is_the_rate_itself():
    rate = object()
    assert schedules.parse("constant", rate, steps_per_epoch=10, epochs=4) is rate


@pytest.mark.parametrize("name", NAMES[1:])
@pytest.mark.parametrize(("steps", "epochs"), [(1, 1), (1, 2), (1, 100), (3, 1), (600, 10)])
def test_every_schedule_fits_every_run(name, steps, epochs):
    schedule = schedules.parse(name, 0.3, steps_per_epoch=steps, epochs=epochs)
    values = np.asarray(schedule(jnp.arange(steps * epochs, dtype=jnp.int32)))
    assert (values >= 0).all()
    assert (values <= 0.3 * (1 + 1e-6)).all()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("cosin", f"schedule 'cosin' is unknown; known are {', '.join(NAMES)}$"),
        ("", "schedule '' is unknown"),
        ("step:every=3", "schedule step takes epochs=NUMBER, factor=NUMBER, warmup=NUMBER, got 'every=3'"),
        ("constant:epochs=3", "schedule constant takes no option, got 'epochs=3'"),
        ("step:epochs", "got 'epochs'"),
        ("step:epochs=0", "epochs must be a number above 0, got '0'"),
        ("step:factor=nan", "factor must be a number above 0, got 'nan'"),
        ("cosine:end=-1", "end must be a number from 0 up, got '-1'"),
        ("cosine:end=__import__('os')", "end must be a number from 0 up"),
        ("polynomial:power=0", "schedule polynomial: power must be a number above 0, got '0'"),
        ("warm_restarts:growth=1.5", "growth must be a whole number above 0, got '1.5'"),
        ("warm_restarts:growth=0", "growth must be a whole number above 0, got '0'"),
        ("cyclic:start=inf", "start must be a number from 0 up, got 'inf'"),
        ("cyclic:warmup=1", "schedule cyclic takes epochs=NUMBER, start=NUMBER, factor=NUMBER, got"),
        ("cosine:warmup=-1", "warmup must be a number from 0 up, got '-1'"),
        ("one_cycle:warmup=0", "warmup must be a number above 0, got '0'"),
        ("cosine:warmup=4", "schedule cosine: warmup must be below 4 epochs, got warmup=4"),
        ("one_cycle:warmup=4.5", "schedule one_cycle: warmup must be below 4 epochs, got warmup=4.5"),
        (
            "warmup_stable_decay:decay=3.8",
            r"warmup_stable_decay: warmup \+ decay must be below 4 epochs, got warmup=0.4, decay=3.8",
        ),
    ],
)
def test_wrong_text_is_told(text, message):
    with pytest.raises(ValueError, match=message):
        parse(text)


OPTION = st.sampled_from(["epochs", "end", "warmup", "factor", "power", "growth", "start", "decay", "every"])
VALUE = st.sampled_from(["0", "1", "0.5", "3", "1e-9", "1e30", "-1", "nan", "inf", "x", "", "0x10", "1_0"])


@hypothesis.given(name=st.sampled_from(NAMES), options=st.lists(st.tuples(OPTION, VALUE), max_size=3))
def test_any_text_makes_a_finite_schedule_or_is_told(name, options):
    text = f"{name}:" + ",".join(f"{key}={value}" for key, value in options)
    try:
        schedule = parse(text)
    except ValueError as error:
        message = str(error)
    else:
        message = ""
        if name != "constant":
            assert np.isfinite(schedule(jnp.arange(2, dtype=jnp.int32))).all()
    assert "\n" not in message


def test_a_length_beyond_every_run_is_a_length():
    assert rates("cosine:epochs=1e300", [0, 40]) == [1.0, 1.0]
    assert rates("step:epochs=1e300", [0, 40]) == [1.0, 1.0]
