"""What holds for the first optimizers over random trees, shapes and dtypes; `test_contract` has all."""

import chex
import hypothesis
import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxlearn import optim

OPTIMIZERS = {
    "sgd": optim.sgd,
    "sgd all": lambda lr: optim.sgd(lr, momentum=0.9, dampening=0.3, weight_decay=0.1, maximize=True),
    "sgd nesterov": lambda lr: optim.sgd(lr, momentum=0.9, nesterov=True),
    "momentum": optim.momentum,
    "momentum all": lambda lr: optim.momentum(lr, weight_decay=0.1, nesterov=True, maximize=True),
    "adam": optim.adam,
    "adam all": lambda lr: optim.adam(lr, weight_decay=0.1, amsgrad=True, maximize=True),
    "rmsprop": optim.rmsprop,
    "rmsprop all": lambda lr: optim.rmsprop(lr, weight_decay=0.1, momentum=0.9, centered=True, maximize=True),
    "clipped": lambda lr: optim.chain(optim.clip_by_global_norm(1.0), optim.sgd(lr)),
}
OPTAX = {
    "sgd": optax.sgd,
    "sgd nesterov": lambda lr: optax.sgd(lr, momentum=0.9, nesterov=True),
    "momentum": lambda lr: optax.chain(optax.scale_by_learning_rate(lr), optax.trace(0.9)),
    "adam": optax.adam,
    "rmsprop": lambda lr: optax.rmsprop(lr, decay=0.99, eps_in_sqrt=False),
}
SHAPES = [(), (0,), (3,), (2, 2), (1, 2, 1, 2)]
every_optimizer = pytest.mark.parametrize("name", OPTIMIZERS)


def trees(dtypes):
    """Nested dicts, lists and tuples of arrays, with None where a parameter is left out."""
    leaf = st.builds(
        lambda shape, dtype, seed: jnp.asarray(np.random.default_rng(seed).normal(size=shape), dtype),
        st.sampled_from(SHAPES),
        st.sampled_from(dtypes),
        st.integers(0, 99),
    )
    return st.recursive(
        leaf | st.none(),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.tuples(inner, inner)
            | st.dictionaries(st.sampled_from("abc"), inner, max_size=3)
        ),
        max_leaves=5,
    )


def gradients(params, seed):
    random = np.random.default_rng(seed)
    return jax.tree.map(lambda p: jnp.asarray(random.normal(size=p.shape), p.dtype), params)


def steps(opt, params, count=3):
    state = opt.init(params)
    for seed in range(count):
        updates, state = opt.update(gradients(params, seed), state, params)
        params = optim.apply_updates(params, updates)
    return params, state


def assert_same_types(a, b):
    chex.assert_trees_all_equal_structs(a, b)
    chex.assert_trees_all_equal_shapes_and_dtypes(a, b)


@pytest.mark.filterwarnings("ignore:.* keeps its state in float16")
@every_optimizer
@hypothesis.given(params=trees([jnp.float32, jnp.bfloat16, jnp.float16]))
def test_structure_shape_and_dtype_are_kept(name, params):
    opt = OPTIMIZERS[name](0.01)
    state = opt.init(params)
    updates, new_state = opt.update(gradients(params, 0), state, params)
    assert_same_types(updates, params)
    assert_same_types(new_state, state)
    assert_same_types(optim.apply_updates(params, updates), params)
    chex.assert_tree_all_finite(updates)


@every_optimizer
@hypothesis.given(params=trees([jnp.float32]))
def test_moments_match_parameters(name, params):
    """Each array of a state is a scalar or has the shape and dtype of the parameter it belongs to."""
    for leaf_shape in {
        (leaf.shape, leaf.dtype) for leaf in jax.tree.leaves(OPTIMIZERS[name](0.01).init(params))
    }:
        owners = {(p.shape, p.dtype) for p in jax.tree.leaves(params)}
        assert leaf_shape in owners | {((), jnp.dtype("int32")), ((), jnp.dtype("float32"))}


@pytest.mark.parametrize("name", OPTAX)
@hypothesis.given(params=trees([jnp.float32]))
def test_equals_optax(name, params):
    ours, _ = steps(OPTIMIZERS[name](0.01), params)
    with jax.numpy_dtype_promotion("standard"):
        theirs, _ = steps(OPTAX[name](0.01), params)
    chex.assert_trees_all_close(ours, theirs, rtol=0, atol=1e-5)


@every_optimizer
@hypothesis.given(params=trees([jnp.float32]))
def test_double_precision_stays(name, params):
    with jax.enable_x64(True):
        params = jax.tree.map(lambda p: jnp.asarray(p, jnp.float64), params)
        after, _ = steps(OPTIMIZERS[name](0.01), params, count=1)
        assert_same_types(after, params)


@pytest.mark.filterwarnings("ignore:.* keeps its state in float16")
@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16])
@pytest.mark.parametrize("name", ["scale_by_adam", "scale_by_rms", "trace"])
def test_low_precision_is_float32_rounded_once(name, dtype):
    """In bfloat16 itself 0.999 is 1, so that Adam's second moment would only ever grow."""
    opt = optim.trace(0.9) if name == "trace" else getattr(optim, name)()
    cast = lambda tree, dtype: jax.tree.map(
        lambda x: x.astype(dtype) if jnp.issubdtype(x.dtype, jnp.floating) else x, tree
    )
    params = {"w": jnp.zeros(50, dtype)}
    state = opt.init(params)
    for seed in range(5):
        grads = gradients(params, seed)
        exact = opt.update(cast(grads, jnp.float32), cast(state, jnp.float32))
        updates, state = opt.update(grads, state)
        chex.assert_trees_all_equal((updates, state), cast(exact, dtype))


def test_a_constant_gradient_has_variance_0_and_not_below():
    """Rounding takes v - m^2 below 0, where the root is not a number."""
    opt = optim.scale_by_rms(decay=0.9, centered=True)
    grads = jnp.linspace(0.1, 1.0, 50)
    state = opt.init(grads)
    for _ in range(200):
        updates, state = opt.update(grads, state)
        chex.assert_tree_all_finite(updates)
