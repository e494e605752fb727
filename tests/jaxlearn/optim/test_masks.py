"""Transforms for a part of the parameters: masks, frozen parameters, parameter groups, paths."""

import operator
from dataclasses import dataclass
from typing import Any

import chex
import hypothesis
import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxlearn import optim

PARAMS = {
    "conv": {"w": jnp.array([[1.0, -2.0], [0.5, 3.0]]), "b": jnp.array([0.1, 0.2])},
    "norm": (jnp.array([1.5]), None),
    "head": jnp.array(0.5),
}
GRADS = jax.tree.map(lambda p: 2 * p + 1, PARAMS)
MASK = {"conv": {"w": True, "b": False}, "norm": (False, None), "head": True}
INNER = {
    "adam": lambda: optim.adam(0.1, weight_decay=0.1),
    "sgd": lambda: optim.sgd(0.1, momentum=0.9),
    "clip": lambda: optim.clip_by_global_norm(0.5),
    "optax adamw": lambda: optax.adamw(0.1),
    "optax rmsprop": lambda: optax.rmsprop(0.1, momentum=0.9, centered=True),
    "optax adafactor": lambda: optax.adafactor(0.1),
}


@pytest.fixture(autouse=True)
def _promotion():
    with jax.numpy_dtype_promotion("standard"):  # optax needs it
        yield


def run(opt, params=PARAMS, grads=GRADS, steps=3):
    state, history = opt.init(params), []
    for _ in range(steps):
        updates, state = opt.update(grads, state, params)
        params = optim.apply_updates(params, updates)
        history.append(updates)
    return history, state


def only(tree):
    """The part of a tree that MASK selects, as a tree of its own."""
    return [tree["conv"]["w"], tree["head"]]


@pytest.mark.parametrize("name", INNER)
def test_masked_is_the_inner_transform_on_a_smaller_tree(name):
    history, state = run(optim.masked(INNER[name](), lambda params: MASK))
    alone, alone_state = run(INNER[name](), only(PARAMS), only(GRADS))
    chex.assert_trees_all_close([only(u) for u in history], alone, rtol=1e-6)
    chex.assert_trees_all_close(jax.tree.leaves(state), jax.tree.leaves(alone_state), rtol=1e-6)
    for updates in history:
        assert updates["conv"]["b"] is GRADS["conv"]["b"]
        assert updates["norm"] is not GRADS["norm"]
        assert updates["norm"][0] is GRADS["norm"][0]


@pytest.mark.parametrize("name", INNER)
def test_masked_equals_optax(name):
    ours, _ = run(optim.masked(INNER[name](), MASK))
    theirs, _ = run(optax.masked(INNER[name](), MASK))
    chex.assert_trees_all_equal(ours, theirs)


@pytest.mark.parametrize("name", INNER)
def test_frozen_parameters_stay_and_are_not_remembered(name):
    history, state = run(optim.freeze(INNER[name](), jax.tree.map(operator.not_, MASK)))
    masked_history, masked_state = run(optim.masked(INNER[name](), MASK))
    chex.assert_trees_all_equal([only(u) for u in history], [only(u) for u in masked_history])
    chex.assert_trees_all_equal(state, masked_state)
    for updates in history:
        chex.assert_trees_all_equal_shapes_and_dtypes(updates, PARAMS)
        assert not updates["conv"]["b"].any()
        assert not updates["norm"][0].any()


@pytest.mark.parametrize("prefix", [True, False, {"conv": True, "norm": False, "head": False}])
def test_a_mask_may_be_a_prefix(prefix):
    updates, _ = optim.chain(optim.masked(optim.scale(2.0), prefix)).update(
        GRADS, (optim.states.EmptyState(),)
    )
    whole = jax.tree.broadcast(prefix, GRADS)
    chex.assert_trees_all_equal(updates, jax.tree.map(lambda yes, g: 2 * g if yes else g, whole, GRADS))


