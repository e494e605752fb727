"""L-BFGS is PyTorch's, to the number of evaluations, and finds minima."""

import inspect
import json

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.optimize

from jaxlearn import optim
from jaxlearn.optim import lbfgs
from jaxlearn.optim._history import History, inverse_hessian_times, remember
from jaxlearn.optim._wolfe import Point, strong_wolfe
from tests.jaxlearn.optim.recorded_lbfgs import RECORDED, TORCH_NAMES, follow, logistic, row
from tests.jaxlearn.sample import sample

PARAMS = {"w": jnp.array([1.0, -2.0]), "b": (jnp.array(0.5), None)}
SEARCHES = pytest.mark.parametrize("line_search", [None, "strong_wolfe"])


def bowl(params):
    """Lowest, and 0, at 1."""
    x = row(params)
    return jnp.sum(jnp.linspace(1.0, 5.0, x.size, dtype=x.dtype) * (x - 1) ** 2)


def steps(opt, params=PARAMS, loss=bowl, updates=3):
    @jax.jit
    def step(params, state):
        updates, state = opt.update(jax.grad(loss)(params), state, params, value_fn=loss)
        return optim.apply_updates(params, updates), state

    state = opt.init(params)
    for _ in range(updates):
        params, state = step(params, state)
    return params, state


@pytest.mark.parametrize(("dtype", "key"), sample(6, RECORDED))
def test_equals_recorded_pytorch(dtype, key, golden):
    arrays = golden("lbfgs")
    expected, expected_counts = arrays[f"{dtype}/{key}"], arrays[f"counts/{dtype}/{key}"]
    with jax.enable_x64(dtype == "float64"):
        path, counts, losses, expected_losses = follow(arrays, key, dtype)
    assert path.dtype == expected.dtype == dtype
    if dtype == "float64":
        np.testing.assert_array_equal(counts, expected_counts)
        np.testing.assert_allclose(path, expected, rtol=0, atol=1e-11)
    else:  # rounding decides when to stop, but not where that leads to
        np.testing.assert_allclose(path, expected, rtol=0, atol=1e-2)
        np.testing.assert_allclose(losses, expected_losses, rtol=1e-3, atol=1e-3)


def test_recording_covers_every_option():
    tried = {TORCH_NAMES.get(name, name) for _, key in RECORDED for name in json.loads(key)["options"]}
    assert tried == set(inspect.signature(lbfgs).parameters)


def test_line_search_equals_recorded_pytorch(x64, golden):
    lines = {k[5:]: jnp.asarray(v) for k, v in golden("lbfgs").items() if k.startswith("line/")}
    found = lines.pop("found")

    def search(speeds, phases, heights, square, first, budget):
        def evaluate(t):
            angle = speeds * t + phases
            value = jnp.round(4 * (heights @ jnp.sin(angle) + square * t * t)) / 4
            slope = heights @ (speeds * jnp.cos(angle)) + 2 * square * t
            return Point(t, value, slope, slope[None])

        start = evaluate(jnp.zeros(()))
        point, evals = strong_wolfe(evaluate, start, first, jnp.ones(()), budget.astype(jnp.int32))
        return jnp.stack([point.value, point.slope, point.t, evals.astype(float)])

    ours = jax.jit(jax.vmap(lambda line: search(**line)))(lines)
    np.testing.assert_allclose(ours, found, rtol=1e-10, atol=1e-10)


def test_two_loops_are_the_bfgs_formula(x64):
    """Against the matrix itself, H <- V' H V + rho s s' with V = I - rho y s', of a ring gone round."""
    random = np.random.RandomState(0)
    s, y = random.standard_normal((2, 3, 5))
    y *= np.sign((s * y).sum(axis=1, keepdims=True))
    rho, gamma = 1 / (s * y).sum(axis=1), 0.7
    H = gamma * np.eye(5)
    for i in (1, 2, 0):  # the fourth pair lies in row 0
        V = np.eye(5) - rho[i] * np.outer(y[i], s[i])
        H = V.T @ H @ V + rho[i] * np.outer(s[i], s[i])
    q = random.standard_normal(5)
    history = History(*map(jnp.asarray, (s, y, rho, gamma)), pairs=jnp.int32(4))
    np.testing.assert_allclose(inverse_hessian_times(history, jnp.asarray(q)), H @ q, rtol=1e-12)


