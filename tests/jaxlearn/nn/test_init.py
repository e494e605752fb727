"""First values of the parameters: exact distributions, PyTorch's numbers, and drawing models anew."""

import json
import math
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from jaxlearn import nn
from jaxlearn.nn import init, reinitialize, torch_defaults

KEY = jax.random.key(0)
RECORDED = dict(np.load(Path(__file__).parents[2] / "golden" / "init.npz"))
recorded = lambda kind: [json.loads(name[len(kind) + 1 :]) for name in RECORDED if name.startswith(kind)]

SHAPES = {(300, 60): (60, 300), (300, 5, 12): (60, 1500), (200, 3, 3, 8): (72, 1800)}  # with their fans
PLAIN = [
    (init.uniform(), stats.uniform(0, 1)),
    (init.uniform(-3, 1.5), stats.uniform(-3, 4.5)),
    (init.normal(), stats.norm()),
    (init.normal(2, 0.3), stats.norm(2, 0.3)),
    (init.truncated_normal(), stats.truncnorm(-2, 2)),
    (init.truncated_normal(1, 2, -2, 4), stats.truncnorm(-1.5, 1.5, 1, 2)),
    (init.truncated_normal(0, 0.5, 1, 2), stats.truncnorm(2, 4, 0, 0.5)),
    (init.truncated_normal(0, 1, -100, 100), stats.norm()),
]
bound = lambda limit: stats.uniform(-limit, 2 * limit)
SCALED = [
    (init.xavier_uniform(), lambda i, o: bound(math.sqrt(6 / (i + o)))),
    (init.xavier_uniform(5 / 3), lambda i, o: bound(5 / 3 * math.sqrt(6 / (i + o)))),
    (init.xavier_normal(0.5), lambda i, o: stats.norm(0, 0.5 * math.sqrt(2 / (i + o)))),
    (init.kaiming_uniform(), lambda i, o: bound(math.sqrt(6 / i))),
    (init.kaiming_uniform(math.sqrt(5)), lambda i, o: bound(math.sqrt(1 / i))),
    (init.kaiming_uniform(mode="fan_out"), lambda i, o: bound(math.sqrt(6 / o))),
    (init.kaiming_normal(), lambda i, o: stats.norm(0, math.sqrt(2 / i))),
    (init.kaiming_normal(1.0, "fan_out"), lambda i, o: stats.norm(0, math.sqrt(1 / o))),
    (init.kaiming_normal(1.0, nonlinearity="relu"), lambda i, o: stats.norm(0, math.sqrt(2 / i))),
    (init.kaiming_normal(nonlinearity="selu"), lambda i, o: stats.norm(0, 0.75 / math.sqrt(i))),
]


def hold_to(draws, distribution):
    """Mean and variance within 5 standard errors, the support, and a Kolmogorov-Smirnov test."""
    draws = np.asarray(draws, float).ravel()
    mean, var, kurtosis = (float(moment) for moment in distribution.stats("mvk"))
    assert abs(draws.mean() - mean) < 5 * math.sqrt(var / draws.size)
    assert abs(draws.var() - var) < 5 * var * math.sqrt((kurtosis + 2) / draws.size)
    low, high = distribution.support()
    assert np.all((draws >= low - 1e-6) & (draws <= high + 1e-6))
    assert stats.kstest(draws, distribution.cdf).pvalue > 1e-3


@pytest.mark.parametrize(("initializer", "distribution"), PLAIN)
def test_plain_draws_have_their_distribution(initializer, distribution):
    hold_to(initializer(KEY, (20_000,)), distribution)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("initializer", "distribution"), SCALED)
def test_scaled_draws_have_their_distribution(initializer, distribution, shape):
    hold_to(initializer(KEY, shape), distribution(*SHAPES[shape]))


@pytest.mark.parametrize(("name", "param"), recorded("gain"))
def test_gain_equals_pytorch(name, param, x64):
    want = RECORDED["gain/" + json.dumps([name, param])].item()
    assert init.gain(name, param) == pytest.approx(want, rel=1e-15)
    slope = 0.01 if param is None else param
    for mode, fan in (("fan_in", 72), ("fan_out", 1800)):
        weight = init.kaiming_normal(slope, mode, name)(KEY, (200, 3, 3, 8))
        unit = jnp.moveaxis(jax.random.normal(KEY, (3, 3, 8, 200)), -1, 0)
        np.testing.assert_allclose(weight, unit * want / math.sqrt(fan), rtol=1e-12)