@hypothesis.given(st.lists(st.booleans(), min_size=4, max_size=4))
def test_the_two_halves_of_a_partition_are_all(chosen):
    mask = jax.tree.unflatten(jax.tree.structure(PARAMS), chosen)
    halves = optim.chain(
        optim.masked(optim.sgd(0.1), mask), optim.masked(optim.sgd(1.0), jax.tree.map(operator.not_, mask))
    )
    labels = jax.tree.map(lambda yes: "a" if yes else "b", mask)
    groups = optim.partition({"a": optim.sgd(0.1), "b": optim.sgd(1.0)}, labels)
    rates = jax.tree.map(lambda yes: 0.1 if yes else 1.0, mask)
    want = jax.tree.map(lambda rate, g: -rate * g, rates, GRADS)
    for opt in (halves, groups):
        chex.assert_trees_all_close(opt.update(GRADS, opt.init(PARAMS), PARAMS)[0], want, rtol=1e-6)


def test_partition_equals_optax():
    groups = {"a": optax.adam(0.1), "b": optim.sgd(1.0, momentum=0.9), "nobody": optim.adam(0.1)}
    labels = {"conv": "b", "norm": "a", "head": "a"}
    ours, state = run(optim.partition(groups, labels))
    theirs, _ = run(optax.partition(groups, labels))
    chex.assert_trees_all_equal(ours, theirs)
    assert set(state) == set(groups)
    assert {leaf.shape for leaf in jax.tree.leaves(state["a"])} == {(), (1,)}


def test_masks_work_inside_and_around_other_wrappers():
    decay = optim.masked(optim.scale(0.5), optim.match("conv/.*"))
    inside = optim.accumulate(optim.chain(decay, optim.adam(0.1)), steps=2)
    around = optim.freeze(inside, optim.match("head"))
    with_optax = optax.chain(around, optax.scale(2.0))
    history, _ = run(with_optax, steps=4)
    plain, _ = run(optim.adam(0.2), steps=2)
    assert not any(leaf.any() for u in (history[0], history[2]) for leaf in jax.tree.leaves(u))
    assert not history[1]["head"].any()
    chex.assert_trees_all_close(history[1]["norm"], plain[0]["norm"], rtol=1e-6)
    chex.assert_trees_all_close(history[1]["conv"], plain[0]["conv"], rtol=1e-6)


def test_extra_arguments_pass_through():
    seen = []

    def record(grads, state, params=None, *, value):
        seen.append(value)
        return grads, state

    listens = optim.Transform(lambda params: (), record)
    for opt in (
        optim.masked(listens, MASK),
        optim.freeze(listens, MASK),
        optim.partition({"a": listens, "b": optim.sgd(0.1), "c": optax.scale(1.0)}, "a"),
    ):
        opt.update(GRADS, opt.init(PARAMS), PARAMS, value=7, other=8)
    assert seen == [7, 7, 7]


def test_value_fn_is_a_function_of_the_masked_part():
    """SAM of one part is SAM of the loss as a function of that part."""
    loss = lambda p: jnp.sum(p["conv"]["w"] ** 3) * p["head"] + jnp.sum(p["conv"]["b"]) * p["head"] ** 2
    part_loss = lambda p: loss({"conv": {"w": p[0], "b": PARAMS["conv"]["b"]}, "head": p[1]})
    whole = optim.masked(optim.sam(optim.scale(1.0), rho=0.3), MASK)
    alone = optim.sam(optim.scale(1.0), rho=0.3)
    grads = jax.grad(loss)(PARAMS)
    updates, _ = whole.update(grads, whole.init(PARAMS), PARAMS, value_fn=loss)
    want, _ = alone.update(only(grads), alone.init(only(PARAMS)), only(PARAMS), value_fn=part_loss)
    chex.assert_trees_all_close(only(updates), want, rtol=1e-6)
    assert updates["conv"]["b"] is grads["conv"]["b"]


def test_weight_decay_takes_a_mask():
    opt = optim.add_decayed_weights(0.1, mask=lambda params: jax.tree.map(lambda p: p.ndim > 1, params))
    updates, _ = opt.update(GRADS, opt.init(PARAMS), PARAMS)
    chex.assert_trees_all_close(updates["conv"]["w"], GRADS["conv"]["w"] + 0.1 * PARAMS["conv"]["w"])
    chex.assert_trees_all_equal(updates["conv"]["b"], GRADS["conv"]["b"])
    scheduled = optim.add_decayed_weights(lambda step: 0.1 * step, mask=MASK)
    history, state = run(scheduled, steps=2)
    assert float(state.values["weight_decay"]) == pytest.approx(0.1)
    assert history[1]["head"] > history[0]["head"]


