"""Master weights and the dtype of a state."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxlearn import optim

LOW = [jnp.bfloat16, jnp.float16]


def network(seed=0):
    """A network of two layers: its parameters, and its loss on the examples it should learn."""
    random = np.random.default_rng(seed)
    x = random.normal(size=(64, 8))
    y = np.sin(x @ random.normal(size=(8, 4)))
    params = {"in": random.normal(size=(8, 32)) / 3, "out": random.normal(size=(32, 4)) / 6}

    def loss(params):
        wide = jax.tree.map(lambda p: p.astype(jnp.float32), params)
        hidden = jnp.tanh(jnp.asarray(x, jnp.float32) @ wide["in"])
        return jnp.mean((hidden @ wide["out"] - jnp.asarray(y, jnp.float32)) ** 2)

    return jax.tree.map(lambda p: jnp.asarray(p, jnp.float32), params), loss


def train(opt, params, loss, steps=300):
    def body(carry, _):
        params, state = carry
        value, grads = jax.value_and_grad(loss)(params)
        updates, state = opt.update(grads, state, params, value=value)
        params = optim.apply_updates(params, updates)
        return (params, state), (params, state, value)

    return jax.jit(lambda: jax.lax.scan(body, (params, opt.init(params)), length=steps)[1])()


def cast(tree, dtype):
    return jax.tree.map(lambda x: x.astype(dtype), tree)


@pytest.mark.parametrize("dtype", LOW)
@pytest.mark.parametrize("inner", [optim.adam(3e-3), optim.sgd(0.3, momentum=0.9)], ids=["adam", "sgd"])
def test_parameters_are_the_rounded_master_weights(inner, dtype):
    """At every one of a hundred thousand numbers, to the last bit."""
    params, loss = network()
    after, states, _ = train(optim.master_weights(inner), cast(params, dtype), loss)
    chex.assert_trees_all_equal(after, cast(states.master, dtype))
    assert {leaf.dtype for leaf in jax.tree.leaves(states.master)} == {jnp.dtype("float32")}


@pytest.mark.parametrize(("dtype", "bits"), [(jnp.bfloat16, 16), (jnp.float16, 13)])
def test_parameters_that_leap_are_met_exactly(dtype, bits):
    """Next to the middle between two numbers, and as far away as the update can be exact."""
    random = np.random.default_rng(0)
    numbers = jnp.asarray(random.uniform(0.5, 2, 100_000), dtype).astype(jnp.float32)
    middle = numbers * (1 + float(jnp.finfo(dtype).eps) / 2)
    master = middle * (1 + 2.0**-23 * jnp.asarray(random.integers(-2, 3, 100_000), jnp.float32))
    params = jnp.asarray(
        random.choice([-1, 1], 100_000) * 2.0 ** random.uniform(-12, bits - 1, 100_000), dtype
    )
    opt = optim.master_weights(optim.sgd(0.0))
    updates, _ = opt.update(params, opt.init(params)._replace(master=master), params)
    np.testing.assert_array_equal(optim.apply_updates(params, updates), master.astype(dtype))


def test_updates_in_bfloat16_would_miss_the_master_weights():
    """Why the updates are in float32: a parameter that more than doubles, halves or turns its sign."""
    params, loss = network()
    after, _, _ = train(optim.master_weights(optim.adam(3e-3)), cast(params, jnp.bfloat16), loss, steps=100)
    for p in jax.tree.leaves(after):
        old, new = p[:-1], p[1:]
        update = new.astype(jnp.float32) - old.astype(jnp.float32)
        assert (optim.apply_updates(old, update) == new).all()
        assert (optim.apply_updates(old, update.astype(jnp.bfloat16)) != new).sum() > 10


def test_small_steps_stall_in_bfloat16_and_add_up_in_master_weights():
    params, loss = network()
    start = loss(params)
    opt = optim.sgd(2e-3)
    _, _, wide = train(opt, params, loss)
    stalled, _, without = train(opt, cast(params, jnp.bfloat16), loss)
    _, _, with_master = train(optim.master_weights(opt), cast(params, jnp.bfloat16), loss)
    gain = start - wide[-1]
    assert gain > 0.1
    assert start - without[-1] < 0.5 * gain
    assert abs(with_master[-1] - wide[-1]) < 0.05 * gain
    moved = jax.tree.map(lambda p: jnp.mean(p[-1] != p[len(p) // 2]), stalled)
    assert max(jax.tree.leaves(moved)) < 0.5


def test_master_weights_are_the_float32_run_on_rounded_gradients():
    """Every step of the inner optimizer is the one it would make on float32 parameters."""
    grads = jnp.asarray(np.random.default_rng(0).normal(size=(20, 50)), jnp.bfloat16)
    params = jnp.asarray(np.random.default_rng(1).normal(size=50), jnp.bfloat16)
    narrow, wide = optim.master_weights(optim.adam(0.1, weight_decay=0.1)), optim.adam(0.1, weight_decay=0.1)
    master, state, wide_state = (
        params.astype(jnp.float32),
        narrow.init(params),
        wide.init(cast(params, jnp.float32)),
    )
    for g in grads:
        updates, state = narrow.update(g, state, params)
        params = optim.apply_updates(params, updates)
        updates, wide_state = wide.update(g.astype(jnp.float32), wide_state, master)
        master = optim.apply_updates(master, updates)
        np.testing.assert_array_equal(state.master, master)
    chex.assert_trees_all_equal(state.inner, wide_state)


def test_parameters_that_are_not_low_have_no_copy(x64):
    params = {
        "low": jnp.ones(2, jnp.bfloat16),
        "float": jnp.ones(3, jnp.float32),
        "double": jnp.ones((), float),
    }
    opt = optim.master_weights(optim.sgd(0.1, momentum=0.9))
    state = opt.init(params)
    assert state.master["float"] is None
    assert state.master["double"] is None
    grads = jax.tree.map(jnp.ones_like, params)
    updates, state = opt.update(grads, state, params)
    plain, _ = optim.sgd(0.1, momentum=0.9).update(grads, optim.sgd(0.1, momentum=0.9).init(params), params)
    assert {name: str(u.dtype) for name, u in updates.items()} == {
        "low": "float32", "float": "float32", "double": "float64"
    }  # fmt: skip
    chex.assert_trees_all_equal(updates["float"], plain["float"])
    chex.assert_trees_all_equal(updates["double"], plain["double"])


def test_master_weights_around_and_inside_other_wrappers():
    params, loss = network()
    params = cast(params, jnp.bfloat16)
    opt = optim.average_parameters(optim.master_weights(optim.accumulate(optim.sgd(0.1, momentum=0.9), 2)))
    after, states, _ = train(opt, params, loss, steps=40)
    chex.assert_trees_all_equal(after, cast(states.inner.master, jnp.bfloat16))
    mean = jax.tree.map(lambda p: jnp.mean(p.astype(jnp.float32), axis=0), after)
    chex.assert_trees_all_close(
        jax.tree.map(lambda a: a[-1], optim.averaged_parameters(states)), mean, atol=1e-5
    )
    with jax.numpy_dtype_promotion("standard"):
        after, states, _ = train(optim.master_weights(optax.adamw(3e-3)), params, loss, steps=40)
    chex.assert_trees_all_equal(after, cast(states.master, jnp.bfloat16))


def test_value_fn_keeps_its_dtypes():
    seen = []

    def loss(p):
        seen.append(p.dtype)
        return jnp.sum(p.astype(jnp.float32) ** 2)

    params = jnp.ones(3, jnp.bfloat16)
    opt = optim.master_weights(optim.sam(optim.sgd(0.1)))
    updates, _ = opt.update(params, opt.init(params), params, value_fn=loss)
    assert updates.dtype == jnp.float32
    assert set(seen) == {jnp.dtype("bfloat16")}


@pytest.mark.parametrize(("param", "moment"), [("bfloat16", "float32"), ("float32", "bfloat16")])
def test_state_dtype(param, moment):
    params = jnp.ones(3, param)
    opt = optim.state_dtype(optim.adam(1e-2), moment)
    state = opt.init(params)
    for _ in range(3):
        updates, state = opt.update(params, state, params)
        params = optim.apply_updates(params, updates)
    assert {str(leaf.dtype) for leaf in jax.tree.leaves((updates, params))} == {param}
    moments = jax.tree.leaves((state[0].m, state[0].v))
    assert {str(leaf.dtype) for leaf in moments} == {moment}


def test_wide_moments_are_those_of_a_wide_run():
    grads = jnp.asarray(np.random.default_rng(0).normal(size=(20, 50)), jnp.bfloat16)
    narrow, wide = optim.state_dtype(optim.scale_by_adam(), jnp.float32), optim.scale_by_adam()
    state, wide_state = narrow.init(grads[0]), wide.init(grads[0].astype(jnp.float32))
    for g in grads:
        updates, state = narrow.update(g, state)
        exact, wide_state = wide.update(g.astype(jnp.float32), wide_state)
        np.testing.assert_array_equal(updates, exact.astype(jnp.bfloat16))
    chex.assert_trees_all_equal(state, wide_state)


def test_whole_numbers_keep_their_dtype():
    params = {"w": jnp.ones(2, jnp.bfloat16), "n": jnp.array(3, jnp.int8)}
    assert optim.state_dtype(optim.trace(0.9), jnp.float32).init(params).trace["n"].dtype == jnp.int8
    assert optim.master_weights(optim.trace(0.9)).init(params).master["n"] is None


@pytest.mark.parametrize("wrapper", [optim.master_weights, optim.state_dtype])
def test_a_dtype_must_be_floating(wrapper):
    with pytest.raises(ValueError, match="dtype must be a floating type, got int32"):
        wrapper(optim.sgd(), jnp.int32)
