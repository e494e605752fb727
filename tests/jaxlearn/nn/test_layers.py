"""Layers against recorded PyTorch results, finite differences and each other."""

import json
from pathlib import Path

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from jaxlearn import losses, nn

KEYS = {key.rsplit("/", 1)[0] for key in np.load(Path(__file__).parents[2] / "golden" / "layers.npz")}
cases = lambda layer: [key for key in sorted(KEYS) if json.loads(key)["layer"] == layer]


def ours(name, array):
    """From PyTorch's layouts: NCHW to NHWC, OIHW to HWIO, (out, in) to (in, out)."""
    name = name.removeprefix("grad_")
    if array.ndim == 4:
        return jnp.asarray(array.transpose((2, 3, 1, 0) if name == "weight" else (0, 2, 3, 1)))
    return jnp.asarray(array.T if name == "weight" else array)


def compare(key, golden, apply):
    """Values and all gradients of `apply(params, x)` over a batch."""
    recorded = {
        name.rsplit("/", 1)[1]: ours(name.rsplit("/", 1)[1], array)
        for name, array in golden("layers").items()
        if name.startswith(f"{key}/")
    }
    inputs = {name: array for name, array in recorded.items() if f"grad_{name}" in recorded}
    x = inputs.pop("x")
    y, pull = jax.vjp(lambda params, x: jax.vmap(apply, (None, 0))(params, x), inputs, x)
    np.testing.assert_allclose(y, recorded["y"], rtol=0, atol=1e-12)
    params_grad, x_grad = pull(recorded["cotangent"])
    for name, grad in (params_grad | {"x": x_grad}).items():
        np.testing.assert_allclose(grad, recorded[f"grad_{name}"], rtol=0, atol=1e-12)


@pytest.mark.parametrize("key", cases("conv2d"))
def test_conv2d_equals_pytorch(key, golden, x64):
    options = json.loads(key)
    layer = nn.conv2d(4, 3, stride=options["stride"], padding=options["padding"])
    compare(key, golden, lambda params, x: layer.apply(params, {}, x)[0])


@pytest.mark.parametrize("key", cases("max_pool"))
def test_max_pool_equals_pytorch_ties_included(key, golden, x64):
    compare(key, golden, lambda params, x: nn.max_pool(json.loads(key)["window"])(x))


def test_linear_equals_pytorch(golden, x64):
    (key,) = cases("linear")
    compare(key, golden, lambda params, x: nn.linear(3).apply(params, {}, x)[0])


def test_cross_entropy_equals_pytorch(golden, x64):
    (key,) = cases("cross_entropy")
    labels = jnp.asarray(json.loads(key)["labels"])
    logits, want, cotangent, grad = (
        jnp.asarray(golden("layers")[f"{key}/{name}"]) for name in ("x", "y", "cotangent", "grad_x")
    )
    y, pull = jax.vjp(lambda x: jax.vmap(losses.cross_entropy)(x, labels), logits)
    np.testing.assert_allclose(y, want, rtol=0, atol=1e-12)
    np.testing.assert_allclose(pull(cotangent)[0], grad, rtol=0, atol=1e-12)


def test_cross_entropy_wants_one_example():
    with pytest.raises(ValueError, match="rank"):
        losses.cross_entropy(jnp.zeros((2, 3)), jnp.array([0, 1]))
    with pytest.raises(TypeError, match="type"):
        losses.cross_entropy(jnp.zeros(3), jnp.array(1.0))


def test_both_convolutions_agree(x64):
    """The matrix product that runs on CPUs and the convolution that runs elsewhere."""
    from jaxlearn.nn import _conv

    keys = jax.random.split(jax.random.key(0), 2)
    x, weight = jax.random.normal(keys[0], (9, 8, 3)), jax.random.normal(keys[1], (3, 3, 3, 4))
    for stride, padding in [(1, 0), (2, 1), (3, 2)]:
        patches, native = (
            jax.value_and_grad(lambda x, w, f=f, s=stride, p=padding: jnp.sum(f(x, w, s, p) ** 2), (0, 1))(
                x, weight
            )
            for f in (_conv._convolve_patches, _conv._convolve_natively)
        )
        chex.assert_trees_all_close(patches, native, rtol=1e-12)


@pytest.mark.parametrize(("platform", "native"), [("cpu", False), ("cuda", True)])
def test_each_platform_gets_its_own_convolution(platform, native):
    """On a CPU no convolution may run inside the scan of an epoch, elsewhere it must."""
    model = nn.sequential(nn.conv2d(4, 3), nn.max_pool(2))
    params, _ = model.init(jax.random.key(0), (8, 8, 1))

    def epoch(params, images):
        loss = lambda params, x: jnp.sum(jax.vmap(lambda x: model.apply(params, {}, x)[0])(x))
        step = lambda params, x: (jax.tree.map(lambda p, g: p - g, params, jax.grad(loss)(params, x)), None)
        return jax.lax.scan(step, params, images)[0]

    traced = jax.jit(epoch).trace(params, jnp.ones((3, 2, 8, 8, 1)))
    program = traced.lower(lowering_platforms=(platform,)).as_text()
    assert ("stablehlo.convolution" in program) == native
    assert "reduce_window" not in program


