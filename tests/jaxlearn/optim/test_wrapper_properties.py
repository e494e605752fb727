"""What holds for every transform that goes around an optimizer or beside it."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxlearn import optim

KEY = jax.random.key(0, impl="unsafe_rbg")  # compiles fast
LARGE = lambda params: jax.tree.map(lambda p: p.ndim > 0, params)
LABELS = lambda params: jax.tree.map(lambda p: "a" if p.ndim else "b", params)
WRAPPERS = {
    "masked": lambda inner: optim.masked(inner, LARGE),
    "freeze": lambda inner: optim.freeze(inner, LARGE),
    "partition": lambda inner: optim.partition({"a": inner, "b": optim.sgd(0.1)}, LABELS),
    "named_chain": lambda inner: optim.named_chain(last=inner, first=optim.scale(0.5)),
    "add_decayed_weights": lambda inner: optim.chain(optim.add_decayed_weights(0.1, mask=LARGE), inner),
    "accumulate": lambda inner: optim.accumulate(inner, 2),
    "skip_nonfinite": optim.skip_nonfinite,
    "centralize": lambda inner: optim.chain(optim.centralize(), inner),
    "add_noise": lambda inner: optim.chain(optim.add_noise(0.1, 0.5, KEY), inner),
    "ema": lambda inner: optim.chain(inner, optim.ema(0.9)),
    "average_parameters": lambda inner: optim.average_parameters(inner, 0.9, start=1, every=2),
    "state_dtype": lambda inner: optim.state_dtype(inner, jnp.float32),
    "reduce_on_plateau": lambda inner: optim.chain(inner, optim.reduce_on_plateau(patience=0, every=2)),
    "lookahead": lambda inner: optim.lookahead(inner, 2),
    "sam": optim.sam,
    "asam": lambda inner: optim.sam(inner, adaptive=True),
    "clip": lambda inner: optim.chain(optim.clip(0.1), inner),
    "clip_by_norm": lambda inner: optim.chain(optim.clip_by_norm(0.1), inner),
    "adaptive_clip": lambda inner: optim.chain(optim.adaptive_clip(), inner),
    "all": lambda inner: optim.average_parameters(
        optim.lookahead(
            optim.skip_nonfinite(
                optim.accumulate(optim.sam(optim.freeze(inner, LARGE)), 2),
            ),
            2,
        )
    ),
}
OURS = WRAPPERS | {"master_weights": optim.master_weights}
BESIDE = ("named_chain", "centralize", "add_noise", "ema", "clip", "clip_by_norm", "adaptive_clip")
every_wrapper = pytest.mark.parametrize("name", OURS)
SMALL = {"w": jnp.array([[1.0, -2.0]]), "b": jnp.array(0.5)}


def loss(params):
    return sum(jnp.sum(jnp.sin(p.astype(jnp.float32)) + 1) for p in jax.tree.leaves(params)) ** 2 + 0.0


def step(opt, params, state, grads=None):
    grads = jax.grad(loss)(params) if grads is None else grads
    updates, state = opt.update(grads, state, params, value=loss(params), value_fn=loss)
    return optim.apply_updates(params, updates), state, updates


def steps(opt, params, count=4):
    state = opt.init(params)
    for _ in range(count):
        params, state, _ = step(opt, params, state)
    return params, state


def mixed(dtypes):
    random = np.random.default_rng(0)
    a, b, c = (jnp.asarray(random.normal(size=s), d) for s, d in zip([(2, 3), (3,), ()], dtypes, strict=True))
    return {"layer": (a, None, {"b": b}), "empty": jnp.zeros((0, 2)), "c": [c]}


@pytest.mark.filterwarnings("ignore:.* keeps its state in float16")
@every_wrapper
@pytest.mark.parametrize("x64", [False, True])
def test_structures_shapes_and_dtypes_are_kept(name, x64):
    opt = OURS[name](optim.adam(0.01))
    same = chex.assert_trees_all_equal_shapes_and_dtypes
    with jax.enable_x64(x64):
        for params in (mixed(["float64" if x64 else "float32", "bfloat16", "float16"]), {}, None):
            state = jax.eval_shape(opt.init, params)
            new_params, new_state, updates = jax.eval_shape(lambda p, s: step(opt, p, s), params, state)
            same(new_state, state)
            same(new_params, params)
            if name != "master_weights":
                same(updates, params)


@pytest.mark.parametrize("name", [name for name in OURS if name not in BESIDE])
def test_a_scan_and_donated_steps_are_the_same(name):
    opt = OURS[name](optim.sgd(0.01, momentum=0.9))
    scan = lambda carry: jax.lax.scan(lambda c, _: (step(opt, *c)[:2], None), carry, length=4)[0]
    scanned, _ = jax.jit(scan)((SMALL, opt.init(SMALL)))
    params, state = SMALL, opt.init(SMALL)
    donating = jax.jit(lambda p, s: step(opt, p, s)[:2], donate_argnums=1)
    for _ in range(4):
        params, state = donating(params, state)
    chex.assert_trees_all_close(params, scanned, rtol=1e-4, atol=1e-6)
    assert not any(leaf.is_deleted() for leaf in jax.tree.leaves(SMALL))


@pytest.mark.parametrize("name", ["all", "average_parameters", "master_weights"])
def test_jit_changes_nothing(name):
    opt = OURS[name](optim.sgd(0.01, momentum=0.9))
    with jax.disable_jit():
        plain, _ = steps(opt, SMALL)
    chex.assert_trees_all_close(plain, jax.jit(lambda: steps(opt, SMALL)[0])(), rtol=1e-4, atol=1e-6)


@every_wrapper
def test_zero_tiny_and_huge_gradients_stay_finite(name):
    opt = OURS[name](optim.adam(0.01))
    params = mixed(["float32"] * 3)
    update = jax.jit(
        lambda s, size: step(opt, params, s, jax.tree.map(lambda p: jnp.full_like(p, size), params))
    )
    for size in (0.0, 1e-30, 1e15):
        state = opt.init(params)
        for _ in range(2):
            _, state, updates = update(state, size)
        chex.assert_tree_all_finite(updates)
        floats = [leaf for leaf in jax.tree.leaves(state) if leaf.dtype == jnp.float32 and leaf.ndim]
        chex.assert_tree_all_finite(floats)


@pytest.mark.parametrize("name", [name for name in OURS if name not in BESIDE])
def test_inside_optax_and_around_it(name):
    """optax's chain drops `value` and `value_fn`; everything else works in it."""
    opts = [OURS[name](optim.sgd(0.01, momentum=0.9)), OURS[name](optax.sgd(0.01, momentum=0.9))]
    if name not in ("sam", "asam", "all", "reduce_on_plateau"):
        opts.append(optax.chain(opts[0]))
    with jax.numpy_dtype_promotion("standard"):
        ours, *others = jax.jit(lambda: [steps(opt, SMALL, 2)[0] for opt in opts])()
    for other in others:
        chex.assert_trees_all_close(other, ours, rtol=1e-5)


