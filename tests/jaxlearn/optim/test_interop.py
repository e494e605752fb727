"""jaxlearn's transforms in optax's wrappers and optax's in ours: the same trajectory, whoever holds whom."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxlearn import optim
from tests.jaxlearn.optim.case import flat, follow, problem

MASK = [True, False, True, True]
CLIP = {
    "ours": lambda: optim.clip_by_global_norm(5.0, eps=0.0),
    "optax": lambda: optax.clip_by_global_norm(5.0),
}
ADAM = {
    "ours": lambda: optim.adamw(0.05, weight_decay=0.1),
    "optax": lambda: optax.adamw(0.05, weight_decay=0.1),
}
CHAIN = {"ours": optim.chain, "optax": optax.chain}
MASKED = {"ours": optim.masked, "optax": optax.masked}
ACCUMULATE = {
    "ours": lambda inner: optim.accumulate(inner, 3),
    "optax": lambda inner: optax.MultiSteps(inner, 3, accumulator_dtype=jnp.float64),
}


def path(clip, adam, chain, masked, accumulate):
    with jax.numpy_dtype_promotion("standard"):
        inner = CHAIN[chain](CLIP[clip](), ADAM[adam]())
        # what is masked out passes unchanged: descend there, too
        rest = optim.masked(optim.scale(-0.01), [not chosen for chosen in MASK])
        opt = ACCUMULATE[accumulate](CHAIN[chain](MASKED[masked](inner, MASK), rest))
        return np.asarray(flat(follow(opt, *problem("float64"))))


@pytest.fixture(scope="module")
def all_ours():
    with jax.enable_x64(True):
        return path(*["ours"] * 5)


@pytest.mark.parametrize("owners", list(itertools.product(["ours", "optax"], repeat=5)), ids="-".join)
def test_clip_adam_chain_masked_accumulate(owners, all_ours, x64):
    np.testing.assert_allclose(path(*owners), all_ours, rtol=0, atol=1e-12)


def test_the_trajectory_is_masked_and_accumulated(all_ours):
    """Otherwise equal trajectories would show little."""
    moved = np.abs(np.diff(all_ours, axis=0)).max(axis=1) > 0
    assert moved[1::3].all()
    assert moved.sum() == 16
