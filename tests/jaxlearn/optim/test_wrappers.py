"""What goes around an optimizer, against recorded PyTorch, optax and plain loops."""

import json
from pathlib import Path

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxlearn import optim
from tests.jaxlearn.optim.case import flat, follow
from tests.jaxlearn.optim.cases_torch import TORCH, translate

TOLERANCE = {"float64": 1e-12, "float32": 1e-5}
RECORDED = [key.split("/", 2) for key in np.load(Path(__file__).parents[2] / "golden" / "wrappers.npz")]
INNER = {
    "ours": lambda: optim.adam(0.1, weight_decay=0.1),
    "optax": lambda: optax.sgd(0.1, momentum=0.9),
}
every_inner = pytest.mark.parametrize("name", INNER)


def cases(kind):
    return [key[1:] for key in RECORDED if key[0] == kind]


@pytest.fixture
def recorded(golden):
    """`recorded(dtype)`: the parameters and gradients that PyTorch was recorded with."""
    arrays = golden("wrappers")
    return lambda dtype: tuple(
        [jnp.asarray(arrays[f"{kind}/{i}"], dtype) for i in range(3)] for kind in ("params", "grads")
    )


@pytest.fixture
def problem64(x64, recorded):
    with jax.numpy_dtype_promotion("standard"):  # optax needs it
        yield recorded("float64")


def run(opt, params, grads):
    """Updates, states and parameters after each step, by one scan over gradients."""

    def body(carry, grads):
        params, state = carry
        updates, state = opt.update(grads, state, params)
        params = optim.apply_updates(params, updates)
        return (params, state), (updates, state, params)

    return jax.jit(lambda: jax.lax.scan(body, (params, opt.init(params)), grads)[1])()


@pytest.mark.parametrize(("dtype", "key"), cases("groups"))
def test_partition_equals_recorded_param_groups(dtype, key, golden, recorded):
    name, first, second = json.loads(key)
    make = lambda options: TORCH[name](**translate(name, options))
    groups = {"first": make(first), "second": make(second)}
    with jax.enable_x64(dtype == "float64"):
        opt = optim.partition(groups, ["first", "second", "second"])
        ours = np.asarray(flat(follow(opt, *recorded(dtype))))
    theirs = golden("wrappers")[f"groups/{dtype}/{key}"]
    assert ours.dtype == theirs.dtype == dtype
    assert np.abs(ours - theirs).max() <= TOLERANCE[dtype]


@pytest.mark.parametrize("key", [key for _, key in cases("average")])
def test_average_equals_recorded_averaged_model(key, golden, problem64):
    case = json.loads(key)
    params, grads = problem64
    _, states, trajectory = run(optim.average_parameters(optim.sgd(0.1, momentum=0.9), **case), params, grads)
    ours = np.asarray(flat(optim.averaged_parameters(states)))
    theirs = golden("wrappers")[f"average/float64/{key}"]
    started = ~np.isnan(theirs[:, 0])
    assert started.sum() == 24 - case["start"] - case["every"] + 1
    assert np.abs(ours - theirs)[started].max() <= 1e-12
    # until then, the average is the last parameters
    np.testing.assert_allclose(ours[~started], flat(trajectory)[~started], rtol=1e-14)


@pytest.mark.parametrize("key", [key[0] for key in cases("plateau")])
def test_rates_equal_recorded_reduce_lr_on_plateau(key, golden, x64):
    arrays = golden("wrappers")
    options = {"patience": 1} | json.loads(key)
    eps, min_scale = options.pop("eps", 1e-8) / 0.25, options.pop("min_lr", 0) / 0.25
    opt = optim.chain(optim.sgd(0.25), optim.reduce_on_plateau(eps=eps, min_scale=min_scale, **options))

    def rates(values):
        def body(state, value):
            update, state = opt.update(jnp.array(-1.0), state, value=value)
            return state, (update, optim.current_learning_rate(state))

        return jax.lax.scan(body, opt.init(jnp.array(0.0)), values)[1]

    updates, current = jax.jit(jax.vmap(rates))(jnp.asarray(arrays[f"values/{options['mode']}"]))
    np.testing.assert_array_equal(current, arrays[f"plateau/{key}"])
    np.testing.assert_array_equal(updates, arrays[f"plateau/{key}"])


@pytest.mark.parametrize(("dtype", "key"), cases("clip"))
def test_clip_equals_recorded_clip_grad_value(dtype, key, golden, recorded):
    with jax.enable_x64(dtype == "float64"):
        grads = [g[0] for g in recorded(dtype)[1]]
        clipped, _ = optim.clip(float(key)).update(grads, optim.states.EmptyState())
    ours = np.concatenate([g.reshape(-1) for g in clipped])
    np.testing.assert_array_equal(ours, golden("wrappers")[f"clip/{dtype}/{key}"])


