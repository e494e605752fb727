"""The protocol: chains, extra arguments, optax on either side, errors."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxlearn import optim

PARAMS = {"w": jnp.array([1.0, -2.0]), "b": jnp.array(0.5)}
GRADS = {"w": jnp.array([3.0, 4.0]), "b": jnp.array(12.0)}


def update(opt, grads=GRADS, params=PARAMS):
    return opt.update(grads, opt.init(params), params)[0]


def test_chain_applies_in_order():
    a = update(optim.chain(optim.clip_by_global_norm(1.0, eps=0.0), optim.scale(2.0)))
    b = update(optim.chain(optim.scale(2.0), optim.clip_by_global_norm(1.0, eps=0.0)))
    assert float(optim.global_norm(a)) == pytest.approx(2.0)
    assert float(optim.global_norm(b)) == pytest.approx(1.0)


def test_empty_chain_changes_nothing():
    chex.assert_trees_all_equal(update(optim.chain()), GRADS)


def test_chains_nest():
    inner = optim.chain(optim.scale(2.0), optim.scale(3.0))
    chex.assert_trees_all_close(update(optim.chain(inner, optim.scale(0.5))), update(optim.scale(3.0)))


def test_optax_inside_jaxlearn_and_jaxlearn_inside_optax():
    want = update(optim.chain(optim.clip_by_global_norm(1.0, eps=0.0), optim.adam(0.1)))
    with jax.numpy_dtype_promotion("standard"):
        for opt in [
            optim.chain(optax.clip_by_global_norm(1.0), optim.adam(0.1)),
            optim.chain(optim.clip_by_global_norm(1.0, eps=0.0), optax.adam(0.1)),
            optax.chain(optax.clip_by_global_norm(1.0), optim.adam(0.1)),
            optax.chain(optim.clip_by_global_norm(1.0, eps=0.0), optax.adam(0.1)),
        ]:
            chex.assert_trees_all_close(update(opt), want, rtol=0, atol=1e-6)


def test_extra_arguments_reach_those_that_take_them():
    seen = {}

    def with_value(grads, state, params=None, *, value):
        seen["named"] = value
        return grads, state

    def with_all(grads, state, params=None, **extra):
        seen["all"] = extra
        return grads, state

    init = lambda params: ()
    opt = optim.chain(
        optax.scale(1.0), optim.Transform(init, with_value), optim.Transform(init, with_all), optim.sgd(0.1)
    )
    opt.update(GRADS, opt.init(PARAMS), PARAMS, value=3, other=4)
    assert seen == {"named": 3, "all": {"value": 3, "other": 4}}


def test_current_learning_rate_is_the_one_last_used():
    opt = optim.chain(optim.clip_by_global_norm(1.0), optim.adam(lambda step: jnp.where(step < 2, 1.0, 0.25)))
    state = opt.init(PARAMS)
    rates = [float(optim.current_learning_rate(state))]
    for _ in range(3):
        _, state = opt.update(GRADS, state, PARAMS)
        rates.append(float(optim.current_learning_rate(state)))
    assert rates == [1.0, 1.0, 1.0, 0.25]


def test_current_learning_rate_needs_exactly_one():
    with pytest.raises(ValueError, match="holds 0"):
        optim.current_learning_rate(optim.scale(1.0).init(PARAMS))
    two = optim.chain(optim.sgd(0.1), optim.sgd(0.1)).init(PARAMS)
    with pytest.raises(ValueError, match="holds 2"):
        optim.current_learning_rate(two)


def test_clip_leaves_short_gradients_alone():
    opt = optim.clip_by_global_norm(100.0)
    chex.assert_trees_all_equal(update(opt), GRADS)


def test_the_step_count_never_overflows():
    last = jnp.array(2**31 - 1, jnp.int32)
    opt = optim.scale_by_learning_rate(lambda step: 0.1)
    state = opt.init(PARAMS)._replace(step=last)
    assert opt.update(GRADS, state)[1].step == last


def test_state_can_be_donated():
    opt = optim.adam(0.1)
    state = jax.jit(opt.init)(PARAMS)
    before = jax.tree.leaves((state[0].m, state[0].v))
    jax.jit(opt.update, donate_argnums=1)(GRADS, state, PARAMS)
    assert all(leaf.is_deleted() for leaf in before)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: optim.sgd(-0.1), r"learning_rate must be in \[0, inf\), got -0.1"),
        (lambda: optim.sgd(float("nan")), "learning_rate must be in .*, got nan"),
        (lambda: optim.adam(float("inf")), "learning_rate must be in .*, got inf"),
        (lambda: optim.adam(np.float32(-1)), "learning_rate must be in .*, got -1"),
        (lambda: optim.adam(jnp.array(-1.0)), "learning_rate must be in .*, got -1"),
        (lambda: optim.adam(jnp.ones(3)), r"learning_rate must be one number, got an array of shape \(3,\)"),
        (lambda: optim.sgd(0.1, momentum=-0.1), "momentum must be in"),
        (lambda: optim.sgd(0.1, weight_decay=-0.1), "weight_decay must be in"),
        (lambda: optim.sgd(0.1, nesterov=True), "nesterov needs momentum above 0 and dampening 0"),
        (lambda: optim.sgd(0.1, momentum=0.9, dampening=0.1, nesterov=True), "nesterov needs"),
        (lambda: optim.momentum(0.1, momentum=-0.1), "momentum must be in"),
        (lambda: optim.adam(0.1, b1=1.0), r"b1 must be in \[0, 1\), got 1"),
        (lambda: optim.adam(0.1, b2=-0.5), "b2 must be in"),
        (lambda: optim.adam(0.1, eps=-1e-8), "eps must be in"),
        (lambda: optim.adam(0.1, weight_decay=-1.0), "weight_decay must be in"),
        (lambda: optim.rmsprop(0.1, decay=-0.1), "decay must be in"),
        (lambda: optim.rmsprop(0.1, eps=-1.0), "eps must be in"),
        (lambda: optim.rmsprop(0.1, momentum=-1.0), "momentum must be in"),
        (lambda: optim.clip_by_global_norm(0.0), r"max_norm must be in \(0, inf\), got 0"),
        (lambda: optim.muon(0.1, ns_steps=100), r"ns_steps must be in \[0, 99\], got 100"),
        (lambda: optim.muon(0.1, adjust_lr="x"), "adjust_lr must be original or match_rms_adamw, got 'x'"),
        (lambda: optim.ademamix(0.1, warmup_steps=-1), r"warmup_steps must be in \[0, inf\), got -1"),
    ],
)
def test_wrong_values_are_named(build, message):
    with pytest.raises(ValueError, match=message):
        build()


@pytest.mark.parametrize("value", ["0.1", None, True, [0.1]])
def test_what_is_no_number_is_a_type_error(value):
    with pytest.raises(TypeError, match="learning_rate must be a number"):
        optim.sgd(value)


def test_shapes_that_would_broadcast_are_told():
    with jax.numpy_rank_promotion("allow"), pytest.raises(ValueError, match=r"shape: \(\) became \(3,\)"):
        optim.apply_updates({"w": jnp.array(0.0)}, {"w": jnp.ones(3)})
    opt = optim.adam(0.1)
    state = opt.init({"w": jnp.ones((2, 2))})
    with pytest.raises(ValueError, match="differ in shape"):
        opt.update({"w": jnp.ones((1, 2))}, state)


def test_a_traced_value_is_not_forced_to_a_number():
    assert jax.jit(lambda lr: update(optim.sgd(lr))["b"])(0.1) == pytest.approx(-1.2)


def test_weight_decay_without_parameters_is_told():
    opt = optim.sgd(0.1, weight_decay=0.1)
    with pytest.raises(ValueError, match="needs the parameters"):
        opt.update(GRADS, opt.init(PARAMS))
