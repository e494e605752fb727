"""What holds for every optimizer and transform of the table in contract.py."""

import contextlib
import inspect

import chex
import jax
import jax.numpy as jnp
import pytest

from jaxlearn import optim, training
from tests.jaxlearn.optim.contract import (
    ROWS,
    STEPS,
    VALUES,
    WITHOUT_EFFECT,
    bowl,
    make_params,
    slope,
    train,
    update,
)
from tests.jaxlearn.sample import sample

every_row = pytest.mark.parametrize("name", ROWS)
sampled_rows = pytest.mark.parametrize("name", sample(10, ROWS))


def without_keys(tree):
    """Random keys are compared as their data."""
    is_key = lambda x: jnp.issubdtype(x.dtype, jax.dtypes.prng_key)
    return jax.tree.map(lambda x: jax.random.key_data(x) if is_key(x) else x, tree)


def close(a, b, tolerance=1e-8):
    chex.assert_trees_all_close(without_keys(a), without_keys(b), rtol=tolerance, atol=tolerance)


def test_every_public_transform_is_in_the_table():
    """Anything public that makes a Transform: by itself, or as what a named optimizer consists of."""
    primitives = {name for name in optim.__all__ if name.startswith("scale")}
    protocol = {"Transform", "chain", "from_rule", "stateless", "with_extra_args_support"}
    makers = {
        name
        for name in optim.__all__
        if inspect.isfunction(getattr(optim, name))
        and inspect.signature(getattr(optim, name)).return_annotation is optim.Transform
    }
    assert makers - primitives - protocol <= {name.split()[0] for name in ROWS}


@sampled_rows
def test_vmap_over_each_number_equals_a_loop_and_compiles_once(name, x64):
    """One batch holds, for every real-number hyperparameter, runs that differ in it alone."""
    row, params = ROWS[name], make_params(jnp.float64)
    base = row.numbers
    variants = [base] + [base | {n: v} for n in base for v in VALUES[n]]
    chex.clear_trace_counter()

    @jax.jit
    @chex.assert_max_traces(n=1)
    def run(numbers):
        return train(row.build(**numbers), params)[0]

    alone = [run({n: jnp.asarray(v, jnp.float64) for n, v in numbers.items()}) for numbers in variants]
    if base:
        grid = {n: jnp.asarray([numbers[n] for numbers in variants], jnp.float64) for n in base}
        batch = jax.jit(jax.vmap(lambda numbers: train(row.build(**numbers), params)[0]))(grid)
        for i, one in enumerate(alone):
            close(jax.tree.map(lambda x, i=i: x[i], batch), one)
    constant = train(row.build(**base), params)[0]
    close(constant, alone[0])
    for changed in base:
        runs = [run for run, n in zip(alone, variants, strict=True) if n[changed] != base[changed]]
        gaps = [jnp.abs(a - b).max(initial=0) for run in runs for a, b in _pairs(run, alone[0])]
        assert max(gaps) > 1e-9 or (name, changed) in WITHOUT_EFFECT, f"{changed} has no effect"


def _pairs(a, b):
    return zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True)


@sampled_rows
def test_scan_equals_a_loop_and_jit_equals_no_jit(name, x64):
    row, params = ROWS[name], make_params(jnp.float64)
    opt = row.build()
    state = opt.init(params)
    step = jax.jit(lambda params, state, t: update(opt, params, state, t))
    looped, loop_state = params, jax.jit(opt.init)(params)
    for t in range(2):
        looped, loop_state = step(looped, loop_state, t)
        params, state = update(opt, params, state, t)
    close((params, state), (looped, loop_state))
    for t in range(2, STEPS):
        looped, loop_state = step(looped, loop_state, t)
    assert step._cache_size() == 1
    close(jax.jit(lambda: train(opt, make_params(jnp.float64)))(), (looped, loop_state))


