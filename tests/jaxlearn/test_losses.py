"""Losses against recorded PyTorch results, finite differences and each other."""

import inspect
from functools import cache, partial

import hypothesis
import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from jaxlearn import losses
from tests.jaxlearn.loss_arguments import every_loss, example
from tests.jaxlearn.recorded import cases, compare

RECORDED = cases("losses", *losses.__all__)
REDUCTIONS = ("none", "sum", "mean")


def every_reduction(name, **arguments):
    """The losses of all elements in a row, then their sum, their mean, and kl_div's mean over the batch."""
    reductions = REDUCTIONS + (("batchmean",) if name == "kl_div" else ())
    loss = getattr(losses, name)
    return jnp.concatenate([loss(**arguments, reduction=which).ravel() for which in reductions])


def is_real(array):
    return jnp.issubdtype(jnp.asarray(array).dtype, jnp.floating)


def split_real(arguments):
    """Real arrays, and the others with the hyperparameters."""
    real = {key: jnp.asarray(value) for key, value in arguments.items() if np.ndim(value) and is_real(value)}
    return real, {key: value for key, value in arguments.items() if key not in real}


@pytest.mark.parametrize("case", RECORDED, ids=str)
def test_equals_pytorch(case, x64):
    options = {name: value for name, value in case.options.items() if name not in ("layer", "of", "shape")}
    # slopes of 1e6 and 1e12, at the ends of a logarithm and of a root, hold as many digits as others
    largest = max(np.max(np.abs(grad), initial=1.0, where=np.isfinite(grad)) for grad in case.grads.values())
    tolerance = 1e-10 if largest < 1e4 else 1e-14 * largest
    compare(case, partial(every_reduction, case.options["layer"], **options), tolerance)


@every_loss
def test_every_loss_and_argument_is_recorded(name):
    used = set()
    for case in RECORDED:
        used |= {*case.inputs, *case.options} if case.options["layer"] == name else set()
    assert used >= set(inspect.signature(getattr(losses, name)).parameters) - {"reduction"}


@cache
def batched_and_mapped(name, axes, **numbers):
    """Compiled: the losses of a batch, of each example by itself, their sum and their mean."""
    loss = partial(getattr(losses, name), **numbers)

    def function(arrays, weights):
        one = lambda arrays: loss(**arrays, **weights, reduction="none")
        for _ in range(axes):
            one = jax.vmap(one)
        return one(arrays), *(loss(**arrays, **weights, reduction=which) for which in REDUCTIONS)

    return jax.jit(function)


@every_loss
@hypothesis.given(st.sampled_from([(), (2,), (3, 2)]), st.integers(0, 1000), st.booleans())
def test_one_example_under_vmap_is_the_batch(name, batch, seed, ignore):
    with jax.enable_x64(True):
        arrays, fixed = example(name, np.random.default_rng(seed), batch)
        classes = name in ("cross_entropy", "nll")
        if ignore and classes:
            arrays["targets"].reshape(-1)[1:2] = -100
        weights, numbers = split_real(fixed)
        one, each, total, mean = batched_and_mapped(name, len(batch), **numbers)(arrays, weights)
        examples = each.size
        if classes:
            labels = arrays["targets"]
            examples = np.sum(np.where(labels == -100, 0, fixed["weight"][labels.clip(0)]))
        for got, want in ((one, each), (total, each.sum()), (mean, each.sum() / examples)):
            np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-14)


@every_loss
def test_gradients_equal_finite_differences(name, x64):
    """Of weights, too, for which PyTorch has none."""
    arrays, fixed = example(name, np.random.default_rng(1), (2, 3))
    real, others = split_real(arrays | fixed)
    loss = jax.jit(lambda real: getattr(losses, name)(**real, **others))
    check_grads(loss, (real,), order=2, modes=["rev"], rtol=1e-5, atol=1e-6)


