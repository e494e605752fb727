"""Runs that train in milliseconds, and whether two of them are the same to the last bit."""

from collections import deque
from contextlib import contextmanager
from itertools import chain

import chex
import jax
import numpy as np
from jax.experimental.compilation_cache import compilation_cache

from jaxlearn import data, nn, optim, recording, training
from jaxlearn._checkpoint import copy_tree
from jaxlearn._store import read_arrays, write_arrays
from jaxlearn.recording._keeper import Keeper

EXAMPLES, BATCH, UPDATES = 90, 8, 12  # the last batch of an epoch holds 2


def make_split(examples, seed=0, shape=(6, 6, 1), dtype=np.uint8):
    random = np.random.default_rng(seed)
    images = random.integers(0, 256, (examples, *shape)).astype(dtype)
    return data.Split(images, random.integers(0, 3, examples).astype(np.int32))


def linear_model():
    return nn.sequential(nn.flatten, nn.linear(3))


def compile_small(optimizer=None, model=None, *, train=None, held_out=20, seed=0, **options):
    """A run of 12 updates an epoch, of adam on a linear model unless told."""
    train = train or make_split(EXAMPLES)
    shape = train.images.shape[1:]
    others = (make_split(*of, shape, train.images.dtype) for of in ((held_out, 1), (10, 2)))
    optimizer, model = optimizer or optim.adam(1e-2), model or linear_model()
    return training.compile_run(model, optimizer, train, *others, batch_size=BATCH, seed=seed, **options)


def run_to(program, epochs=2, *, start=None, every=None, step=None):
    """Where a run is after so many updates, or at its end."""
    start = start or training.Position(fresh(program).state)
    parts = training.run_parts(program, start, epochs, every)
    if step is None:
        return deque(chain([start], parts), maxlen=1).pop()
    return next(position for position in parts if int(position.state.step) == step)


def fresh(program):
    """The program with its first state in memory of its own: a run gives that away."""
    return program._replace(state=copy_tree(program.state))


def same_state(there, here):
    def numbers(leaf):
        return jax.random.key_data(leaf) if is_key(leaf) else leaf

    chex.assert_trees_all_equal_structs(there, here)
    chex.assert_trees_all_equal(*(jax.tree.map(numbers, state) for state in (there, here)), strict=True)


def same(there, here):
    """Asserts that two positions are equal in all but the seconds."""
    same_state(there.state, here.state)
    assert there.done == here.done
    assert without_seconds(there.reports) == without_seconds(here.reports)


def without_seconds(reports):
    """As texts, in which NaN equals NaN."""
    return [repr(report._replace(seconds=0.0)) for report in reports]


def save(folder, program, position, config=None):
    """Saves a position as `record_run` would."""
    start = training.Position(program.state)
    keeper = Keeper(folder, program, recording.Saving(), config or {}, start, stop=True)
    keeper.save(position)


def rewrite(path, change):
    """Changes a file as somebody might who knows how its sum is made: `change(arrays, about)`."""
    arrays, about = read_arrays(path)
    write_arrays(path, arrays, change(arrays, about) or about)


def resumes_bit_for_bit(program, folder, steps=(7,)):
    """Asserts that a run that is saved after so many updates, and read again, ends as if it had not been."""
    whole = run_to(program)
    for step in steps:
        checkpoints = folder / f"after {step}"
        save(checkpoints, program, run_to(program, every=step, step=step))
        start, wrong = recording.restore(checkpoints, blank(program))
        assert (wrong, int(start.state.step)) == ([], step)
        same(whole, run_to(program, start=start))


def blank(program):
    """The program with a first state that says nothing: all that counts must be in the checkpoint."""

    def nothing(leaf):
        return jax.random.key(99) if is_key(leaf) else np.zeros_like(leaf)

    return program._replace(state=jax.tree.map(nothing, program.state))


def is_key(leaf):
    return jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key)


@contextmanager
def compiled_once(folder):
    """Lets JAX keep in a folder what it compiles, for runs that are compiled several times."""
    names = "jax_compilation_cache_dir", "jax_persistent_cache_min_compile_time_secs"
    before = [getattr(jax.config, name) for name in names]
    for name, value in zip(names, (str(folder), 0), strict=True):
        jax.config.update(name, value)
    try:
        yield
    finally:
        for name, value in zip(names, before, strict=True):
            jax.config.update(name, value)
        compilation_cache.reset_cache()