@every_row
@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16, jnp.float64])
def test_structure_shapes_and_dtypes_are_kept(name, dtype):
    with jax.enable_x64(dtype == jnp.float64):
        params = make_params(dtype)
        opt = ROWS[name].build()
        narrow = (name, dtype) == ("prodigy", jnp.bfloat16)
        with pytest.warns(UserWarning, match="its first steps") if narrow else contextlib.nullcontext():
            state = jax.eval_shape(opt.init, params)
        new_params, new_state = jax.eval_shape(lambda p, s: update(opt, p, s, 0), params, state)
        for old, new in ((params, new_params), (state, new_state)):
            chex.assert_trees_all_equal_structs(old, new)
            chex.assert_trees_all_equal_shapes_and_dtypes(old, new)
        grads = jax.tree.map(jnp.zeros_like, params)
        extra = {"value": jnp.zeros(()), "value_fn": lambda p: bowl(p, 0)}
        updates, _ = jax.eval_shape(lambda g, s, p: opt.update(g, s, p, **extra), grads, state, params)
        if (name, dtype) != ("master_weights", jnp.bfloat16):  # float32, to be added to bfloat16
            chex.assert_trees_all_equal_shapes_and_dtypes(updates, params)


@every_row
@pytest.mark.parametrize("params", [{}, None, {"a": None}, jnp.ones(()), jnp.ones((0, 3))], ids=str)
def test_trees_with_little_in_them(name, params):
    opt = ROWS[name].build()
    state = opt.init(params)
    after_one = update(opt, params, state, 0) if jax.tree.leaves(params) else _nothing(opt, params)
    chex.assert_trees_all_equal_shapes_and_dtypes((params, state), after_one)
    chex.assert_tree_all_finite(after_one[0])


def _nothing(opt, params):
    updates, state = opt.update(
        params, opt.init(params), params, value=jnp.zeros(()), value_fn=lambda p: jnp.zeros(())
    )
    return optim.apply_updates(params, updates), state


@sampled_rows
def test_zero_tiny_and_huge_gradients_stay_finite(name):
    opt, params = ROWS[name].build(), make_params()
    loss = bowl if name.startswith("lbfgs") else slope  # which looks for the end of the slope
    run = jax.jit(lambda scale: train(opt, params, 3, loss, scale))
    for scale in (0.0, 1e-30, 1e15):
        chex.assert_tree_all_finite(without_keys(run(scale)))


@sampled_rows
def test_state_can_be_donated(name, x64):
    params, opt = make_params(jnp.float64), ROWS[name].build()
    expected = jax.jit(lambda: update(opt, params, opt.init(params), 0))()
    state = opt.init(params)
    step = jax.jit(lambda state, params: update(opt, params, state, 0), donate_argnums=0)
    close(step(state, params), expected)
    assert not any(leaf.is_deleted() for leaf in jax.tree.leaves(params))
    like_params = {p.shape for p in jax.tree.leaves(params) if p.size > 1}
    moments = [leaf for leaf in jax.tree.leaves(state) if leaf.shape in like_params]
    assert all(leaf.is_deleted() for leaf in moments)


@sampled_rows
def test_state_can_be_sharded_over_two_devices(name, x64, two_devices):
    opt, params = ROWS[name].build(), make_params(jnp.float64)
    params = {name: leaf for name, leaf in params.items() if name != "empty"}
    mesh = jax.make_mesh((2,), ("devices",), axis_types=(jax.sharding.AxisType.Auto,), devices=two_devices)

    def place(leaf):
        axes = ("devices",) if leaf.ndim and leaf.shape[0] % 2 == 0 else ()
        return jax.device_put(leaf, jax.sharding.NamedSharding(mesh, jax.P(*axes)))

    state = opt.init(params)
    step = jax.jit(lambda params, state: update(opt, params, state, 1))
    expected = step(params, state)
    result = step(jax.tree.map(place, params), jax.tree.map(place, state))
    close(result, expected)
    assert len(result[0]["matrix"].sharding.device_set) == 2


