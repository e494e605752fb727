"""Every row of the contract's table on the parameter trees of other libraries."""

import chex
import equinox
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from jaxlearn import optim
from tests.jaxlearn.optim.contract import ROWS, bowl, make_params, train, update
from tests.jaxlearn.sample import sample

MATRICES = {"shampoo", "soap", "soap often"}  # a leaf of their states is a tuple
every_row = pytest.mark.parametrize("name", ROWS)
sampled_rows = pytest.mark.parametrize("name", sample(10, ROWS))


class Module(equinox.Module):
    """A tree that can be called; its fields are in the order in which JAX has the keys of a dict."""

    deep: list
    empty: jax.Array
    matrix: jax.Array
    none: None
    scalar: jax.Array
    vector: jax.Array

    def __call__(self, x):
        return self.matrix @ x


class Model(nnx.Module):
    def __init__(self, params):
        self.deep = nnx.List([nnx.Param(p) for p in params["deep"]])
        self.empty = nnx.Param(params["empty"])
        self.matrix = nnx.Param(params["matrix"])
        self.scalar = nnx.Param(params["scalar"])
        self.vector = nnx.Param(params["vector"])


every_kind_of_tree = pytest.mark.parametrize(
    "convert",
    [lambda params: Module(**params), lambda params: nnx.state(Model(params), nnx.Param)],
    ids=["equinox", "nnx.State"],
)


@every_row
@every_kind_of_tree
def test_trees_of_other_libraries_stay_what_they_are(name, convert):
    opt, tree = ROWS[name].build(), convert(make_params())
    state = jax.eval_shape(opt.init, tree)
    after = jax.eval_shape(lambda tree, state: update(opt, tree, state, 0), tree, state)
    chex.assert_trees_all_equal_structs((tree, state), after)
    chex.assert_trees_all_equal_shapes_and_dtypes((tree, state), after)


@sampled_rows
@every_kind_of_tree
def test_trees_of_other_libraries_are_trained_as_dicts_are(name, convert, x64):
    opt, params = ROWS[name].build(), make_params(jnp.float64)
    tree = convert(params)
    plain, found = (jax.jit(lambda p=p: train(opt, p, 4)[0])() for p in (params, tree))
    chex.assert_trees_all_close(jax.tree.leaves(found), jax.tree.leaves(convert(plain)), rtol=1e-8)


OTHERS = [name for name in ROWS if name not in MATRICES]


@pytest.mark.parametrize("name", [*sample(10, OTHERS), *sorted(MATRICES)])
def test_every_row_trains_a_model_of_flax(name):
    """`nnx.Optimizer` keeps the state in containers of its own: tuples inside of it become mappings."""
    params = make_params()
    model = Model(params)
    optimizer = nnx.Optimizer(model, ROWS[name].build(), wrt=nnx.Param)
    opt, tree = ROWS[name].build(), nnx.state(Model(params), nnx.Param)
    state = opt.init(tree)
    for t in range(3):
        value_fn = lambda tree, t=t: bowl(tree, t)
        value, grads = jax.value_and_grad(value_fn)(nnx.state(model, nnx.Param))
        optimizer.update(model, grads, value=value, value_fn=value_fn)
        tree, state = update(opt, tree, state, t)
    found = jax.tree.leaves(nnx.state(model, nnx.Param))
    chex.assert_trees_all_close(found, jax.tree.leaves(tree), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("prefix", [True, False])
def test_a_module_as_a_mask_is_a_mask(prefix):
    """Not a function of the parameters, although it can be called."""
    module = Module(**make_params())
    mask = jax.tree.map(lambda p: prefix, module)
    masked = optim.masked(optim.scale(2.0), mask)
    updates, _ = masked.update(module, masked.init(module))
    wanted = jax.tree.map(lambda p: (1 + prefix) * np.asarray(p), module)
    chex.assert_trees_all_close(updates, wanted)