NUMBERS = {
    "add_decayed_weights": (lambda x: optim.add_decayed_weights(x, mask=LARGE), [0.0, 0.1]),
    "ema": (optim.ema, [0.5, 0.9]),
    "average_parameters": (lambda x: optim.average_parameters(optim.sgd(0.1), x), [0.5, 0.9]),
    "lookahead": (lambda x: optim.lookahead(optim.sgd(0.1), 2, x), [0.2, 0.5]),
    "sam": (lambda x: optim.sam(optim.sgd(0.1), x), [0.1, 0.5]),
    "clip": (optim.clip, [0.1, 0.5]),
    "clip_by_norm max_norm": (optim.clip_by_norm, [0.1, 0.5]),
    "clip_by_norm eps": (lambda x: optim.clip_by_norm(0.1, x), [0.0, 0.5]),
    "adaptive_clip clipping": (optim.adaptive_clip, [0.1, 0.5]),
    "adaptive_clip eps": (lambda x: optim.adaptive_clip(0.1, x), [1.0, 4.0]),
    "add_noise eta": (lambda x: optim.add_noise(x, 0.5, KEY), [0.1, 0.5]),
    "add_noise gamma": (lambda x: optim.add_noise(0.1, x, KEY), [0.1, 0.5]),
    "reduce_on_plateau factor": (lambda x: optim.reduce_on_plateau("max", x, patience=0), [0.1, 0.5]),
    "reduce_on_plateau threshold": (
        lambda x: optim.reduce_on_plateau("max", patience=0, threshold=x, threshold_mode="abs"), [0.0, 99.0]
    ),
    "reduce_on_plateau min_scale": (
        lambda x: optim.reduce_on_plateau("max", 0.1, 0, min_scale=x), [0.1, 0.5]
    ),
    "reduce_on_plateau eps": (lambda x: optim.reduce_on_plateau("max", 0.1, 0, eps=x), [0.0, 0.95]),
}  # fmt: skip