@pytest.mark.parametrize(("name", "steps"), [("ours", 1), ("ours", 3), ("optax", 4)])
def test_accumulate_equals_optax_multi_steps(name, steps, problem64):
    ours, states, _ = run(optim.accumulate(INNER[name](), steps), *problem64)
    theirs, *_ = run(optax.MultiSteps(INNER[name](), steps, accumulator_dtype=jnp.float64), *problem64)
    chex.assert_trees_all_close(ours, theirs, rtol=0, atol=1e-12)
    np.testing.assert_array_equal(states.step, np.arange(1, 25) % steps)


def test_accumulate_does_no_work_in_between():
    calls = []

    def count(grads, state, params=None):
        jax.debug.callback(lambda: calls.append(1))
        return grads, state

    run(optim.accumulate(optim.Transform(lambda params: (), count), 4), jnp.zeros(2), jnp.ones((9, 2)))
    jax.effects_barrier()
    assert len(calls) == 2


def test_the_mean_of_bfloat16_gradients_is_float32():
    grads = jnp.array([256.0] + [1.0] * 15, jnp.bfloat16)  # 256 + 1 is 256 in bfloat16
    updates, states, _ = run(optim.accumulate(optim.scale(1.0), 16), jnp.array(0.0, jnp.bfloat16), grads)
    assert updates.dtype == jnp.bfloat16
    assert states.mean.dtype == jnp.float32
    assert updates[-1] == jnp.asarray(271 / 16, jnp.bfloat16)


def test_a_nan_spoils_one_mean():
    updates, *_ = run(
        optim.accumulate(optim.scale(1.0), 2), jnp.array(0.0), jnp.array([1.0, jnp.nan, 3.0, 5.0])
    )
    np.testing.assert_array_equal(updates, [0, jnp.nan, 0, 4])


@every_inner
def test_skip_nonfinite_equals_optax(name, problem64):
    params, grads = problem64
    bad = {1: (0, jnp.nan), 5: (1, jnp.inf), 6: (2, -jnp.inf), 7: (0, jnp.nan), 23: (1, jnp.nan)}
    for step, (leaf, value) in bad.items():
        first = (step, *[0] * (grads[leaf].ndim - 1))
        grads[leaf] = grads[leaf].at[first].set(value)
    ours, states, _ = run(optim.skip_nonfinite(INNER[name]()), params, grads)
    theirs, their_states, _ = run(optax.apply_if_finite(INNER[name](), 100), params, grads)
    chex.assert_trees_all_close(ours, theirs, rtol=0, atol=1e-12)
    np.testing.assert_array_equal(states.skipped, their_states.total_notfinite)
    np.testing.assert_array_equal(states.in_a_row, their_states.notfinite_count)
    assert states.skipped[-1] == 5
    assert states.in_a_row.max() == 3


@pytest.mark.parametrize("shape", [(), (5,), (4, 3), (2, 4, 3), (2, 2, 4, 3)])
def test_centralize_is_optax(shape):
    g = jnp.asarray(np.random.default_rng(0).normal(size=shape), jnp.float32)
    ours, _ = optim.centralize().update(g, optim.states.EmptyState())
    theirs, _ = optax.centralize().update(g, optax.EmptyState())
    np.testing.assert_allclose(ours, theirs, atol=1e-6)
    if g.ndim > 1:
        np.testing.assert_allclose(jnp.sum(ours, axis=range(1, g.ndim)), jnp.zeros(len(g)), atol=1e-5)
    else:
        np.testing.assert_array_equal(ours, g)


@pytest.mark.parametrize("key", [jax.random.key(3), jax.random.PRNGKey(3)], ids=["typed", "raw"])
def test_noise_fades_and_never_repeats(key):
    grads = {"a": jnp.full((4, 20_000), 2.0), "b": jnp.full((4, 20_000), -1.0)}
    params = jax.tree.map(lambda g: g[0], grads)
    updates, *_ = run(optim.add_noise(0.3, 0.55, key), params, grads)
    noise = np.concatenate([updates["a"] - 2, updates["b"] + 1])
    variance = 0.3 / np.arange(1, 5) ** 0.55
    np.testing.assert_allclose(noise.var(axis=1), np.tile(variance, 2), rtol=0.05)
    np.testing.assert_allclose(noise.mean(axis=1), 0, atol=0.02)
    assert np.abs(np.corrcoef(noise) - np.eye(8)).max() < 0.05
    again, *_ = run(optim.add_noise(0.3, 0.55, key), params, grads)
    chex.assert_trees_all_equal(updates, again)


@pytest.mark.parametrize("debias", [True, False])
def test_ema_equals_optax(debias, problem64):
    ours, *_ = run(optim.ema(0.8, debias), *problem64)
    theirs, *_ = run(optax.ema(0.8, debias), *problem64)
    chex.assert_trees_all_close(ours, theirs, rtol=0, atol=1e-12)


