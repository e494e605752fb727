"""Recurrent layers against recorded PyTorch results, their cells, and layers whose output is known."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.extend.core import jaxprs_in_params
from jax.test_util import check_grads

from jaxlearn import nn
from tests.jaxlearn.recorded import cases, compare

KINDS = ("rnn", "lstm", "gru")
GATES = {"rnn": 1, "lstm": 4, "gru": 3}
every_kind = pytest.mark.parametrize("kind", KINDS)


def unpack(columns, bias):
    """The parameters of one direction from how they are recorded: one array, of 3 features."""
    inputs = columns.shape[1] - (5 if bias else 3)
    params = {"weight_ih": columns[:, :inputs], "weight_hh": columns[:, inputs : inputs + 3]}
    return params | ({"bias_ih": columns[:, -2], "bias_hh": columns[:, -1]} if bias else {})


@pytest.mark.parametrize("case", cases("recurrent", *KINDS), ids=str)
def test_layers_equal_pytorch(case, x64):
    options = {name: value for name, value in case.options.items() if name != "layer"}
    make = getattr(nn, case.options["layer"])
    layer, last = make(3, **options), make(3, **options | {"last": True})

    def on_batch(x, **columns):
        params = {place: unpack(own, layer_has_bias) for place, own in columns.items()}
        assert params.keys() == layer.init(jax.random.key(0), x.shape[1:])[0].keys()
        y, h = (jax.vmap(lambda x, of=of: of.apply(params, {}, x)[0])(x) for of in (layer, last))
        return y if "last" in options else (y, {"h": h})

    layer_has_bias = options.get("bias", True)
    compare(case, on_batch)


@pytest.mark.parametrize("case", cases("recurrent", "rnn_cell", "lstm_cell", "gru_cell"), ids=str)
def test_cells_equal_pytorch(case, x64):
    cell = getattr(nn, case.options["layer"])
    options = {name: value for name, value in case.options.items() if name == "nonlinearity"}

    def on_batch(x, h, params, c=None):
        own = unpack(params, case.options["bias"])
        if c is None:
            return jax.vmap(lambda h, x: cell(own, h, x, **options))(h, x)
        return jnp.concatenate(jax.vmap(lambda h, c, x: cell(own, (h, c), x))(h, c, x), axis=1)

    compare(case, on_batch)


def example(kind, time=6, inputs=3, **options):
    layer = getattr(nn, kind)(4, **options)
    params, _ = layer.init(jax.random.key(0), (time, inputs))
    return layer, params, jax.random.normal(jax.random.key(1), (time, inputs))


def step_by_step(kind, params, x):
    zeros = jnp.zeros(4, x.dtype)
    state, every = (zeros, zeros) if kind == "lstm" else zeros, []
    for row in x:
        state = getattr(nn, f"{kind}_cell")(params, state, row)
        every.append(state[0] if kind == "lstm" else state)
    return jnp.stack(every)


@every_kind
def test_a_layer_is_its_cell_step_by_step_in_both_directions(kind, x64):
    layer, params, x = example(kind, bidirectional=True)
    y, _ = layer.apply(params, {}, x)
    chex.assert_trees_all_close(y[:, :4], step_by_step(kind, params["0"], x), atol=1e-14)
    backwards = step_by_step(kind, params["0_reverse"], x[::-1])[::-1]
    chex.assert_trees_all_close(y[:, 4:], backwards, atol=1e-14)
    ends, _ = getattr(nn, kind)(4, bidirectional=True, last=True).apply(params, {}, x)
    chex.assert_trees_all_equal(ends, jnp.concatenate([y[-1, :4], y[0, 4:]]))


@every_kind
def test_reading_backwards_is_reading_the_reversed_sequence(kind, x64):
    """With the two directions' parameters exchanged, the halves and the time of the output are."""
    layer, params, x = example(kind, bidirectional=True)
    exchanged = {"0": params["0_reverse"], "0_reverse": params["0"]}
    y, _ = layer.apply(params, {}, x)
    reversed_y, _ = layer.apply(exchanged, {}, x[::-1])
    chex.assert_trees_all_close(reversed_y[::-1], jnp.roll(y, 4, axis=1), atol=1e-14)


@every_kind
@pytest.mark.parametrize("time", [0, 1])
def test_shortest_sequences(kind, time):
    layer, params, x = example(kind, time=time)
    assert layer.apply(params, {}, x)[0].shape == (time, 4)
    end, _ = getattr(nn, kind)(4, last=True).apply(params, {}, x)
    assert end.shape == (4,)
    assert (end != 0).any() == bool(time)


def test_the_nonlinearity_is_tanh_unless_given():
    _, params, x = example("rnn")
    layers = nn.rnn(4), nn.rnn(4, nonlinearity="tanh")
    chex.assert_trees_all_equal(*(layer.apply(params, {}, x) for layer in layers))
    cell = lambda *options: nn.rnn_cell(params["0"], jnp.zeros(4), x[0], *options)
    chex.assert_trees_all_equal(cell(), cell("tanh"))