@pytest.mark.parametrize("shape", recorded("fans"))
def test_fans_equal_pytorch(shape):
    assert init.fans(tuple(shape)) == tuple(RECORDED["fans/" + json.dumps(shape)])


@pytest.mark.parametrize("shape", [*SHAPES, (7, 1)])
def test_kaiming_normal_has_a_variance_of_exactly_2(shape):
    draw = jax.nn.initializers.variance_scaling(2.0, "fan_in", "normal")
    for wide in (False, True):
        with jax.enable_x64(wide):
            theirs = jnp.moveaxis(draw(KEY, (*shape[1:], shape[0])), -1, 0)
            np.testing.assert_array_equal(init.kaiming_normal()(KEY, shape), theirs)


def test_cuts_are_kept_to_and_those_far_out_give_no_numbers_far_out():
    draws = init.truncated_normal(1.0437587, 0.5337796, 0.0, 1e-5)(KEY, (2**16,))
    assert (draws.min() >= 0, draws.max()) == (True, jnp.float32(1e-5))  # after rounding, too
    key = jax.random.key(4)  # whose least number is drawn from the very end
    assert abs(jax.random.truncated_normal(key, -50.0, 50.0, (2**20,))).max() > 6
    assert abs(init.truncated_normal(a=-50, b=50)(key, (2**20,))).max() < 6


@pytest.mark.parametrize("shape", [(5, 30), (30, 5), (8, 8), (7, 3, 3, 2), (9, 2, 2, 1)])
def test_orthogonal_has_orthonormal_rows_or_columns(shape):
    matrix = np.asarray(init.orthogonal(3.0)(KEY, shape)).reshape(shape[0], -1) / 3
    if matrix.shape[0] < matrix.shape[1]:
        matrix = matrix.T
    np.testing.assert_allclose(matrix.T @ matrix, np.eye(matrix.shape[1]), atol=1e-6)


def test_constants():
    for number, initializer in ((0.25, init.constant(0.25)), (0, init.zeros()), (1, init.ones())):
        assert initializer(KEY, (2,)).tolist() == [number, number]


EVERY = [PLAIN[i][0] for i in (1, 3, 5)] + [SCALED[i][0] for i in (1, 2, 4, 7)]
EVERY += [init.orthogonal(), init.zeros(), init.constant(2)]


@pytest.mark.parametrize("initializer", EVERY)
def test_dtypes_empty_shapes_and_many_keys(initializer):
    assert isinstance(initializer, init.Initializer)
    single = initializer(KEY, (4, 30))
    half = initializer(KEY, (4, 30), jnp.bfloat16)
    assert (single.dtype, half.dtype) == (jnp.float32, jnp.bfloat16)
    np.testing.assert_array_equal(half, single.astype(jnp.bfloat16))  # drawn as float32
    assert initializer(KEY, (0, 3)).shape == (0, 3)
    with jax.enable_x64(True):
        keys = jax.random.split(KEY, 3)
        double = jax.jit(jax.vmap(lambda key: initializer(key, (4, 30))))(keys)
        assert double.dtype == jnp.float64
        np.testing.assert_allclose(double[2], initializer(keys[2], (4, 30)), rtol=1e-10)


@pytest.mark.parametrize("initializer", EVERY)
def test_out_sharding_is_kept(initializer, two_devices):
    mesh = jax.make_mesh((2,), ("d",), axis_types=(jax.sharding.AxisType.Explicit,), devices=two_devices)
    with jax.set_mesh(mesh):
        rows = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec("d", None))
        assert initializer(KEY, (4, 6), None, rows).sharding == rows


def test_hyperparameters_may_be_mapped_over():
    numbers = jnp.array([0.5, 2.0])
    between = lambda n: init.uniform(-n, n)
    cut = lambda n: init.truncated_normal(n, n, -n, n)
    for factory in (between, cut, init.normal, init.xavier_normal, init.kaiming_uniform, init.orthogonal):
        together = jax.vmap(lambda n, factory=factory: factory(n)(KEY, (3, 4)))(numbers)
        for number, one in zip((0.5, 2.0), together, strict=True):
            np.testing.assert_allclose(factory(number)(KEY, (3, 4)), one, rtol=1e-6)