@pytest.mark.parametrize(("s", "y"), [(1.0, -1.0), (0.0, 1.0), (1e-6, 1e-6), (1e20, 1e20), (1e16, 1e-25)])
def test_a_pair_that_tells_no_curvature_is_not_stored(s, y):
    """It is downwards or none, or its sums overflow or vanish."""
    history = History(jnp.ones((2, 1)), jnp.ones((2, 1)), jnp.ones(2), jnp.array(0.5), jnp.int32(2))
    chex.assert_trees_all_equal(remember(history, jnp.array([s]), jnp.array([y])), history)


@SEARCHES
def test_finds_the_minimum_that_scipy_finds(line_search, x64, golden):
    arrays = golden("lbfgs")
    inputs, signs = (jnp.asarray(arrays[f"data/{name}"]) for name in ("inputs", "signs"))
    loss = lambda x: logistic(x, inputs, signs)
    options = {"ftol": 0, "gtol": 1e-10, "maxiter": 1000}
    best = scipy.optimize.minimize(
        jax.jit(jax.value_and_grad(loss)), np.zeros(42), jac=True, method="L-BFGS-B", options=options
    )
    opt = lbfgs(max_iter=100, tolerance_grad=1e-8, tolerance_change=0.0, line_search=line_search)
    x, state = steps(opt, jnp.zeros(42), loss, updates=1)
    assert np.abs(best.jac).max() <= 1e-8
    assert jnp.abs(jax.grad(loss)(x)).max() <= 1e-8
    assert state.n_iter < 100
    np.testing.assert_allclose(x, best.x, rtol=0, atol=1e-6)


@SEARCHES
def test_jit_changes_nothing(line_search):
    opt = lbfgs(0.5, max_iter=3, history_size=2, line_search=line_search)
    update = lambda state: opt.update(jax.grad(bowl)(PARAMS), state, PARAMS, value_fn=bowl)
    state = opt.init(PARAMS)
    chex.assert_trees_all_close(jax.jit(update)(state), update(state), rtol=1e-5, atol=1e-6)


@SEARCHES
@pytest.mark.parametrize("name", ["learning_rate", "tolerance_change"])
def test_vmap_equals_a_loop(name, line_search):
    run = jax.jit(lambda value: steps(lbfgs(max_iter=3, line_search=line_search, **{name: value}), updates=2))
    values = jnp.array([0.0, 0.3, 2.0])
    grid = jax.vmap(run)(values)
    for i, value in enumerate(values):
        chex.assert_trees_all_close(jax.tree.map(lambda x, i=i: x[i], grid), run(value), rtol=1e-5, atol=1e-5)


def test_a_schedule_counts_updates():
    scheduled = lbfgs(lambda step: jnp.where(step < 1, 0.5, 0.25), max_iter=1)
    params, state = steps(scheduled, updates=1)
    chex.assert_trees_all_equal(params, steps(lbfgs(0.5, max_iter=1), updates=1)[0])
    assert optim.current_learning_rate(state) == 0.5
    assert optim.current_learning_rate(steps(scheduled, updates=2)[1]) == 0.25


def test_a_given_loss_saves_one_evaluation():
    """The loss is called twice in the program without line search: at the parameters, and at a new point."""
    calls = []

    def loss(params):
        calls.append(params)
        return bowl(params)

    opt, grads = lbfgs(), jax.grad(bowl)(PARAMS)
    run = lambda **extra: opt.update(grads, opt.init(PARAMS), PARAMS, value_fn=loss, **extra)
    given, alone = run(value=bowl(PARAMS)), len(calls)
    chex.assert_trees_all_equal(run(), given)
    assert len(calls) == 2 * alone + 1


@SEARCHES
@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_low_precision_is_computed_in_float32(dtype, line_search):
    params = jax.tree.map(lambda p: p.astype(dtype), PARAMS)
    opt = lbfgs(line_search=line_search)
    after, state = steps(opt, params, updates=1)
    chex.assert_trees_all_equal_shapes_and_dtypes(after, params)
    chex.assert_trees_all_equal_shapes_and_dtypes(state, opt.init(params))
    assert state.step.dtype == "float32"
    np.testing.assert_allclose(row(after).astype(float), 1.0, atol=0.02)