@every_loss
def test_jit_changes_nothing(name, x64):
    arrays, fixed = example(name, np.random.default_rng(2), (2, 3))
    real, others = split_real(arrays | fixed)
    labels = {key: others.pop(key) for key in list(others) if np.ndim(others[key])}
    function = lambda real, labels: every_reduction(name, **real, **labels, **others)
    np.testing.assert_allclose(
        jax.jit(function)(real, labels), function(real, labels), rtol=1e-12, atol=1e-14
    )


@every_loss
@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_short_floats_are_rounded_once(name, dtype):
    arrays, fixed = example(name, np.random.default_rng(3), (2, 3))
    real, others = split_real(arrays | fixed)
    short = {key: value.astype(dtype) for key, value in real.items()}
    wide = {key: value.astype(jnp.float32) for key, value in short.items()}
    function = jax.jit(lambda real: every_reduction(name, **real, **others))
    assert function(short).dtype == dtype
    np.testing.assert_array_equal(function(short), function(wide).astype(dtype))
    grads = jax.eval_shape(jax.grad(lambda real: jnp.sum(function(real))), short)
    assert {grad.dtype for grad in grads.values()} == {jnp.dtype(dtype)}


@every_loss
def test_targets_take_the_dtype_of_the_first_array(name):
    arrays, fixed = example(name, np.random.default_rng(4), (2,))
    real, others = split_real(arrays | fixed)
    first, *rest = real
    mixed = {first: real[first].astype(jnp.bfloat16)} | {key: real[key] for key in rest}
    assert getattr(losses, name)(**mixed, **others).dtype == jnp.bfloat16


KINKS = [
    ("mse", {"predictions": [0.0, 1e-30, 1e15], "targets": [0.0, 0.0, 0.0]}),
    ("l1", {"predictions": [0.0, 1e-30, 1e30], "targets": [0.0, 0.0, 0.0]}),
    ("smooth_l1", {"predictions": [0.0, 1.0, -1e30], "targets": [0.0, 0.0, 0.0]}),
    ("smooth_l1", {"predictions": [0.0, 1.0, -1e30], "targets": [0.0, 0.0, 0.0], "beta": 0.0}),
    ("huber", {"predictions": [0.0, 1.0, -1e30], "targets": [0.0, 0.0, 0.0]}),
    ("cross_entropy", {"logits": [[1e3, -1e3], [1e3, -1e3], [1e30, 1e30]], "targets": [0, 1, 1]}),
    ("cross_entropy", {"logits": [[1e3, -1e3], [1e3, -1e3]], "targets": [[0.0, 1.0], [1.0, 0.0]]}),
    ("cross_entropy", {"logits": [[1.0, -np.inf], [-np.inf, 1.0]], "targets": [0, 1]}),
    ("nll", {"log_probabilities": [[0.0, -1e30], [0.0, -np.inf]], "targets": [1, 0]}),
    ("bce", {"probabilities": [0.0, 1.0, 0.0, 1.0, 1e-30], "targets": [0.0, 1.0, 1.0, 0.0, 1.0]}),
    ("bce_with_logits", {"logits": [1e3, -1e3, 1e3, -1e3, 0.0], "targets": [0.0, 1.0, 1.0, 0.0, 0.5]}),
    ("bce_with_logits", {"logits": [1e30, -1e30], "targets": [1.0, 0.0], "pos_weight": [0.5, 2.0]}),
    ("kl_div", {"log_probabilities": [0.0, -1e30, -np.inf, -np.inf], "targets": [1.0, 1e-30, 0.0, 0.0]}),
    ("kl_div", {"log_probabilities": [0.0, -np.inf], "targets": [-np.inf, -np.inf], "log_target": True}),
    ("margin_ranking", {"x1": [0.0, 1e30], "x2": [0.0, -1e30], "targets": [1, -1]}),
    ("hinge_embedding", {"distances": [0.0, 1.0, 1e30], "targets": [-1, -1, 1]}),
    ("cosine_embedding", {"x1": [[0.0, 0.0]] * 2, "x2": [[0.0, 0.0], [1.0, 0.0]], "targets": [1, -1]}),
    ("cosine_embedding", {"x1": [[1e15, 1e-15]], "x2": [[1e15, 0.0]], "targets": [-1]}),
    ("cosine_embedding", {"x1": [[1e-30, 0.0]], "x2": [[1e-30, 0.0]], "targets": [1]}),
]
ZERO = {"anchors": [[0.0, 0.0]] * 3, "positives": [[0.0, 0.0]] * 3}
ZERO |= {"negatives": [[0.0, 0.0], [1e-30, 0.0], [1e25, 1.0]]}
KINKS += [
    ("triplet_margin", ZERO | {"p": p, "eps": eps}) for p in (1, 1.5, 2, 3, np.inf) for eps in (0, 1e-6)
]


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize(("name", "arguments"), KINKS)
def test_finite_at_kinks_and_extremes(name, arguments, dtype):
    arguments = {key: np.array(value) if np.ndim(value) else value for key, value in arguments.items()}
    real, others = split_real(arguments)
    real = {key: value.astype(dtype) for key, value in real.items()}
    function = lambda real: every_reduction(name, **real, **others)
    grads = jax.jit(jax.grad(lambda real: jnp.sum(function(real))))(real)
    for array in (jax.jit(function)(real), *grads.values()):
        assert array.dtype == dtype
        assert jnp.isfinite(array).all()


