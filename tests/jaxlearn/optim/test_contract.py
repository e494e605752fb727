"""What holds for every optimizer and transform, in one table."""

import inspect
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple, get_args

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxlearn import optim, schedules, training


class Row(NamedTuple):
    """`make(**numbers)` builds the transform; `fixed` is what the tests leave alone."""

    make: Callable[..., optim.Transform]
    fixed: Mapping[str, Any] = MappingProxyType({})

    @property
    def defaults(self):
        """The real-number hyperparameters and their default values; `...` where there is none."""
        return {
            name: ... if p.default is p.empty else p.default
            for name, p in inspect.signature(self.make).parameters.items()
            if (p.annotation is optim.Scalar or optim.Scalar in get_args(p.annotation))
            and name not in self.fixed
        }

    @property
    def numbers(self):
        """The value to keep of each real-number hyperparameter while another one changes."""
        return {n: VALUES[n][0] if v in (None, ...) else v for n, v in self.defaults.items()}

    def build(self, **numbers):
        required = {name: VALUES[name][0] for name, value in self.defaults.items() if value is ...}
        return self.make(**self.fixed, **required | numbers)


# two values for every hyperparameter that is a real number
VALUES = {
    "alpha": (0.5, 2.0),
    "b1": (0.5, 0.8),
    "b2": (0.7, 0.95),
    "b3": (0.6, 0.9),
    "beta2_decay": (-0.5, -1.0),
    "clipping": (0.1, 0.5),
    "d": (1.5, 3.0),
    "d0": (1e-2, 0.1),
    "d_coef": (0.5, 2.0),
    "dampening": (0.1, 0.5),
    "decay": (0.5, 0.8),
    "eps": (1e-3, 5.0),
    "eps1": (0.1, 1.0),
    "eps2": (0.8, 2.0),
    "eps_root": (1e-3, 0.1),
    "eta": (0.1, 1.0),
    "eta_minus": (0.3, 0.7),
    "eta_plus": (1.1, 1.5),
    "factor": (0.5, 0.8),
    "gamma": (0.1, 1.0),
    "growth_rate": (1.5, 2.0),
    "initial_accumulator_value": (0.1, 1.0),
    "lambd": (0.1, 1.0),
    "learning_rate": (1e-2, 0.1),
    "lr_decay": (0.1, 1.0),
    "max_norm": (0.5, 1.0),
    "max_step_size": (5e-3, 8e-3),
    "max_value": (0.1, 0.5),
    "min_scale": (0.3, 0.9),
    "min_step_size": (0.012, 0.04),
    "momentum": (0.5, 0.8),
    "momentum_decay": (0.1, 1.0),
    "rho": (0.1, 0.5),
    "shampoo_beta": (0.6, 0.9),
    "slow_step_size": (0.3, 0.7),
    "t0": (0.0, 2.0),
    "threshold": (0.1, 0.5),
    "tolerance_change": (1e-3, 10.0),
    "tolerance_grad": (1e-3, 10.0),
    "trust_coefficient": (0.1, 0.5),
    "weight_decay": (0.1, 0.3),
    "weight_lr_power": (0.5, 1.0),
}
# of no effect on the parameters of these few steps
WITHOUT_EFFECT = {
    ("asgd", "t0"),
    ("average_parameters", "decay"),
    ("lbfgs strong_wolfe", "tolerance_change"),
    ("prodigy", "growth_rate"),  # a row of test_parity shows it
    ("reduce_on_plateau", "eps"),
    ("reduce_on_plateau", "threshold"),
    ("sophia", "b2"),
}


def many_dimensions(params):
    """A mask: no vectors."""
    return jax.tree.map(lambda p: p.ndim != 1, params)


INNER = {"inner": optim.adam(0.1)}


def after(transform):
    """A transform of gradients, with a learning rate behind it."""
    return lambda **numbers: optim.chain(transform(**numbers), optim.sgd(0.1))


def transform_row(transform, **fixed):
    make = after(transform)
    make.__signature__ = inspect.signature(transform)
    return Row(make, fixed)