class UnderEveryTransformation(chex.TestCase):
    @chex.variants(with_jit=True, without_jit=True)
    def test_one_example_under_vmap_is_the_batch(self):
        for kind in KINDS:
            layer, params, _ = example(kind, layers=2, bidirectional=True)
            x = jax.random.normal(jax.random.key(2), (5, 6, 3))
            one = lambda x, layer=layer, params=params: layer.apply(params, {}, x)[0]
            apply, batch = self.variant(one), self.variant(jax.vmap(one))
            np.testing.assert_allclose(batch(x), jnp.stack([apply(row) for row in x]), rtol=1e-5, atol=1e-6)


@every_kind
def test_jit_changes_nothing(kind, x64):
    layer, params, x = example(kind, layers=2, bidirectional=True, last=True)
    f = lambda params, x: jnp.sum(layer.apply(params, {}, x)[0] ** 2)
    plain, jitted = (g(jax.value_and_grad(f, (0, 1)))(params, x) for g in (lambda f: f, jax.jit))
    chex.assert_trees_all_close(plain, jitted, rtol=1e-12)


@every_kind
def test_several_models_under_vmap(kind, x64):
    layer, _, x = example(kind)
    keys = jax.random.split(jax.random.key(3), 3)
    init = lambda key: layer.init(key, x.shape)[0]
    apply = lambda params: layer.apply(params, {}, x)[0]
    want = jnp.stack([apply(init(key)) for key in keys])
    chex.assert_trees_all_close(jax.vmap(apply)(jax.vmap(init)(keys)), want, rtol=1e-12)


@every_kind
def test_gradients_equal_finite_differences(kind, x64):
    layer, params, x = example(kind, time=3, layers=2, bidirectional=True)
    check_grads(jax.jit(lambda params, x: layer.apply(params, {}, x)[0]), (params, x), order=1)


@every_kind
def test_saturated_gates_have_finite_gradients(kind):
    layer, params, x = example(kind)
    for scale in (1e-30, 1e15):
        y, pull = jax.vjp(lambda params, x: layer.apply(params, {}, x)[0], params, scale * x)
        chex.assert_tree_all_finite((y, pull(jnp.ones_like(y))))


@every_kind
@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16, jnp.float32])
def test_dtypes_are_kept(kind, dtype):
    layer, params, x = example(kind, layers=2, dropout=0.5)
    params, narrow = jax.tree.map(lambda a: a.astype(dtype), (params, x))
    apply = lambda params, x: layer.apply(params, {}, x, key=jax.random.key(0), train=True)[0]
    y = jax.jit(apply)(params, narrow)
    grads = jax.jit(jax.grad(lambda *inputs: jnp.sum(apply(*inputs)), (0, 1)))(params, narrow)
    assert {leaf.dtype for leaf in jax.tree.leaves((y, grads))} == {jnp.dtype(dtype)}
    wide = jax.jit(apply)(*jax.tree.map(lambda a: a.astype(jnp.float32), (params, narrow)))
    np.testing.assert_allclose(y.astype(jnp.float32), wide, atol=30 * jnp.finfo(dtype).eps)


def products(jaxpr, inside=False):
    """How many matrix products there are outside and inside scans."""
    count = np.zeros(2, int)
    for equation in jaxpr.eqns:
        count[int(inside)] += equation.primitive.name == "dot_general"
        for inner in jaxprs_in_params(equation.params):
            count += products(inner, inside or equation.primitive.name == "scan")
    return count


@every_kind
def test_the_scan_is_left_with_one_product(kind):
    """The product of all steps' inputs is one, outside."""
    layer, params, x = example(kind, layers=2, bidirectional=True)
    jaxpr = jax.make_jaxpr(lambda x: layer.apply(params, {}, x)[0])(x).jaxpr
    assert products(jaxpr).tolist() == [4, 4]


@every_kind
@pytest.mark.parametrize("bias", [True, False])
def test_parameters(kind, bias):
    layer, params, _ = example(kind, layers=2, bidirectional=True, bias=bias)
    rows = 4 * GATES[kind]
    biases = {"bias_ih": (rows,), "bias_hh": (rows,)} if bias else {}
    of = lambda inputs: {"weight_ih": (rows, inputs), "weight_hh": (rows, 4)} | biases
    assert jax.tree.map(jnp.shape, params) == {"0": of(3), "0_reverse": of(3), "1": of(8), "1_reverse": of(8)}
    assert layer.name == f"{kind}(4)"
    assert layer.init(jax.random.key(0), (6, 3))[1] == {}
    assert nn.output_shape(layer, params, {}, (6, 3)) == (6, 8)


@every_kind
def test_first_values_are_uniform_and_differ(kind):
    from scipy import stats

    params, _ = getattr(nn, kind)(100, layers=2, bidirectional=True).init(jax.random.key(0), (5, 30))
    leaves = [np.asarray(leaf).ravel() for leaf in jax.tree.leaves(params)]
    every = np.concatenate(leaves)
    assert len(np.unique([leaf[0] for leaf in leaves])) == len(leaves) == 16
    for leaf in leaves:
        assert stats.kstest(leaf, "uniform", (-0.1, 0.2)).pvalue > 1e-4
    assert abs(every.mean()) < 5 * every.std() / np.sqrt(every.size)