def test_small_numbers_keep_their_digits():
    """What is left of a loss in float32 where the answer is nearly certain, and of a short distance."""
    z = jnp.array([20.0, -20.0])
    loss = losses.bce_with_logits(z, jnp.array([1.0, 0.0]), reduction="none")
    np.testing.assert_allclose(loss, np.log1p(np.exp(-20.0)), rtol=1e-6)
    anchor, negative = jnp.zeros(2), jnp.array([3e-30, 4e-30])
    loss = losses.triplet_margin(negative, anchor, negative, margin=0.0, eps=0.0)
    np.testing.assert_allclose(loss, 5e-30, rtol=1e-6)


def test_bce_slope_in_the_targets_stays_finite(x64):
    p = jnp.array([0.0, 1.0, 0.25])
    slope = jax.grad(lambda y: losses.bce(p, y, reduction="sum"))(jnp.full(3, 0.5))
    np.testing.assert_allclose(slope, [100.0, -100.0, np.log(3.0)], rtol=1e-12)


@pytest.mark.parametrize("log_target", [False, True])
def test_nothing_expected_diverges_by_nothing(log_target):
    log_p = jnp.array([-1.0, -jnp.inf, -1.0])
    targets = jnp.array([0.0, 0.0, 0.5])
    targets = jnp.log(targets) if log_target else targets
    loss = lambda log_p, y: losses.kl_div(log_p, y, log_target, reduction="sum")
    value, grads = jax.value_and_grad(loss, (0, 1))(log_p, targets)
    np.testing.assert_allclose(value, 0.5 * (np.log(0.5) + 1), rtol=1e-6)
    last = 0.5 * (np.log(0.5) + 2) if log_target else np.log(0.5) + 2
    np.testing.assert_allclose(grads, [[0, 0, -0.5], [0, 0, last]], rtol=1e-6)
    assert losses.kl_div(jnp.array([-1.0]), jnp.array([-0.5])).tolist() != [0.0]  # no probability: NaN


@pytest.mark.parametrize("name", ["cross_entropy", "nll"])
def test_unknown_classes_under_tracing_are_nan(name):
    scores = jax.nn.log_softmax(jnp.arange(20.0).reshape(5, 4) % 7)
    labels, known = jnp.array([0, 4, -1, 3, -100]), np.array([True, False, False, True, True])
    loss = lambda scores, labels, which: getattr(losses, name)(scores, labels, reduction=which)
    each = jax.jit(loss, static_argnums=2)(scores, labels, "none")
    np.testing.assert_array_equal(jnp.isfinite(each), known)
    np.testing.assert_array_equal(each[known], loss(scores[known], labels[known], "none"))
    assert each[4] == 0
    for which in ("sum", "mean"):
        assert jnp.isnan(jax.jit(loss, static_argnums=2)(scores, labels, which))
    grads = jax.jit(jax.grad(loss), static_argnums=2)(scores, labels, "sum")
    np.testing.assert_array_equal(jnp.isfinite(grads).all(axis=1), known)
    one = jax.vmap(lambda scores, label: loss(scores, label, "none"))(scores, labels)
    np.testing.assert_array_equal(one, each)