def test_mixed_precision_takes_the_widest(x64):
    params = {"a": jnp.zeros(2, "float32"), "b": jnp.zeros(2, "float64"), "c": jnp.zeros((), "bfloat16")}
    loss = lambda p: sum(((leaf.astype("float64") - 1) ** 2).sum() for leaf in p.values())
    after, state = steps(lbfgs(), params, loss, updates=1)
    chex.assert_trees_all_equal_shapes_and_dtypes(after, params)
    assert state.step.dtype == "float64"
    chex.assert_trees_all_close(after, jax.tree.map(jnp.ones_like, params), rtol=1e-6)


@SEARCHES
@pytest.mark.parametrize("params", [{}, {"a": jnp.zeros((0, 3)), "b": None}])
def test_nothing_to_do_is_done(params, line_search):
    opt = lbfgs(line_search=line_search)
    state = opt.init(params)
    updates, state = opt.update(params, state, params, value_fn=lambda params: jnp.zeros(()))
    chex.assert_trees_all_equal(updates, params)
    assert (state.n_iter, state.func_evals) == (0, 1)


@SEARCHES
@pytest.mark.parametrize("shape", [bowl, lambda params: row(params).sum()])
def test_zero_tiny_and_huge_gradients_stay_finite(shape, line_search):
    opt = lbfgs(line_search=line_search)
    run = jax.jit(lambda size: steps(opt, loss=lambda params: size * shape(params)))
    for size in (0.0, 1e-30, 1e15, 1e20, 1e30):
        chex.assert_tree_all_finite(run(size))


def test_the_line_search_turns_back_where_the_loss_is_no_number():
    """x - log x has no value below 0, where the first trial lands: 3 - 100 * 2/3."""
    opt = lbfgs(100.0, line_search="strong_wolfe")
    params, state = steps(opt, {"x": jnp.array(3.0)}, lambda params: params["x"] - jnp.log(params["x"]))
    assert params["x"] == pytest.approx(1.0, abs=1e-3)
    chex.assert_tree_all_finite(state)


def test_state_can_be_donated():
    opt = lbfgs()
    state = opt.init(PARAMS)
    update = jax.jit(lambda g, s, p: opt.update(g, s, p, value_fn=bowl), donate_argnums=1)
    update(jax.grad(bowl)(PARAMS), state, PARAMS)
    assert all(leaf.is_deleted() for leaf in (state.step, state.grad, state.history.s, state.history.y))


def test_a_chain_hands_the_loss_on():
    chex.assert_trees_all_equal(steps(optim.chain(lbfgs()), updates=1)[0], steps(lbfgs(), updates=1)[0])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"learning_rate": -1.0}, r"learning_rate must be in \[0, inf\), got -1"),
        ({"max_iter": 0}, r"max_iter must be in \[1, inf\), got 0"),
        ({"max_eval": 0}, "max_eval must be in"),
        ({"history_size": 0}, "history_size must be in"),
        ({"tolerance_grad": -1.0}, "tolerance_grad must be in"),
        ({"tolerance_change": float("nan")}, "tolerance_change must be in"),
        ({"line_search": "wolfe"}, "line_search must be None or \"strong_wolfe\", got 'wolfe'"),
    ],
)
def test_wrong_values_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        lbfgs(**options)


@pytest.mark.parametrize("name", ["max_iter", "max_eval", "history_size"])
def test_sizes_are_whole_numbers(name):
    with pytest.raises(TypeError, match=f"{name} must be a whole number, got 2.5"):
        lbfgs(**{name: 2.5})


def test_what_is_missing_is_told():
    opt, grads = lbfgs(), jax.grad(bowl)(PARAMS)
    state = opt.init(PARAMS)
    for arguments in ({"params": PARAMS}, {"value_fn": bowl}):
        with pytest.raises(ValueError, match=r"call update\(grads, state, params, value_fn=loss\)"):
            opt.update(grads, state, **arguments)
    with pytest.raises(ValueError, match="gradients and parameters differ in shape"):
        opt.update(grads | {"w": jnp.ones((2, 1))}, state, PARAMS, value_fn=bowl)