def test_a_vector_has_no_fans():
    for name in "xavier_uniform xavier_normal kaiming_uniform kaiming_normal orthogonal".split():
        message = rf"{name}: the weight must have shape \(out, ..., in\), got \(3,\)"
        with pytest.raises(ValueError, match=message):
            getattr(init, name)()(KEY, (3,))


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: init.fans((3,)), r"fans: the weight must have shape \(out, ..., in\), got \(3,\)"),
        (lambda: init.uniform(1, 0), r"uniform: b - a must be in \[0, inf\), got -1"),
        (lambda: init.normal(0, -1), r"normal: std must be in \[0, inf\), got -1"),
        (lambda: init.normal(math.nan), "normal: mean must be in"),
        (lambda: init.truncated_normal(std=0), r"truncated_normal: std must be in \(0, inf\), got 0"),
        (lambda: init.truncated_normal(a=2), r"truncated_normal: b - a must be in \(0, inf\), got 0"),
        (lambda: init.truncated_normal(a=-9, b=-5), r"\(b - mean\) / std must be in \[-4, inf\), got -5"),
        (lambda: init.truncated_normal(a=5, b=9), r"\(a - mean\) / std must be in \(-inf, 4\], got 5"),
        (lambda: init.constant(jnp.zeros(2)), "constant: value must be one number"),
        (lambda: init.xavier_normal(-1), r"xavier_normal: gain must be in \[0, inf\), got -1"),
        (lambda: init.kaiming_normal(math.inf), "kaiming_normal: a must be in"),
        (lambda: init.kaiming_normal(mode="fan"), "mode must be fan_in or fan_out, got 'fan'"),
        (lambda: init.kaiming_uniform(nonlinearity="gelu"), "kaiming_uniform: nonlinearity must be linear,"),
        (lambda: init.gain("softmax"), "gain: nonlinearity must be linear,.* got 'softmax'"),
        (lambda: init.gain("leaky_relu", math.nan), "gain: param must be in"),
    ],
)
def test_wrong_arguments_are_told(build, message):
    with pytest.raises(ValueError, match=message):
        build()


MODEL = {
    "0": {"weight": jnp.full((8, 3, 3, 2), 7.0), "bias": jnp.full(8, 7, jnp.bfloat16)},
    "2": {"inner": {"1": {"weight": jnp.full((50, 40), 7.0), "bias": jnp.full(50, 7.0)}}},
    "3": {"scale": jnp.full((3,), 7.0), "inner": {"weight": jnp.full((50, 40), 7.0)}, "empty": {}},
}
name_of = lambda path: jax.tree_util.keystr(path, simple=True, separator="/")
leaves = lambda params: {name_of(path): leaf for path, leaf in jax.tree.leaves_with_path(params)}


def test_reinitialize_draws_what_the_rule_names():
    seen = {}

    def rule(name, layer):
        seen[name] = set(layer)
        return {"0": {"bias": init.normal()}, "2/inner/1": {"weight": init.normal()}}.get(name)

    new = reinitialize(MODEL, rule, KEY)
    names = {"weight", "bias"}
    assert seen == {"0": names, "2/inner/1": names, "3": {"scale"}, "3/inner": {"weight"}}
    assert jax.tree.structure(new) == jax.tree.structure(MODEL)
    assert [list(new), list(new["0"]), list(new["3"])] == [list(MODEL), list(MODEL["0"]), list(MODEL["3"])]
    for name, leaf in leaves(new).items():
        assert (leaf.shape, leaf.dtype) == (leaves(MODEL)[name].shape, leaves(MODEL)[name].dtype)
        assert (leaf == 7).all() == (name not in ("0/bias", "2/inner/1/weight"))


def test_reinitialize_takes_a_layer_by_itself_and_none_at_all():
    names = []
    layer = reinitialize(
        {"weight": jnp.zeros(2)}, lambda name, _: names.append(name) or {"weight": init.ones()}, KEY
    )
    assert (names, layer["weight"].tolist()) == ([""], [1, 1])
    half = {"weight": jnp.zeros(2, jnp.bfloat16)}
    rule = lambda name, layer: {"weight": lambda key, shape, dtype: np.ones(shape)}  # whatever the dtype
    assert reinitialize(half, rule, KEY)["weight"].dtype == jnp.bfloat16
    assert reinitialize({}, lambda name, layer: {"weight": init.ones()}, KEY) == {}


def test_every_parameter_has_its_own_draw_whatever_the_rule_does_elsewhere():
    def draw(names, key=KEY):
        rule = lambda name, layer: {part: init.normal() for part in layer if f"{name}/{part}" in names}
        return leaves(reinitialize(MODEL, rule, key))

    every, other = draw(leaves(MODEL)), draw(leaves(MODEL), jax.random.key(1))
    assert not (every["2/inner/1/weight"] == every["3/inner/weight"]).any()
    for name in every:
        np.testing.assert_array_equal(draw([name])[name], every[name])
        assert (other[name] != every[name]).any()


