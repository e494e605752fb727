"""Attention and embeddings against recorded PyTorch results, and where PyTorch has no result."""

import itertools

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from jaxlearn import nn
from tests.jaxlearn.recorded import cases, compare
from tests.jaxlearn.sample import sample


@pytest.mark.parametrize("case", cases("recurrent", "multi_head_attention"), ids=str)
def test_attention_equals_pytorch(case, x64):
    options = {name: value for name, value in case.options.items() if name in ("heads", "causal")}

    def on_batch(query, key=None, value=None, mask=None, **params):
        key, value = (query, query) if key is None else (key, value)
        mapped = (0, 0, 0, None if mask is None else 0)
        attend = lambda q, k, v, mask: nn.attention(params, q, k, v, mask=mask, **options)
        return jax.vmap(attend, mapped)(query, key, value, mask)

    compare(case, on_batch)


@pytest.mark.parametrize(
    "case",
    [
        case
        for case in cases("recurrent", "multi_head_attention")
        if set(case.inputs).isdisjoint({"key", "mask"})
    ],
    ids=str,
)
def test_layer_equals_pytorch(case, x64):
    options = {name: value for name, value in case.options.items() if name not in ("layer", "of")}
    layer = nn.multi_head_attention(**options)

    def on_batch(query, **params):
        first, _ = layer.init(jax.random.key(0), query.shape[1:])
        assert jax.tree.map(jnp.shape, first) == jax.tree.map(jnp.shape, params)
        return jax.vmap(lambda x: layer.apply(params, {}, x)[0])(query)

    compare(case, on_batch)


def example(heads=2, time=5, features=6, **options):
    layer = nn.multi_head_attention(heads, **options)
    params, _ = layer.init(jax.random.key(0), (time, features))
    return layer, params, jax.random.normal(jax.random.key(1), (time, features))


def test_a_row_that_may_ask_nothing_gives_the_last_bias(x64):
    """And has no gradient; PyTorch gives NaN."""
    _, params, x = example()
    params["out_bias"] = jnp.arange(6.0)
    mask = jnp.ones((5, 5), bool).at[2].set(False)
    attend = lambda params, query, other: nn.attention(params, query, other, other, 2, mask)
    y, pull = jax.vjp(jax.jit(attend), params, x, x)
    assert y[2].tolist() == [0, 1, 2, 3, 4, 5]
    rows = jnp.arange(5) != 2
    chex.assert_trees_all_close(y[rows], nn.attention(params, x, x, x, 2)[rows], rtol=1e-12)
    grads, query_grad, other_grad = pull(jnp.zeros((5, 6)).at[2].set(1.0))
    assert grads.pop("out_bias").tolist() == [1.0] * 6
    assert all((leaf == 0).all() for leaf in jax.tree.leaves((grads, query_grad, other_grad)))
    chex.assert_tree_all_finite(pull(jnp.ones((5, 6))))


def test_masked_steps_have_no_influence(x64):
    _, params, x = example()
    mask = jnp.ones((5, 5), bool).at[:, 3].set(False)
    attend = lambda other: nn.attention(params, x, other, other, 2, mask)
    for huge in (1e6, 1e150):
        chex.assert_trees_all_equal(attend(x), attend(x.at[3].set(huge)))


def test_a_causal_layer_sees_nothing_of_later_steps(x64):
    layer, params, x = example(causal=True)
    apply = jax.jit(lambda x: layer.apply(params, {}, x)[0])
    influence = abs(jax.jacobian(apply)(x)).sum((1, 3))
    assert ((influence > 0) == jnp.tri(5, dtype=bool)).all()
    chex.assert_trees_all_close(apply(x)[:3], apply(x[:3]), rtol=1e-12)


def test_causal_and_mask_both_hold(x64):
    _, params, x = example()
    mask = jax.random.bernoulli(jax.random.key(2), 0.5, (5, 5))
    both = nn.attention(params, x, x, x, 2, mask, causal=True)
    chex.assert_trees_all_equal(both, nn.attention(params, x, x, x, 2, jnp.tril(mask)))


class UnderEveryTransformation(chex.TestCase):
    @chex.variants(with_jit=True, without_jit=True)
    def test_one_example_under_vmap_is_the_batch(self):
        layer, params, _ = example(causal=True)
        x = jax.random.normal(jax.random.key(1), (4, 5, 6))
        apply = self.variant(lambda x: layer.apply(params, {}, x)[0])
        batch = self.variant(jax.vmap(lambda x: layer.apply(params, {}, x)[0]))
        np.testing.assert_allclose(batch(x), jnp.stack([apply(one) for one in x]), rtol=1e-5, atol=1e-6)


def test_gradients_equal_finite_differences(x64):
    _, params, x = example(time=3, features=4)
    other = jax.random.normal(jax.random.key(2), (4, 4))
    mask = jnp.tri(3, 4, dtype=bool)
    attend = jax.jit(lambda params, x, other: nn.attention(params, x, other, other, 2, mask))
    check_grads(attend, (params, x, other), order=2)