def test_gradients_equal_finite_differences(x64):
    model = nn.sequential(
        nn.conv2d(2, 3, padding=1), jax.nn.silu, nn.max_pool(2), nn.flatten, nn.linear(3), jax.nn.sigmoid
    )
    params, state = model.init(jax.random.key(0), (6, 6, 1))
    x = jax.random.normal(jax.random.key(1), (6, 6, 1))
    check_grads(lambda p, x: model.apply(p, state, x)[0], (params, x), order=2, modes=["rev"])


class UnderEveryTransformation(chex.TestCase):
    @chex.variants(with_jit=True, without_jit=True)
    def test_one_example_under_vmap_is_the_batch(self):
        model = nn.sequential(nn.conv2d(2, 3), nn.max_pool(2), nn.flatten, nn.linear(3))
        params, state = model.init(jax.random.key(0), (6, 6, 1))
        x = jax.random.normal(jax.random.key(1), (4, 6, 6, 1))
        apply = self.variant(lambda x: model.apply(params, state, x)[0])
        batched = self.variant(jax.vmap(lambda x: model.apply(params, state, x)[0]))
        np.testing.assert_allclose(batched(x), jnp.stack([apply(one) for one in x]), rtol=1e-5, atol=1e-6)


def test_max_pool_drops_what_fills_no_window():
    x = jnp.arange(25.0).reshape(5, 5, 1)
    y, pull = jax.vjp(nn.max_pool(2), x)
    assert y[..., 0].tolist() == [[6, 8], [16, 18]]
    assert (pull(jnp.ones_like(y))[0][4] == 0).all()


def test_sequential_passes_state_key_and_train_on():
    seen = []

    def apply(params, state, x, *, key=None, train=False):
        seen.append((key is not None, train))
        return x, {"calls": state["calls"] + 1}

    counter = nn.Layer(lambda key, shape: ({}, {"calls": jnp.zeros((), jnp.int32)}), apply)
    model = nn.sequential(jnp.tanh, counter, nn.sequential(counter))
    params, state = model.init(jax.random.key(0), (2,))
    seen.clear()
    assert params == {}
    _, state = model.apply(params, state, jnp.ones(2), key=jax.random.key(1), train=True)
    assert jax.tree.map(int, state) == {"1": {"calls": 1}, "2": {"0": {"calls": 1}}}
    assert seen == [(True, True), (True, True)]


def test_layers_draw_different_weights():
    params, _ = nn.sequential(nn.linear(3), nn.linear(3)).init(jax.random.key(0), (3,))
    assert (params["0"]["weight"] != params["1"]["weight"]).any()


@pytest.mark.parametrize("fan_in", [16, 400])
def test_he_normal_is_normal(fan_in):
    from scipy import stats

    weights = np.asarray(nn.he_normal()(jax.random.key(0), (fan_in, 5000))).ravel() / np.sqrt(2 / fan_in)
    assert abs(weights.mean()) < 5 / np.sqrt(weights.size)
    assert abs(weights.std() - 1) < 5 / np.sqrt(weights.size)
    assert stats.kstest(weights[:20000], "norm").pvalue > 1e-3


@pytest.mark.parametrize(
    ("layer", "shape", "message"),
    [
        (nn.linear(3), (28, 28, 1), r"linear\(3\): the input must have shape \(n,\), got \(28, 28, 1\)"),
        (nn.conv2d(4, 3), (784,), r"conv2d\(4, 3\): the input must have shape \(height, width, channels\)"),
        (nn.conv2d(4, 5), (4, 9, 1), r"conv2d\(4, 5\): the image must be at least 5 x 5, got 4 x 9"),
        (nn.sequential(nn.max_pool(3)), (2, 2, 1), r"max_pool\(3\): the image must be at least 3 x 3"),
    ],
)
def test_shapes_that_do_not_fit_are_told(layer, shape, message):
    with pytest.raises(ValueError, match=message):
        layer.init(jax.random.key(0), shape)


@pytest.mark.parametrize(
    "build",
    [
        lambda: nn.linear(0),
        lambda: nn.conv2d(0, 3),
        lambda: nn.conv2d(4, 0),
        lambda: nn.conv2d(4, 3, stride=0),
        lambda: nn.conv2d(4, 3, padding=-1),
        lambda: nn.max_pool(0),
    ],
)
def test_sizes_below_their_least_value_are_told(build):
    with pytest.raises(ValueError, match="must be at least"):
        build()