def test_averaged_parameters_needs_exactly_one():
    params = {"w": jnp.ones(2)}
    average = optim.average_parameters(optim.adam())
    state = optim.chain(optim.scale(1.0), optim.accumulate(average, 2)).init(params)
    chex.assert_trees_all_equal(optim.averaged_parameters(state), params)
    with pytest.raises(ValueError, match="holds 0"):
        optim.averaged_parameters(optim.adam().init(params))
    for two in (optim.chain(average, average), optim.average_parameters(average)):
        with pytest.raises(ValueError, match="holds 2"):
            optim.averaged_parameters(two.init(params))


def test_the_average_of_bfloat16_parameters_is_float32():
    opt = optim.average_parameters(optim.sgd(1.0), decay=0.999)
    steps = jnp.array([0.0] + [-1.0] + [0.0] * 99, jnp.bfloat16)
    _, states, _ = run(opt, jnp.array(0.0, jnp.bfloat16), steps)
    np.testing.assert_allclose(optim.averaged_parameters(states)[-1], 1 - 0.999**100, rtol=1e-5)


@pytest.mark.parametrize(("name", "steps", "alpha"), [("ours", 1, 0.5), ("ours", 5, 0.2), ("optax", 3, 0.5)])
def test_lookahead_equals_optax(name, steps, alpha, problem64):
    params, grads = problem64
    ours, states, _ = run(optim.lookahead(INNER[name](), steps, alpha), params, grads)
    theirs = optax.lookahead(INNER[name](), steps, alpha)

    def body(carry, grads):
        params, state = carry
        updates, state = theirs.update(grads, state, params)
        params = optax.apply_updates(params, updates)
        return (params, state), (updates.fast, params.slow)

    both = optax.LookaheadParams.init_synced(params)
    updates, slow = jax.lax.scan(body, (both, theirs.init(both)), grads)[1]
    chex.assert_trees_all_close(ours, updates, rtol=0, atol=1e-12)
    chex.assert_trees_all_close(states.slow, slow, rtol=0, atol=1e-12)


def loss(params):
    return sum(jnp.sum(jnp.cos(3 * p) + 0.1 * p**4) for p in jax.tree.leaves(params)) ** 2


@every_inner
def test_sam_equals_optax(name, problem64):
    params, _ = problem64
    ours = optim.sam(INNER[name](), rho=0.3)
    adversary = optax.chain(optax.contrib.normalize(), optax.sgd(0.3))
    theirs = optax.contrib.sam(INNER[name](), adversary, opaque_mode=True)
    our_params, our_state, their_state = params, ours.init(params), theirs.init(params)
    slope = jax.jit(jax.grad(loss))
    our_update = jax.jit(lambda g, s, p: ours.update(g, s, p, value_fn=loss))
    their_update = jax.jit(lambda g, s, p: theirs.update(g, s, p, grad_fn=lambda p, i: jax.grad(loss)(p)))
    for _ in range(5):
        updates, their_state = their_update(slope(params), their_state, params)
        params = optim.apply_updates(params, updates)
        updates, our_state = our_update(slope(our_params), our_state, our_params)
        our_params = optim.apply_updates(our_params, updates)
        chex.assert_trees_all_close(our_params, params, rtol=1e-12)


@pytest.mark.parametrize("adaptive", [False, True])
def test_sam_is_a_plain_loop(adaptive, x64):
    """A loss whose gradient is known: half of x A x."""
    random = np.random.default_rng(0)
    a = random.normal(size=(6, 6))
    a = a @ a.T
    opt = optim.sam(optim.sgd(0.01), rho=0.7, adaptive=adaptive)
    theta = random.normal(size=6)
    params, state = jnp.asarray(theta), opt.init(jnp.asarray(theta))
    quadratic = lambda x: 0.5 * x @ jnp.asarray(a) @ x
    for _ in range(10):
        g = a @ theta
        size = np.abs(theta) if adaptive else np.ones(6)
        theta = theta - 0.01 * a @ (theta + 0.7 * size**2 * g / np.linalg.norm(size * g))
        updates, state = opt.update(jax.grad(quadratic)(params), state, params, value_fn=quadratic)
        params = optim.apply_updates(params, updates)
        np.testing.assert_allclose(params, theta, rtol=1e-12)


@pytest.mark.parametrize("mode", ["min", "max"])
def test_a_negative_loss_that_stands_still_is_cut_too(mode):
    """Where PyTorch takes every value that is a share worse for better; see the docstring."""
    opt = optim.chain(optim.sgd(1.0), optim.reduce_on_plateau(mode, 0.5, patience=1, threshold=0.1))
    state = opt.init(0.0)
    for loss in (-2.0,) * 3:
        _, state = opt.update(1.0, state, value=loss)
    assert optim.current_learning_rate(state) == 0.5
    better = -2.3 if mode == "min" else -1.7
    for loss in (better, better):  # more than a tenth better, then no better
        _, state = opt.update(1.0, state, value=loss)
    assert optim.current_learning_rate(state) == 0.5