def test_large_scores_stay_finite():
    layer, params, x = example()
    for scale in (1e-30, 1e10):
        y, pull = jax.vjp(lambda params, x: layer.apply(params, {}, x)[0], params, scale * x)
        chex.assert_tree_all_finite((y, pull(jnp.ones_like(y))))


@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16, jnp.float32])
def test_dtypes_are_kept(dtype):
    layer, params, x = example(causal=True)
    params, narrow = jax.tree.map(lambda a: a.astype(dtype), (params, x))
    y, pull = jax.vjp(lambda params, x: layer.apply(params, {}, x)[0], params, narrow)
    assert {leaf.dtype for leaf in jax.tree.leaves((y, pull(y)))} == {jnp.dtype(dtype)}
    params, x = jax.tree.map(lambda a: a.astype(jnp.float32), (params, narrow))
    wide, _ = layer.apply(params, {}, x)
    np.testing.assert_allclose(y.astype(jnp.float32), wide, atol=10 * jnp.finfo(dtype).eps)


def test_scores_of_half_precision_are_compared_in_float32():
    """5 * 16.125 = 80.625 would be 80.5 in bfloat16."""
    params = {"in_weight": jnp.ones((3, 1)), "out_weight": jnp.ones((1, 1))}
    arrays = params, jnp.array([[5.0]]), jnp.array([[16.0], [16.125]]), jnp.array([[0.0], [1.0]])
    y = nn.attention(*jax.tree.map(lambda a: a.astype(jnp.bfloat16), arrays), 1)
    np.testing.assert_allclose(float(y[0, 0]), jax.nn.sigmoid(0.625), rtol=2**-8)


@pytest.mark.parametrize("bias", [True, False])
def test_parameters_of_attention(bias):
    layer, params, _ = example(bias=bias)
    biases = {"in_bias": (18,), "out_bias": (6,)} if bias else {}
    assert jax.tree.map(jnp.shape, params) == {"in_weight": (18, 6), "out_weight": (6, 6)} | biases
    assert all((params[name] == 0).all() for name in biases)
    assert layer.name == "multi_head_attention(2)"
    assert nn.output_shape(layer, params, {}, (5, 6)) == (5, 6)


def test_first_weights_of_attention_are_uniform():
    from scipy import stats

    _, params, _ = example(features=100)
    for name, bound in [("in_weight", (6 / 400) ** 0.5), ("out_weight", 0.1)]:
        assert stats.kstest(np.ravel(params[name]), "uniform", (-bound, 2 * bound)).pvalue > 1e-3


LAYER = nn.multi_head_attention(2)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda p, x: nn.multi_head_attention(0), r"_attention: heads must be in \[1, inf\), got 0"),
        (
            lambda p, x: nn.multi_head_attention(4).init(jax.random.key(0), (5, 6)),
            r"multi_head_attention\(4\): heads must divide the features, got 4 heads for 6 features",
        ),
        (
            lambda p, x: LAYER.init(jax.random.key(0), (6,)),
            r"multi_head_attention\(2\): the input must have shape \(time, features\), got \(6,\)",
        ),
        (
            lambda p, x: LAYER.apply(p, {}, x[:, :4]),
            r"multi_head_attention\(2\): the input must have shape \(time, 6\), got \(5, 4\)",
        ),
        (lambda p, x: nn.attention(p, x, x, x, 4), "attention: heads must divide .* 4 heads for 6 features"),
        (lambda p, x: nn.attention(p, x, x, x, 0), r"attention: heads must be in \[1, inf\), got 0"),
        (lambda p, x: nn.attention(p, x[0], x, x, 2), r"attention, query: .* \(time, 6\), got \(6,\)"),
        (lambda p, x: nn.attention(p, x, x[:, :1], x, 2), r"attention, key: .* \(time, 6\), got \(5, 1\)"),
        (lambda p, x: nn.attention(p, x, x, x[:4], 2), r"attention, value: .* \(5, 6\), got \(4, 6\)"),
        (
            lambda p, x: nn.attention(p, x, x[:3], x[:3], 2, jnp.ones((3, 5), bool)),
            r"attention: mask must have shape \(5, 3\), got \(3, 5\)",
        ),
    ],
)
def test_what_does_not_fit_attention_is_told(call, message):
    _, params, x = example()
    with pytest.raises(ValueError, match=message):
        call(params, x)


def test_a_mask_of_numbers_is_told():
    """Zeros and -inf, added to the scores, are PyTorch's other kind of mask."""
    _, params, x = example()
    with pytest.raises(TypeError, match="attention: mask must be boolean, got float32"):
        nn.attention(params, x, x, x, 2, jnp.zeros((5, 5)))


