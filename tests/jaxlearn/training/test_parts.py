"""Epochs over examples of which the device holds a part."""

import chex
import jax
import numpy as np
import pytest

from jaxlearn import data, nn, optim, training
from jaxlearn._draw import draw_order

NONE = data.Split(np.zeros((0, 6, 6, 1), np.uint8), np.zeros(0, np.int32))


def make_split(examples, folder=None):
    random = np.random.default_rng(0)
    images = random.integers(0, 255, (examples, 6, 6, 1), dtype=np.uint8)
    labels = random.integers(0, 3, examples).astype(np.int32)
    if folder is None:
        return data.Split(images, labels)
    np.save(folder / "images.npy", images)
    return data.Split(np.load(folder / "images.npy", mmap_mode="r"), labels)


MODEL = nn.sequential(nn.flatten, nn.linear(5, bias=False), nn.batch_norm(), nn.dropout(0.5), nn.linear(3))


def compile_run(train, at_a_time=None, **options):
    options |= {"batch_size": 8, "seed": 0, "at_a_time": at_a_time}
    return training.compile_run(MODEL, optim.adam(0.01), train, NONE, NONE, **options)


@pytest.mark.parametrize(("examples", "at_a_time"), [(64, 16), (61, 24), (60, 56), (61, 640)])
def test_a_part_at_a_time_is_the_run_with_all(tmp_path, examples, at_a_time):
    whole = compile_run(make_split(examples), None)
    parts = compile_run(make_split(examples, tmp_path), at_a_time)
    for (there, wanted), (here, got) in zip(training.fit(whole, 2), training.fit(parts, 2), strict=True):
        chex.assert_trees_all_equal(there.step, here.step)
        chex.assert_trees_all_close(there.params, here.params, rtol=1e-6, atol=1e-7)
        assert got.train_loss == pytest.approx(wanted.train_loss, rel=1e-6)
        assert got.train_accuracy == pytest.approx(wanted.train_accuracy, rel=1e-6)
        assert got.learning_rate == wanted.learning_rate


def test_no_more_than_a_few_parts_are_held(tmp_path, monkeypatch):
    """Whatever the number of examples: what is worked on, and those that are read ahead."""
    held, most = set(), 0

    def count(part):
        nonlocal most
        placed = put(part)
        held.update(id(leaf) for leaf in jax.tree.leaves(placed) if leaf.shape == (8, 6, 6, 1))
        most = max(most, sum(1 for array in jax.live_arrays() if array.shape == (8, 6, 6, 1)))
        return placed

    put = jax.device_put
    program = compile_run(make_split(400, tmp_path), 8)
    monkeypatch.setattr(jax, "device_put", count)
    list(training.fit(program, 1))
    assert len(held) > 1
    assert most <= 5


@pytest.mark.parametrize("at_a_time", [0, -8, 12])
def test_parts_hold_whole_batches(at_a_time):
    with pytest.raises(ValueError, match=f"multiple of the batch size 8, got {at_a_time}"):
        compile_run(make_split(40), at_a_time)


def test_a_batch_needs_that_many_examples():
    with pytest.raises(ValueError, match="batch_size must be at most the 7 examples, got 8"):
        compile_run(make_split(7), 8)


def updates_by_hand(train, epochs, updates):
    """The state after updates on full batches alone, one after another, and the mean loss of each epoch."""
    run, state = make_run(train)
    advance, losses = jax.jit(run.advance), []
    for _ in range(epochs):
        order = np.asarray(draw_order(state.key, state.step, len(train.labels)))
        measured = []
        for batch in order[: 8 * updates].reshape(updates, 8):
            state = advance(state, data.Split(*(part[batch] for part in train)), np.arange(8))
            measured.append(state.measured.loss[0])
        losses.append(np.mean(measured))
    return state, losses


def make_run(train, **options):
    run = training.make_run(MODEL, optim.adam(0.01), batch_size=8, **options)
    return run, run.init(training.draw_start(MODEL, jax.random.key(0), (6, 6, 1)), train)


@pytest.mark.parametrize(("examples", "updates", "at_a_time"), [(57, 7, None), (57, 7, 24), (56, 7, None)])
def test_the_last_smaller_batch_can_be_left_out(tmp_path, examples, updates, at_a_time):
    """Of 57 examples the last batch holds one, for which batch normalisation has no meaning."""
    train = make_split(examples, tmp_path)
    program = compile_run(train, at_a_time, drop_last=True)
    assert (program.updates, program.examples) == (updates, 8 * updates)
    want, losses = updates_by_hand(train, 3, updates)
    *_, (state, _) = reports = [(jax.device_get(state), report) for state, report in training.fit(program, 3)]
    chex.assert_trees_all_close(state.params, jax.device_get(want.params), rtol=1e-5, atol=1e-6)
    assert [report.train_loss for _, report in reports] == pytest.approx(losses, rel=1e-5)
    run, state = make_run(train, drop_last=True)
    state = jax.jit(run.advance)(state, train)
    assert (int(state.step), len(state.measured.loss)) == (updates, updates)
    assert state.measured.loss.mean() == pytest.approx(losses[0], rel=1e-5)


def test_a_last_batch_that_does_not_do_is_told():
    message = "the last batch of an epoch holds 1 example: batch_norm: .* got 1; drop_last=True leaves it out"
    with pytest.raises(ValueError, match=message):
        compile_run(make_split(57))
    run, state = make_run(make_split(57))
    with pytest.raises(ValueError, match=message):
        run.advance(state, make_split(57))
