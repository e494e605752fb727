"""Epochs over examples of which the device holds a part."""

import chex
import jax
import numpy as np
import pytest

from jaxlearn import data, nn, optim, training

NONE = data.Split(np.zeros((0, 6, 6, 1), np.uint8), np.zeros(0, np.int32))


def make_split(examples, folder=None):
    random = np.random.default_rng(0)
    images = random.integers(0, 255, (examples, 6, 6, 1), dtype=np.uint8)
    labels = random.integers(0, 3, examples).astype(np.int32)
    if folder is None:
        return data.Split(images, labels)
    np.save(folder / "images.npy", images)
    return data.Split(np.load(folder / "images.npy", mmap_mode="r"), labels)


def compile_run(train, at_a_time):
    layers = nn.linear(5, bias=False), nn.batch_norm(), nn.dropout(0.5), nn.linear(3)
    model = nn.sequential(nn.flatten, *layers)
    return training.compile_run(
        model, optim.adam(0.01), train, NONE, NONE, batch_size=8, seed=0, at_a_time=at_a_time
    )


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
    program.epoch(program.state)
    assert len(held) > 1
    assert most <= 5


@pytest.mark.parametrize("at_a_time", [0, -8, 12])
def test_parts_hold_whole_batches(at_a_time):
    with pytest.raises(ValueError, match=f"multiple of the batch size 8, got {at_a_time}"):
        compile_run(make_split(40), at_a_time)


def test_a_batch_needs_that_many_examples():
    with pytest.raises(ValueError, match="batch_size must be at most the 7 examples, got 8"):
        compile_run(make_split(7), 8)