def test_match_knows_every_kind_of_path():
    tree = {"a": [1, (2, None)], "b": optim.states.AdamState(1, {"w": 2}, None, None)}
    paths = ["a/0", "a/1/0", "b/step", "b/m/w"]
    for path in paths:
        assert jax.tree.leaves(optim.match(path)(tree)) == [path == other for other in paths]
    assert jax.tree.leaves(optim.match("a/.*", "b/m/.")(tree)) == [True, True, False, True]
    assert optim.match("")(1.0) is True
    assert optim.match()(tree)["a"] == [False, (False, None)]


def test_match_needs_the_whole_path():
    assert jax.tree.leaves(optim.match("conv/.*")({"conv": {"w": 1}, "deconv": {"w": 1}})) == [True, False]
    with pytest.raises(ValueError, match="pattern 'conv' matches none of the parameters conv/b, conv/w"):
        optim.match("conv")({"conv": {"w": 1, "b": 1}})


def test_the_first_rule_decides():
    labels = optim.label({".*/b": "bias", "conv/.*": "kernel", ".*": "rest"})(PARAMS)
    assert labels == {"conv": {"w": "kernel", "b": "bias"}, "norm": ("rest", None), "head": "rest"}


def test_mistakes_are_told():
    with pytest.raises(ValueError, match="no rule of 'conv/.*' matches head, norm/0"):
        optim.label({"conv/.*": "kernel"})(PARAMS)
    with pytest.raises(ValueError, match="label 'slwo' of parameter 'conv/b' is none of 'slow', 'fast'"):
        optim.partition(
            {"slow": optim.sgd(), "fast": optim.sgd()}, {"conv": "slwo", "norm": "slow", "head": "fast"}
        ).init(PARAMS)
    with pytest.raises(ValueError, match="prefix"):
        optim.masked(optim.sgd(), {"conv": True}).init(PARAMS)
    with pytest.raises(TypeError, match="a mask holds True or False, got 'w' for parameter 'conv/b'"):
        optim.masked(optim.sgd(), "w").init(PARAMS)
    with pytest.raises(ValueError, match="needs the parameters"):
        optim.masked(optim.add_decayed_weights(0.1), MASK).update(GRADS, optim.states.EmptyState())


@jax.tree_util.register_dataclass
@dataclass
class Module:
    """Parameters that can be called, as equinox's modules can."""

    weight: Any
    bias: Any

    def __call__(self, x):
        return self.weight @ x + self.bias


@pytest.mark.parametrize(
    "wrap",
    [
        lambda mask: optim.masked(optim.sgd(1.0), mask),
        lambda mask: optim.freeze(optim.sgd(1.0), jax.tree.map(operator.not_, mask)),
        lambda mask: optim.chain(
            optim.masked(optim.scale(0.0), jax.tree.map(operator.not_, mask)), optim.sgd(1.0)
        ),
        lambda mask: optim.partition(
            {"yes": optim.sgd(1.0), "no": optim.scale(0.0)},
            jax.tree.map(lambda m: "yes" if m else "no", mask),
        ),
        lambda mask: optim.masked(optim.sgd(1.0), lambda params: mask),
    ],
)
def test_a_mask_may_be_a_tree_that_can_be_called(wrap):
    params = Module(jnp.ones((2, 2)), jnp.ones(2))
    opt = wrap(Module(True, False))
    updates, _ = opt.update(params, opt.init(params), params)
    np.testing.assert_array_equal(updates.weight, -np.ones((2, 2)))


@pytest.mark.parametrize("make", [optim.muon, optim.soap, optim.shampoo, optim.adafactor, optim.adamw])
def test_parameters_may_be_a_tree_that_can_be_called(make):
    params = {"weight": jnp.array([[1.0, 2.0], [3.0, 5.0]]), "bias": jnp.ones(2)}
    opt = make(0.1)
    wanted, _ = opt.update(params, opt.init(params), params)
    module = Module(**params)
    found, _ = opt.update(module, opt.init(module), module)
    np.testing.assert_array_equal(found.weight, wanted["weight"])
    np.testing.assert_array_equal(found.bias, wanted["bias"])