@sampled_rows
def test_state_can_be_saved_and_restored(name, tmp_path, x64):
    opt = ROWS[name].build()
    run = jax.jit(lambda params, state: update(opt, params, state, 1))
    start = make_params(jnp.float64), opt.init(make_params(jnp.float64))
    half = run(*start)
    training.save_checkpoint(tmp_path / "half", half)
    loaded = training.load_checkpoint(tmp_path / "half", start)
    chex.assert_trees_all_equal_shapes_and_dtypes(half, loaded)
    close(run(*loaded), run(*half), tolerance=0)


NUMBERS = [(name, number) for name, row in ROWS.items() for number in row.defaults]


@pytest.mark.parametrize(("name", "number"), NUMBERS)
def test_wrong_numbers_are_told(name, number):
    """The name, the allowed range and the value; what may lie outside is each factory's own to say."""
    build = ROWS[name].build
    with pytest.raises(ValueError, match=rf"^{number} must be in [\[(]\S+, \S+[\])], got nan$"):
        build(**{number: float("nan")})
    with pytest.raises(ValueError, match=rf"^{number} must be one number, got an array of shape \(3,\)"):
        build(**{number: jnp.ones(3)})
    with pytest.raises(TypeError, match=rf"^{number} must be a number in .*, got 'high'"):
        build(**{number: "high"})
    if number not in ("dampening", "factor"):  # any finite number
        bad = 1.0 if number == "beta2_decay" else -1e30
        with pytest.raises(ValueError, match=rf"^{number} must be in "):
            build(**{number: bad})


@pytest.mark.parametrize("name", sample(10, [name for name, row in ROWS.items() if row.defaults]))
def test_every_number_may_be_a_schedule(name, x64):
    """Constant schedules are the constants, and the state tells their values."""
    row, params = ROWS[name], make_params(jnp.float64)
    scheduled = row.build(**{n: lambda step, v=v: jnp.asarray(v, float) for n, v in row.numbers.items()})
    traced = jax.jit(lambda numbers: train(row.build(**numbers), params)[0])
    result, state = jax.jit(lambda: train(scheduled, params))()
    close(result, traced(row.numbers))
    assert set(row.numbers) <= set(_scheduled(state))


def _scheduled(state):
    """The names of all scheduled hyperparameters, wherever in a state they are."""
    is_scheduled = lambda node: isinstance(node, optim.states.ScheduledState)
    for node in filter(is_scheduled, jax.tree.leaves(state, is_leaf=is_scheduled)):
        yield from node.values
        yield from _scheduled(node.inner)


@every_row
def test_every_update_can_be_lowered_for_a_gpu(name):
    row, params = ROWS[name], make_params()
    opt = row.build()
    step = jax.jit(lambda params, state: update(opt, params, state, 0))
    lowered = step.trace(params, jax.eval_shape(opt.init, params)).lower(lowering_platforms=("cuda",))
    assert "func.func public @main" in lowered.as_text()


def buffers(tree):
    """The addresses of all arrays of a tree that hold anything."""
    leaves = [
        leaf for leaf in jax.tree.leaves(without_keys(tree)) if isinstance(leaf, jax.Array) and leaf.size
    ]
    return [leaf.unsafe_buffer_pointer() for leaf in leaves]


@every_row
def test_a_fresh_state_may_be_donated(name):
    """No two of its arrays are one in memory, and none is the caller's: a parameter or a hyperparameter."""
    numbers = {number: jnp.asarray(value, float) for number, value in ROWS[name].numbers.items()}
    params = make_params()
    state = ROWS[name].build(**numbers).init(params)
    held = buffers(state)
    assert len(set(held)) == len(held)
    assert not set(held) & set(buffers((params, numbers)))
    again = jax.jit(lambda state: jax.tree.map(jnp.array, state), donate_argnums=0)(state)
    assert jax.tree.structure(again) == jax.tree.structure(state)
