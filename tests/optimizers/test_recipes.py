"""The recipes: what they say is so."""

import re

import jax.numpy as jnp
import pytest

from optimizers import OPTIMIZERS

every_recipe = pytest.mark.parametrize("name", OPTIMIZERS)


@every_recipe
def test_the_memory_is_as_told(name):
    """The first number of `memory` is the arrays of the state for each parameter; so are the others."""
    recipe = OPTIMIZERS[name]
    params = {"w": jnp.zeros((2, 3))}

    def arrays(**options):
        import jax

        state = recipe.factory(**recipe.hyperparameters | options).init(params)
        return sum(leaf.shape == (2, 3) for leaf in jax.tree.leaves(state))

    told = [int(number) for number in re.findall(r"\d+", recipe.memory)]
    assert arrays() == told[0]
    for flag, value in (("momentum", 0.9), ("centered", True), ("amsgrad", True)):
        if flag in recipe.hyperparameters and flag in recipe.memory and name != "momentum":
            more = arrays(**{flag: value})
            assert more in told or more - arrays() in told
            assert more == arrays() + 1


@every_recipe
def test_every_fact_is_there(name):
    recipe = OPTIMIZERS[name]
    assert all((recipe.update_rule, recipe.memory, recipe.pros, recipe.cons, recipe.when))
    low, high = recipe.search
    assert low < recipe.hyperparameters["learning_rate"] < high
    assert set(recipe.defaults) <= set(recipe.hyperparameters)


def test_settings_are_parsed_and_never_evaluated():
    adam, sgd = OPTIMIZERS["adam"], OPTIMIZERS["sgd"]
    assert adam.parse("b1=0.95") == ("b1", 0.95)
    assert adam.parse("amsgrad=true") == ("amsgrad", True)
    assert sgd.parse("nesterov=false") == ("nesterov", False)
    for setting, message in [
        ("b3=0.9", "must be NAME=VALUE with a NAME out of learning_rate, b1, .*; got 'b3=0.9'"),
        ("b1", "got 'b1'"),
        ("b1=high", "b1 must be a number, got 'high'"),
        ("b1=__import__('os')", "b1 must be a number"),
        ("amsgrad=1", "amsgrad must be true or false, got '1'"),
    ]:
        with pytest.raises(ValueError, match=message):
            adam.parse(setting)
