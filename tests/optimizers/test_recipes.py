"""The recipes: what they say is so."""

import re

import jax
import jax.numpy as jnp
import pytest

from jaxlearn import data, nn, training
from jaxlearn.cli._settings import parse_setting
from optimizers import OPTIMIZERS
from tests.jaxlearn.sample import sample


@pytest.fixture(scope="module")
def digits():
    return data.load("digits")


every_recipe = pytest.mark.parametrize("name", OPTIMIZERS)


@every_recipe
def test_the_memory_is_as_told(name):
    """The first number of `memory` is the arrays of the state for each parameter; so are the others."""
    names = {"none": 0, "one": 1, "two": 2, "three": 3, "four": 4}
    recipe = OPTIMIZERS[name]
    params = {"w": jnp.zeros((2, 3))}

    def arrays(**options):
        state = recipe.factory(**recipe.hyperparameters | options).init(params)
        return sum(leaf.shape == (2, 3) for leaf in jax.tree.leaves(state))

    told = [names[word] for word in re.findall(r"\w+", recipe.memory) if word in names] or [0]
    assert arrays() == told[0]
    for flag, value in (("momentum", 0.9), ("centered", True), ("amsgrad", True)):
        if flag in recipe.hyperparameters and flag in recipe.memory and name != "momentum":
            more = arrays(**{flag: value})
            assert more in told or more - arrays() in told
            assert more == arrays() + 1


@pytest.mark.parametrize("name", sample(8, OPTIMIZERS))
def test_it_trains(name, digits):
    recipe = OPTIMIZERS[name]
    model, train = nn.sequential(nn.flatten, nn.linear(10)), digits.train
    run = training.make_run(model, recipe.factory(**recipe.hyperparameters), batch_size=64)
    epoch = jax.jit(run.advance)
    state = run.init(training.draw_start(model, jax.random.key(0), train.images.shape[1:]), train)
    for _ in range(5):
        state = epoch(state, train)
    assert state.measured.means(len(train.labels), 64).accuracy > 0.8


@every_recipe
def test_every_fact_is_there(name):
    recipe = OPTIMIZERS[name]
    assert all((recipe.update_rule, recipe.memory, recipe.pros, recipe.cons, recipe.when))
    low, high = recipe.search
    assert low < recipe.hyperparameters["learning_rate"] < high
    assert set(recipe.defaults) <= set(recipe.hyperparameters)


def test_settings_are_parsed_and_never_evaluated():
    parse = lambda name, setting: parse_setting(setting, OPTIMIZERS[name].hyperparameters)
    assert parse("adam", "b1=0.95") == ("b1", 0.95)
    assert parse("adam", "amsgrad=true") == ("amsgrad", True)
    assert parse("sgd", "nesterov=false") == ("nesterov", False)
    assert parse("soap", "precondition_frequency=5") == ("precondition_frequency", 5)
    assert parse("muon", "adjust_lr=match_rms_adamw") == ("adjust_lr", "match_rms_adamw")
    for name, setting, message in [
        ("adam", "b3=0.9", "must be NAME=VALUE with a NAME out of learning_rate, b1, .*; got 'b3=0.9'"),
        ("adam", "b1", "got 'b1'"),
        ("adam", "b1=high", "b1 must be a number, got 'high'"),
        ("adam", "b1=__import__('os')", "b1 must be a number"),
        ("adam", "amsgrad=1", "amsgrad must be true or false, got '1'"),
        ("soap", "precondition_frequency=2.5", "precondition_frequency must be a whole number, got '2.5'"),
    ]:
        with pytest.raises(ValueError, match=message):
            parse(name, setting)


def test_hyperparameters_are_what_a_line_of_text_can_set():
    assert not {"mask", "key", "other", "ns_dtype"} & set(OPTIMIZERS["muon"].hyperparameters)
    assert set(OPTIMIZERS["lion"].hyperparameters) == {"learning_rate", "b1", "b2", "weight_decay"}