@pytest.mark.parametrize("case", cases("recurrent", "embedding"), ids=str)
@pytest.mark.parametrize("dtype", [jnp.int8, jnp.uint32, jnp.int64])
def test_embedding_equals_pytorch(case, dtype, x64):
    """The vector at the padding index is not 0 there, but has no gradient."""
    layer = nn.embedding(5, 2, case.options["padding_index"])

    def on_batch(x, **params):
        return jax.vmap(lambda x: layer.apply(params, {}, x)[0])(x.astype(dtype))

    compare(case, on_batch)


KINDS = itertools.product([3, 127, 128, 255, 256, 300], [jnp.int8, jnp.uint8, jnp.int32, jnp.uint32])


@pytest.mark.parametrize(("count", "dtype"), sample(8, KINDS))
def test_traced_numbers_out_of_range_give_nan(count, dtype):
    """Negative ones, too; and a row beyond what a short type can count is none of them."""
    layer = nn.embedding(count, 2, padding_index=count - 1)
    params, _ = layer.init(jax.random.key(0), ())
    least, most = jnp.iinfo(dtype).min, min(jnp.iinfo(dtype).max, 1000)
    numbers = [n for n in (0, 1, 2, 3, 100, 127, 128, 255, 256, 300, -1, -3, -128) if least <= n <= most]
    x = jnp.array(numbers, dtype)
    good = jnp.array([0 <= number < count for number in numbers])
    for apply in (jax.jit(layer.apply), jax.jit(jax.vmap(layer.apply, (None, None, 0), (0, None)))):
        y, _ = apply(params, {}, x)
        assert (jnp.isnan(y).all(1) == ~good).all()
        chex.assert_trees_all_equal(y[good], params["embedding"][x[good].astype(jnp.int32)])
        grad = jax.grad(lambda p, apply=apply: jnp.nansum(apply(p, {}, x)[0]))(params)["embedding"]
        used = [0 <= row < count - 1 and row in numbers for row in range(count)]
        assert (grad == jnp.array(used, jnp.float32)[:, None]).all()


@pytest.mark.parametrize("number", [10, -1, 255])
def test_numbers_out_of_range_are_told(number):
    layer = nn.embedding(10, 3)
    params, _ = layer.init(jax.random.key(0), (2,))
    message = rf"embedding\(10, 3\): index {number} is out of range for 10 rows \(0 to 9\)"
    for x in (jnp.array([9, number]), jnp.array(number), np.array([[0], [number]])):
        with pytest.raises(ValueError, match=message):
            layer.apply(params, {}, x)
    assert layer.apply(params, {}, jnp.array([0, 9]))[0].shape == (2, 3)
    assert layer.apply(params, {}, jnp.zeros((0, 4), jnp.int32))[0].shape == (0, 4, 3)


@pytest.mark.parametrize("dtype", [jnp.float32, bool])
@pytest.mark.parametrize("transform", [lambda f: f, jax.jit])
def test_numbers_that_are_not_whole_are_told(dtype, transform):
    layer = nn.embedding(10, 3)
    params, _ = layer.init(jax.random.key(0), (2,))
    with pytest.raises(
        TypeError, match=r"embedding\(10, 3\): the input must hold whole numbers, got (float|bool)"
    ):
        transform(layer.apply)(params, {}, jnp.ones(2, dtype))


def test_parameters_of_an_embedding():
    from scipy import stats

    layer = nn.embedding(50, 100, padding_index=7)
    params, state = layer.init(jax.random.key(0), (4,))
    assert (params.keys(), state) == ({"embedding"}, {})
    rows = np.asarray(params["embedding"])
    assert (rows[7] == 0).all()
    assert stats.kstest(np.delete(rows, 7, axis=0).ravel(), "norm").pvalue > 1e-3
    assert (layer.name, layer.input_type) == ("embedding(50, 100)", int)
    assert nn.output_shape(layer, params, {}, (4, 2)) == (4, 2, 100)


@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16, jnp.float32])
def test_dtypes_of_an_embedding_are_kept(dtype):
    layer = nn.embedding(5, 2, padding_index=0)
    params = {"embedding": jnp.ones((5, 2), dtype)}
    y, pull = jax.vjp(lambda params: layer.apply(params, {}, jnp.array([0, 3]))[0], params)
    assert y.dtype == pull(y)[0]["embedding"].dtype == dtype


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: nn.embedding(0, 3), r"embedding: count must be in \[1, inf\), got 0"),
        (lambda: nn.embedding(10, 0), r"embedding: features must be in \[1, inf\), got 0"),
        (lambda: nn.embedding(10, 3, 10), r"embedding: padding_index must be in \[0, 9\], got 10"),
        (lambda: nn.embedding(10, 3, -1), r"embedding: padding_index must be in \[0, 9\], got -1"),
    ],
)
def test_wrong_arguments_of_an_embedding_are_told(build, message):
    with pytest.raises(ValueError, match=message):
        build()