def test_impossible_probabilities_under_tracing_are_nan():
    each = jax.jit(partial(losses.bce, reduction="none"))(jnp.array([-0.5, 0.5, 1.5]), jnp.zeros(3))
    assert jnp.isnan(each).tolist() == [True, False, True]


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int32", "uint32"])
def test_labels_of_any_whole_numbers(dtype):
    logits = jnp.arange(12.0).reshape(3, 4) % 5
    want = losses.cross_entropy(logits[:2], jnp.array([3, 1]))
    for ignore in (2, -100, 255):
        labels = jnp.array([3, 1, ignore if ignore == 2 else 0]).astype(dtype)
        rows = slice(3) if ignore == 2 else slice(2)
        loss = lambda labels, i=ignore, r=rows: losses.cross_entropy(logits[r], labels[r], ignore_index=i)
        assert loss(labels) == jax.jit(loss)(labels) == want


@pytest.mark.parametrize(("dtype", "label", "ignore"), [("uint8", 156, -100), ("int8", 100, 356)])
def test_short_labels_never_wrap_around_to_the_ignored_one(dtype, label, ignore):
    """As would 256 numbers further on; nor does the number of classes."""
    labels = jnp.array([label], dtype)
    loss = lambda labels: losses.cross_entropy(jnp.zeros((1, 300)), labels, ignore_index=ignore)
    for value in (loss(labels), jax.jit(loss)(labels)):
        np.testing.assert_allclose(value, np.log(300), rtol=1e-6)


def test_plain_cross_entropy_is_the_product_with_one_hot_and_its_gradient_no_scatter():
    logits = 5 * jax.random.normal(jax.random.key(0), (128, 10))
    labels = jax.random.randint(jax.random.key(1), (128,), 0, 10)

    def product(logits, labels):
        return -jnp.sum(jax.nn.one_hot(labels, 10) * jax.nn.log_softmax(logits), axis=-1)

    ours = partial(losses.cross_entropy, reduction="none")
    for got, want in zip(
        *(jax.vjp(lambda z, f=f: f(z, labels), logits) for f in (ours, product)), strict=True
    ):
        got, want = (x if isinstance(x, jax.Array) else x(jnp.ones(128))[0] for x in (got, want))
        np.testing.assert_array_equal(got, want)
    program = str(jax.make_jaxpr(jax.grad(losses.cross_entropy))(logits, labels))
    assert "scatter" not in program
    assert "gather" not in program


@pytest.mark.parametrize(
    ("name", "hyperparameter", "values"),
    [
        ("smooth_l1", "beta", [0.0, 0.5, 2.0]),
        ("huber", "delta", [0.5, 2.0]),
        ("cross_entropy", "label_smoothing", [0.0, 0.3]),
        ("margin_ranking", "margin", [0.0, 0.5]),
        ("hinge_embedding", "margin", [0.0, 0.5]),
        ("cosine_embedding", "margin", [0.0, 0.5]),
        ("triplet_margin", "margin", [0.0, 0.5]),
        ("triplet_margin", "eps", [0.0, 0.1]),
    ],
)
def test_numbers_may_be_traced(name, hyperparameter, values, x64):
    arrays, fixed = example(name, np.random.default_rng(5), (2, 3))
    arrays = {key: jnp.asarray(value) for key, value in arrays.items()}
    loss = lambda value: getattr(losses, name)(**arrays | fixed | {hyperparameter: value})
    slopes = jax.vmap(jax.grad(loss))(jnp.array(values))
    assert jnp.isfinite(slopes).all()
    np.testing.assert_allclose(jax.vmap(loss)(jnp.array(values)), [loss(v) for v in values], rtol=1e-12)