def test_reinitialize_under_jit_and_over_keys():
    keys = jax.random.split(KEY, 3)
    draw = lambda key: reinitialize(MODEL, torch_defaults, key)
    together = leaves(jax.jit(jax.vmap(draw))(keys))
    for name, leaf in leaves(draw(keys[2])).items():
        np.testing.assert_allclose(*(np.asarray(x, float) for x in (leaf, together[name][2])), rtol=1e-2)


@pytest.mark.parametrize(
    ("params", "chosen", "error", "message"),
    [
        (MODEL, {"wieght": init.ones()}, ValueError, "layer '0' has weight, bias, but .* 'wieght'"),
        (MODEL, {"weight": jnp.ones(2)}, TypeError, "weight of layer '0' needs an initializer, .* got Array"),
        (MODEL, {"weight": init.zeros}, TypeError, "weight of layer '0' needs an initializer"),
        (MODEL, {"weight": init.kaiming_normal}, TypeError, "weight of layer '0' needs an initializer"),
        (MODEL, {"weight": jax.nn.initializers.he_normal}, TypeError, "weight of layer '0' needs an init"),
        (MODEL, {"weight": lambda *_: jnp.ones(3)}, ValueError, r"shape \(8, 3, 3, 2\), .* gave \(3,\)"),
        (MODEL, init.ones(), TypeError, "must return a dict of initializers, got .* for layer '0'"),
        ({"0": [jnp.ones(3)]}, {}, TypeError, "params must be nested dicts of arrays, got"),
        (jnp.ones(3), {}, TypeError, "params must be nested dicts of arrays, got"),
    ],
)  # fmt: skip
def test_wrong_rules_are_told(params, chosen, error, message):
    with pytest.raises(error, match=message):
        reinitialize(params, lambda name, layer: chosen, KEY)


def test_torch_defaults_are_pytorchs():
    model = {}
    for layer, name, shape in recorded("layer"):
        model.setdefault(layer, {})[name] = jnp.full(shape, 7.0)
    new = reinitialize(model, torch_defaults, KEY)
    for layer, name, shape in recorded("layer"):
        theirs, ours = RECORDED["layer/" + json.dumps([layer, name, shape])], np.ravel(new[layer][name])
        assert stats.ks_2samp(ours, theirs).pvalue > 1e-3, (layer, name)
        if layer != "embedding":  # all others have bounds
            assert abs(ours).max() == pytest.approx(abs(theirs).max(), rel=0.1), (layer, name)


def test_torch_defaults_leave_out_what_a_layer_lacks_or_they_do_not_know():
    assert torch_defaults("", {"scale": jnp.ones(3)}) == {}
    for names in ({"weight": (2, 3)}, {"weight": (3,)}, {"in_weight": (6, 2), "out_weight": (2, 2)}):
        layer = {name: jnp.ones(shape) for name, shape in names.items()}
        assert set(torch_defaults("", layer)) == set(names)
    empty = {"weight": jnp.ones((3, 0)), "bias": jnp.ones(3)}
    assert reinitialize(empty, torch_defaults, KEY)["bias"].tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (nn.sequential(nn.conv2d(4, 3), nn.batch_norm(), nn.prelu(), nn.layer_norm(2)), (5, 5, 2)),
        (nn.sequential(nn.conv1d(4, 3), nn.group_norm(2), nn.rms_norm()), (5, 4)),
        (nn.sequential(nn.embedding(5, 4), nn.multi_head_attention(2), nn.lstm(4, layers=2)), (3,)),
        (nn.sequential(nn.rnn(4), nn.gru(3), nn.flatten, nn.linear(2)), (5, 4)),
    ],
)
def test_torch_defaults_know_every_parameter_of_every_layer(layer, shape):
    def rule(name, part):
        assert set(torch_defaults(name, part)) == set(part), name
        return torch_defaults(name, part)

    reinitialize(layer.init(KEY, shape)[0], rule, KEY)


def test_torch_defaults_keep_the_padding_of_an_embedding():
    params, _ = nn.embedding(5, 3, padding_index=2).init(KEY, (4,))
    new = reinitialize(params, torch_defaults, jax.random.key(1))["embedding"]
    assert (new == params["embedding"]).all(axis=1).tolist() == [False, False, True, False, False]