ROWS = {
    name: Row(getattr(optim, name))
    for name in (
        "adabelief adadelta adafactor adagrad adam adamax adamw adan ademamix adopt asgd dadapt_adamw lamb "
        "lars lion madgrad momentum nadam nadamw novograd prodigy radam rmsprop rprop "
        "shampoo sign_sgd sophia yogi"
    ).split()
} | {
    "muon": Row(optim.muon, {"ns_dtype": jnp.float32}),
    "lbfgs": Row(optim.lbfgs, {"max_iter": 4, "history_size": 3}),
    "lbfgs strong_wolfe": Row(optim.lbfgs, {"max_iter": 4, "history_size": 3, "line_search": "strong_wolfe"}),
    "adam amsgrad": Row(optim.adam, {"amsgrad": True, "maximize": True}),
    "sgd": Row(optim.sgd, {"dampening": 0.0}),  # which without momentum has no effect
    "sgd nesterov": Row(optim.sgd, {"nesterov": True, "dampening": 0.0, "momentum": 0.9}),
    "sgd momentum": Row(optim.sgd, {"momentum": 0.9}),
    "rmsprop centered": Row(optim.rmsprop, {"centered": True}),
    # a longer dimension's basis would be decided by rounding: its first gradient has a null space
    "soap": Row(optim.soap, {"precondition_frequency": 3, "max_precond_dim": 2}),
    "soap often": Row(
        optim.soap, {"precondition_frequency": 1, "precondition_1d": True, "max_precond_dim": 2}
    ),
    "schedule_free_adamw": Row(optim.schedule_free_adamw, {"warmup_steps": 3}),
    "schedule_free_sgd": Row(optim.schedule_free_sgd, {"warmup_steps": 3}),
    "sophia often": Row(optim.sophia, {"update_interval": 1}),
    # transforms
    "add_decayed_weights": transform_row(optim.add_decayed_weights),
    "add_noise": transform_row(optim.add_noise, key=jax.random.key(0)),
    "adaptive_clip": transform_row(optim.adaptive_clip),
    "centralize": transform_row(optim.centralize),
    "clip": transform_row(optim.clip),
    "clip_by_global_norm": transform_row(optim.clip_by_global_norm),
    "clip_by_norm": transform_row(optim.clip_by_norm),
    "ema": transform_row(optim.ema),
    "reduce_on_plateau": transform_row(optim.reduce_on_plateau, patience=0),
    "trace": transform_row(optim.trace),
    # wrappers
    "accumulate": Row(optim.accumulate, INNER | {"steps": 2}),
    "average_parameters": Row(optim.average_parameters, INNER),
    "freeze": Row(optim.freeze, INNER | {"mask": many_dimensions}),
    "lookahead": Row(optim.lookahead, INNER | {"steps": 2}),
    "masked": Row(lambda: optim.chain(optim.masked(optim.adam(), many_dimensions), optim.scale(-0.1))),
    "master_weights": Row(optim.master_weights, INNER),
    "named_chain": Row(lambda: optim.named_chain(clip=optim.clip_by_global_norm(1.0), adam=optim.adam(0.1))),
    "partition": Row(
        lambda: optim.partition(
            {"a": optim.adam(0.1), "b": optim.chain(optim.trace(0.9), optim.scale(-0.1))},
            lambda params: jax.tree.map(lambda p: "a" if p.ndim > 1 else "b", params),
        )
    ),
    "sam": Row(optim.sam, INNER),
    "schedule_free": Row(optim.schedule_free, {"direction": optim.scale_by_adam(0.0), "warmup_steps": 3}),
    "scheduled": Row(
        lambda: optim.adam(schedules.exponential(0.1, 0.9), b1=schedules.linear(0.5, 0.9, steps=5))
    ),
    "skip_nonfinite": Row(optim.skip_nonfinite, INNER),
    "state_dtype": Row(optim.state_dtype, INNER | {"dtype": jnp.bfloat16}),
}
every_row = pytest.mark.parametrize("name", ROWS)
STEPS = 7  # radam waits for the sixth


def make_params(dtype=jnp.float32):
    """Scalars, nothing, None, a vector, a matrix and a 4-D kernel; the first axes divide by two."""
    random = np.random.default_rng(0)
    new = lambda *shape: jnp.asarray(random.normal(size=shape), dtype)
    return {
        "scalar": new(),
        "empty": new(0, 2),
        "none": None,
        "vector": new(4),
        "matrix": new(4, 2),
        "deep": [new(2, 1, 2, 3), new(2)],
    }


def bowl(params, t, scale=1.0):
    """A loss of which the lowest point moves, so that gradients change their size and sign."""
    bottom = jnp.cos(2.0 * jnp.asarray(t, float))
    leaf = lambda p: jnp.sum((p.astype(float) - bottom) ** 2)
    return scale * sum((leaf(p) for p in jax.tree.leaves(params)), jnp.zeros(())) / 2