def passing_on(layers, dropout, features=40):
    """A stack of layers each of which gives what it gets, where that is not negative."""
    layer = nn.rnn(features, layers, "relu", bias=False, dropout=dropout)
    params, _ = layer.init(jax.random.key(0), (50, features))
    own = {"weight_ih": jnp.eye(features), "weight_hh": jnp.zeros((features, features))}
    return layer, dict.fromkeys(params, own), jnp.ones((50, features))


@pytest.mark.parametrize("layers", [1, 2, 3])
@pytest.mark.parametrize("dropout", [0.25, 0.5])
def test_dropout_sits_between_layers(layers, dropout):
    """After every layer but the last, each time with another mask, and scaled."""
    layer, params, x = passing_on(layers, dropout)
    y = layer.apply(params, {}, x, key=jax.random.key(0), train=True)[0]
    times = layers - 1
    scale, kept = (1 - dropout) ** -times, (1 - dropout) ** times
    np.testing.assert_allclose(jnp.where(y == 0, scale, y), scale, rtol=1e-6)
    assert abs((y != 0).mean() - kept) <= 5 * np.sqrt(kept * (1 - kept) / y.size)


def test_dropout_depends_on_the_key_alone():
    layer, params, x = passing_on(2, 0.5)
    draw = lambda seed: layer.apply(params, {}, x, key=jax.random.key(seed), train=True)[0]
    chex.assert_trees_all_equal(draw(0), draw(0), jax.jit(draw)(0))
    batch = jax.vmap(draw)(jnp.arange(2))
    chex.assert_trees_all_equal(batch, jnp.stack([draw(0), draw(1)]))
    assert (batch[0] != batch[1]).mean() > 0.4


@every_kind
def test_no_dropout_but_while_training(kind):
    layer, params, x = example(kind, layers=2, dropout=0.5)
    without, _ = getattr(nn, kind)(4, layers=2).apply(params, {}, x, train=True)
    chex.assert_trees_all_equal(layer.apply(params, {}, x, key=jax.random.key(0))[0], without)
    assert (layer.apply(params, {}, x, key=jax.random.key(0), train=True)[0] != without).any()


@every_kind
def test_full_dropout_leaves_nothing_of_the_input(kind):
    layer, params, x = example(kind, layers=2, dropout=1.0)
    train = lambda x: layer.apply(params, {}, x, key=jax.random.key(0), train=True)[0]
    chex.assert_trees_all_equal(train(x), train(2 * x))


@every_kind
def test_dropout_without_a_key_is_told(kind):
    layer, params, x = example(kind, layers=2, dropout=0.5)
    message = rf"{kind}\(4\): dropout needs a random key: apply\(\.\.\., key=key, train=True\)"
    with pytest.raises(ValueError, match=message):
        layer.apply(params, {}, x, train=True)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: nn.rnn(0), r"rnn: features must be in \[1, inf\), got 0"),
        (lambda: nn.lstm(0), r"lstm: features must be in \[1, inf\), got 0"),
        (lambda: nn.gru(4, layers=0), r"gru: layers must be in \[1, inf\), got 0"),
        (lambda: nn.lstm(4, dropout=1.5), r"lstm: dropout must be in \[0, 1\], got 1.5"),
        (lambda: nn.rnn(4, nonlinearity="sin"), r"rnn: nonlinearity must be tanh or relu, got 'sin'"),
        (lambda: nn.rnn_cell({}, jnp.zeros(4), jnp.zeros(3), "sin"), "nonlinearity must be tanh or relu"),
    ],
)
def test_wrong_arguments_are_told(build, message):
    with pytest.raises(ValueError, match=message):
        build()


@every_kind
def test_shapes_that_do_not_fit_are_told(kind):
    layer, params, _ = example(kind)
    with pytest.raises(ValueError, match=rf"{kind}\(4\): .* shape \(time, inputs\), got \(28, 28, 1\)"):
        layer.init(jax.random.key(0), (28, 28, 1))
    for shape in [(6, 5), (3,), (2, 6, 3)]:
        with pytest.raises(ValueError, match=rf"{kind}\(4\): .* shape \(time, 3\), got \({shape[0]},"):
            layer.apply(params, {}, jnp.zeros(shape))


@every_kind
def test_shapes_that_do_not_fit_a_cell_are_told(kind):
    _, params, x = example(kind)
    cell = getattr(nn, f"{kind}_cell")
    states = lambda *sizes: tuple(map(jnp.zeros, sizes)) if kind == "lstm" else jnp.zeros(sizes[-1])
    with pytest.raises(ValueError, match=rf"{kind}_cell: the input must have shape \(3,\), got \(6, 3\)"):
        cell(params["0"], states(4, 4), x)
    with pytest.raises(ValueError, match=rf"{kind}_cell: the state must have shape \(4,\), got \(1,\)"):
        cell(params["0"], states(4, 1), x[0])
