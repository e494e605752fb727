"""Runs that end too early: by a signal, or by numbers that are no longer finite."""

import math
import os
import signal
import threading
import time
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxlearn import optim, recording, schedules, training
from jaxlearn._draw import draw_order
from jaxlearn.recording._keeper import load_position
from jaxlearn.recording._signals import stop_requests
from tests.jaxlearn.sample import sample
from tests.jaxlearn.training import small
from tests.jaxlearn.training.small import BATCH, EXAMPLES, UPDATES, compile_small, fresh, linear_model, run_to

IDENTITY = {"dataset": "none", "model": "linear", "optimizer": "adam", "seed": 0}


def kill_self(number):
    os.kill(os.getpid(), number)
    time.sleep(0.01)  # a moment in which Python calls the handler


@pytest.fixture
def handlers():
    """Signals that raise KeyboardInterrupt, and whether they still do in the end."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number in before:
        signal.signal(number, signal.default_int_handler)
    yield
    try:
        assert all(signal.getsignal(number) is signal.default_int_handler for number in before)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@pytest.mark.usefixtures("handlers")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_is_a_request_and_the_second_is_not(number, capsys):
    with stop_requests() as requested:
        assert not requested()
        kill_self(number)
        assert requested() == number
        assert capsys.readouterr().err == "stopping after this update; once more stops at once\n"
        with pytest.raises(KeyboardInterrupt):
            kill_self(number)


@pytest.mark.usefixtures("handlers")
def test_without_a_signal_there_is_no_request_and_the_handlers_come_back():
    with stop_requests() as requested:
        assert not requested()
        assert signal.getsignal(signal.SIGINT) is not signal.default_int_handler
    with pytest.raises(ZeroDivisionError), stop_requests():
        1 / 0  # noqa: B018


@pytest.mark.usefixtures("handlers")
def test_outside_of_the_main_thread_there_are_no_requests():
    answers = []

    def work():
        with stop_requests() as requested:
            answers.append(requested())
            answers.append(signal.getsignal(signal.SIGINT) is signal.default_int_handler)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert answers == [0, True]


@pytest.fixture(scope="module")
def program():
    return compile_small()


def stopping(program, step, number):
    """The program, in which a signal comes after `step` updates."""

    def advance(*arguments):
        state = program.advance(*arguments)
        if int(state.step) == step:
            kill_self(number)
        return state

    return fresh(program)._replace(advance=advance)


@pytest.mark.usefixtures("handlers")
@pytest.mark.parametrize(("step", "number"), [(15, signal.SIGINT), (UPDATES, signal.SIGTERM)])
def test_a_run_that_is_asked_to_stop_is_saved_and_goes_on_the_same(step, number, program, tmp_path):
    saving = recording.Saving(5, "steps")
    with pytest.raises(recording.Stopped) as stop:
        recording.record_run(stopping(program, step, number), tmp_path, 3, about=IDENTITY, saving=saving)
    epoch = math.ceil(step / UPDATES)
    assert str(stop.value) == f"stopped in epoch {epoch} after step {step}, which is saved"
    assert (stop.value.signum, stop.value.epoch, stop.value.step) == (number, epoch, step)
    assert not (tmp_path / "summary.json").exists()
    start, _ = recording.restore(tmp_path / "checkpoints", program)
    assert int(start.state.step) == step
    small.same(run_to(program, 3, start=start), run_to(program, 3))


def first_bad_update(model, optimizer, train):
    """Loss, step, learning rate and first bad parameter of the first bad update, by a plain loop."""
    run = training.make_run(model, optimizer, batch_size=BATCH)
    advance, full = jax.jit(run.advance), EXAMPLES // BATCH
    remaining = jax.jit(partial(run.advance, begin=full))
    draw = partial(training.draw_start, model, shape=train.images.shape[1:])
    state = jax.jit(lambda key: run.init(draw(key), train))(jax.random.key(0))
    for _ in range(4):
        order = draw_order(state.key, state.step, EXAMPLES)
        for number in range(full + 1):
            part = (number, number + 1, 0) if number < full else ()
            state = (advance if part else remaining)(state, train, order, *part)
            loss = float(state.measured.loss[number])
            bad = [
                jax.tree_util.keystr(path, simple=True, separator="/")
                for path, leaf in jax.tree_util.tree_leaves_with_path(state.params)
                if not np.isfinite(leaf).all()
            ]
            if bad or not np.isfinite(loss):
                return loss, int(state.step), bad[0] if bad else None
    raise AssertionError("all numbers are finite")


def spoil(at, leaf):
    """Adds NaN to one of the leaves at one update."""

    def update(updates, step, params=None):
        leaves, shape = jax.tree.flatten(updates)
        leaves[leaf] = jnp.where(step == at, jnp.nan, leaves[leaf])
        return jax.tree.unflatten(shape, leaves), step + 1

    return optim.Transform(lambda params: jnp.ones((), jnp.int32), update)


def images_with(number, at):
    train = small.make_split(EXAMPLES, dtype=np.float32)
    train.images[at] = number
    return train


def rates(text, first):
    return schedules.parse(text, first, steps_per_epoch=UPDATES, epochs=4)


cosine = rates("cosine", 0.01)
BAD = {
    "a rate far too high": (optim.sgd(2e38), None),
    "a rate too high for the third epoch": (optim.sgd(rates("exponential:factor=1e15", 1e-2)), None),
    "an image that is NaN": (optim.adam(cosine), images_with(np.nan, 5)),
    "an image that is infinite, in the last batch": (optim.sgd(1e-3), images_with(np.inf, 70)),
    **{
        f"leaf {leaf} in update {at}": (optim.chain(optim.adam(cosine), spoil(at, leaf)), None)
        for at, leaf in [(1, 0), (7, 1), (UPDATES, 0), (UPDATES + 1, 1), (2 * UPDATES + 5, 0)]
    },
}  # fmt: skip


@pytest.mark.parametrize("name", sample(8, list(BAD)))
def test_the_first_bad_update_is_named(name, tmp_path):
    optimizer, train = BAD[name]
    train = train or small.make_split(EXAMPLES)
    program = compile_small(optimizer, train=train)
    wanted = loss, step, parameter = first_bad_update(linear_model(), optimizer, train)
    with pytest.raises(recording.NonFiniteError) as found:
        recording.record_run(program, tmp_path, 4, about=IDENTITY, saving=recording.Saving(5, "steps"))
    error = found.value
    np.testing.assert_equal((error.loss, error.step, error.parameter), wanted)
    assert error.epoch == math.ceil(step / UPDATES)
    if "leaf" in name or "NaN" in name:
        assert error.learning_rate == pytest.approx(float(cosine(step - 1)))
    assert f"in epoch {error.epoch}, step {step}" in str(error)
    assert f"the loss was {loss:g}, and " in str(error)
    assert (f"parameter {parameter} is" if parameter else "all parameters are finite") in str(error)
    for checkpoint in (tmp_path / "checkpoints").glob("[0-9]*"):  # from before, all of them sound
        assert int(checkpoint.stem) < step
        state = load_position(checkpoint, program).state
        assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(state.params))


def test_a_loss_that_is_skipped_does_not_stop_the_run(tmp_path):
    program = compile_small(optim.skip_nonfinite(optim.adam(cosine)), train=images_with(np.nan, 5))
    _, summary = recording.record_run(program, tmp_path, 2, about=IDENTITY, nonfinite="skip")
    assert summary["updates_skipped"] == 2  # the image comes once an epoch


def test_bad_parameters_stop_a_run_that_skips_bad_losses(tmp_path):
    program = compile_small(optim.chain(optim.skip_nonfinite(optim.adam(cosine)), spoil(17, 1)))
    with pytest.raises(recording.NonFiniteError, match="in epoch 2, step 17"):
        recording.record_run(program, tmp_path, 2, about=IDENTITY, nonfinite="skip")
    assert not (tmp_path / "summary.json").exists()