def slope(params, t, scale=1.0):
    """A loss whose gradients have one size, however far the parameters go."""
    leaf = lambda p: jnp.sum(p.astype(float) * jnp.cos(2.0 * jnp.asarray(t, float)))
    return scale * sum((leaf(p) for p in jax.tree.leaves(params)), jnp.zeros(()))


def update(opt, params, state, t, loss=bowl, scale=1.0):
    value_fn = lambda p: loss(p, t, scale)
    value, grads = jax.value_and_grad(value_fn)(params)
    updates, state = opt.update(grads, state, params, value=value, value_fn=value_fn)
    return optim.apply_updates(params, updates), state


def train(opt, params, steps=STEPS, loss=bowl, scale=1.0):
    """As one scan."""

    def body(carry, t):
        return update(opt, *carry, t, loss, scale), None

    return jax.lax.scan(body, (params, opt.init(params)), jnp.arange(steps))[0]


def without_keys(tree):
    """Random keys are compared as their data."""
    is_key = lambda x: jnp.issubdtype(x.dtype, jax.dtypes.prng_key)
    return jax.tree.map(lambda x: jax.random.key_data(x) if is_key(x) else x, tree)


def close(a, b, tolerance=1e-8):
    chex.assert_trees_all_close(without_keys(a), without_keys(b), rtol=tolerance, atol=tolerance)


def test_every_public_transform_is_in_the_table():
    """Anything public that makes a Transform: by itself, or as what a named optimizer consists of."""
    primitives = {name for name in optim.__all__ if name.startswith("scale")}
    protocol = {"Transform", "chain", "from_rule", "stateless"}
    makers = {
        name
        for name in optim.__all__
        if inspect.isfunction(getattr(optim, name))
        and inspect.signature(getattr(optim, name)).return_annotation is optim.Transform
    }
    assert makers - primitives - protocol <= {name.split()[0] for name in ROWS}


@every_row
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


@every_row
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


@every_row
def test_zero_tiny_and_huge_gradients_stay_finite(name):
    opt, params = ROWS[name].build(), make_params()
    loss = bowl if name.startswith("lbfgs") else slope  # which looks for the end of the slope
    run = jax.jit(lambda scale: train(opt, params, 3, loss, scale))
    for scale in (0.0, 1e-30, 1e15):
        chex.assert_tree_all_finite(without_keys(run(scale)))


@every_row
def test_state_can_be_donated(name, x64):
    params, opt = make_params(jnp.float64), ROWS[name].build()
    expected = update(opt, params, opt.init(params), 0)
    state = opt.init(params)
    step = jax.jit(lambda state, params: update(opt, params, state, 0), donate_argnums=0)
    close(step(state, params), expected)
    assert not any(leaf.is_deleted() for leaf in jax.tree.leaves(params))
    like_params = {p.shape for p in jax.tree.leaves(params) if p.size > 1}
    moments = [leaf for leaf in jax.tree.leaves(state) if leaf.shape in like_params]
    assert all(leaf.is_deleted() for leaf in moments)


@every_row
def test_state_can_be_sharded_over_two_devices(name, x64):
    opt, params = ROWS[name].build(), make_params(jnp.float64)
    params = {name: leaf for name, leaf in params.items() if name != "empty"}
    mesh = jax.make_mesh((2,), ("devices",), axis_types=(jax.sharding.AxisType.Auto,))

    def place(leaf):
        axes = ("devices",) if leaf.ndim and leaf.shape[0] % 2 == 0 else ()
        return jax.device_put(leaf, jax.sharding.NamedSharding(mesh, jax.P(*axes)))

    state = opt.init(params)
    step = jax.jit(lambda params, state: update(opt, params, state, 1))
    expected = step(params, state)
    result = step(jax.tree.map(place, params), jax.tree.map(place, state))
    close(result, expected)
    assert len(result[0]["matrix"].sharding.device_set) == 2


@every_row
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


@pytest.mark.parametrize("name", [name for name, row in ROWS.items() if row.defaults])
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
    is_scheduled = lambda node: isinstance(node, optim.ScheduledState)
    for node in filter(is_scheduled, jax.tree.leaves(state, is_leaf=is_scheduled)):
        yield from node.values
        yield from _scheduled(node.inner)