@pytest.mark.parametrize("name", NUMBERS)
def test_every_number_can_be_an_axis_and_a_schedule(name):
    build, values = NUMBERS[name]

    def result(value, params=SMALL):
        params, state = steps(build(value), params, 3)
        state = state.inner if isinstance(state, optim.states.ScheduledState) else state
        return [x for x in jax.tree.leaves((params, state)) if jnp.issubdtype(x.dtype, jnp.floating)]

    array = jnp.array(values)
    grid, *alone, scheduled = jax.jit(
        lambda: [
            jax.vmap(result)(array),
            *map(result, values),
            result(lambda step: jnp.full_like(step, array[1], float)),
        ]
    )()
    for i in range(2):
        chex.assert_trees_all_close([x[i] for x in grid], alone[i], rtol=1e-5, atol=1e-6)
    chex.assert_trees_all_close(scheduled, alone[1], rtol=1e-5, atol=1e-6)
    assert any((x[0] != x[1]).any() for x in grid)
    with jax.enable_x64(True):  # and of either precision
        wide = jax.tree.map(lambda p: p.astype(float), SMALL)
        assert jax.tree.leaves(jax.eval_shape(result, array[0], wide))[0].dtype == "float64"


WRONG = [
    (lambda: optim.accumulate(optim.sgd(), 0), r"steps must be in \[1, inf\), got 0"),
    (lambda: optim.lookahead(optim.sgd(), 0), "steps must be in"),
    (lambda: optim.lookahead(optim.sgd(), slow_step_size=1.5), "slow_step_size must be in"),
    (lambda: optim.sam(optim.sgd(), -1.0), r"rho must be in \[0, inf\), got -1"),
    (lambda: optim.ema(1.0), r"decay must be in \[0, 1\), got 1"),
    (lambda: optim.average_parameters(optim.sgd(), 1.5), r"decay must be in \[0, 1\], got 1.5"),
    (lambda: optim.average_parameters(optim.sgd(), start=-1), "start must be in"),
    (lambda: optim.average_parameters(optim.sgd(), every=0), "every must be in"),
    (lambda: optim.add_noise(-1.0, 0.5, KEY), "eta must be in"),
    (lambda: optim.add_noise(1.0, -0.5, KEY), "gamma must be in"),
    (lambda: optim.reduce_on_plateau("low"), "mode must be min or max, got 'low'"),
    (lambda: optim.reduce_on_plateau(threshold_mode="x"), "threshold_mode must be rel or abs, got 'x'"),
    (lambda: optim.reduce_on_plateau(factor=1.0), "factor must be in"),
    (lambda: optim.reduce_on_plateau(patience=-1), "patience must be in"),
    (lambda: optim.reduce_on_plateau(threshold=-1.0), "threshold must be in"),
    (lambda: optim.reduce_on_plateau(cooldown=-1), "cooldown must be in"),
    (lambda: optim.reduce_on_plateau(min_scale=2.0), "min_scale must be in"),
    (lambda: optim.reduce_on_plateau(eps=-1.0), "eps must be in"),
    (lambda: optim.reduce_on_plateau(every=0), "every must be in"),
]


@pytest.mark.parametrize(("build", "message"), WRONG)
def test_wrong_values_are_named(build, message):
    with pytest.raises(ValueError, match=message):
        build()


@pytest.mark.parametrize("value", [2.0, "2", True, None])
def test_steps_are_whole_numbers(value):
    with pytest.raises(TypeError, match="steps must be a whole number"):
        optim.accumulate(optim.sgd(), value)


@pytest.mark.parametrize(
    ("opt", "message"),
    [
        (optim.reduce_on_plateau(), r"needs the loss: call update\(grads, state, params, value=loss\)"),
        (optim.sam(optim.sgd()), r"needs the loss: call update\(grads, state, params, value_fn=loss\)"),
    ],
)
def test_a_missing_loss_is_told(opt, message):
    with pytest.raises(ValueError, match=message):
        opt.update(SMALL, opt.init(SMALL), SMALL)


@pytest.mark.parametrize(
    "name", ["average_parameters", "lookahead", "sam", "master_weights", "adaptive_clip"]
)
def test_missing_parameters_are_told(name):
    opt = OURS[name](optim.sgd())
    with pytest.raises(ValueError, match="needs the parameters"):
        opt.update(SMALL, opt.init(SMALL), value_fn=loss)


@pytest.mark.parametrize("name", [name for name in OURS if name != "named_chain"])
def test_extra_arguments_reach_the_inner_transform(name):
    seen = []

    def listen(grads, state, params=None, *, value, value_fn):
        seen.append((value, value_fn))
        return grads, state

    opt = OURS[name](optim.Transform(lambda params: (), listen))
    with jax.disable_jit():
        state = opt.init(SMALL)
        for _ in range(2):
            _, state, _ = step(opt, SMALL, state)
    value, value_fn = seen[-1]
    assert value == value_fn(SMALL) == loss(SMALL)


def test_named_chain_keeps_the_order_of_its_arguments():
    opt = optim.named_chain(z=optim.clip(1.0), a=optim.scale(10.0), m=optim.trace(0.9))
    state = jax.jit(opt.init)(jnp.array(0.0))
    updates, state = jax.jit(opt.update)(jnp.array(5.0), state)
    assert updates == 10
    assert state["m"].trace == 10
    assert set(state) == {"z", "a", "m"}
