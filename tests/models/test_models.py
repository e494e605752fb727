"""The architectures: sizes, first weights, gradients, and that each of them learns."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from jaxlearn import data, losses, metrics, optim, training
from jaxlearn.cli._choice import sizes_of
from models import MODELS
from optimizers import OPTIMIZERS
from tests.jaxlearn.sample import sample

PARAMETERS = {
    "mlp": 784 * 100 + 100 + 100 * 100 + 100 + 100 * 10 + 10,
    "mlp-relu": 784 * 100 + 100 + 100 * 100 + 100 + 100 * 10 + 10,
    "cnn": (9 * 16 + 16) + (9 * 16 * 32 + 32) + (800 * 120 + 120) + (120 * 84 + 84) + (84 * 10 + 10),
    "cnn-large": (25 * 20 + 20) + (25 * 20 * 50 + 50) + (800 * 500 + 500) + (500 * 10 + 10),
    "cnn-bn": (9 * 16 + 32) + (9 * 16 * 32 + 64) + (800 * 128 + 256) + (128 * 10 + 10),
    "resnet": (9 * 16 + 32)
    + (2 * 9 * 16 * 16 + 64)
    + (9 * 16 * 32 + 9 * 32 * 32 + 16 * 32 + 192)
    + (9 * 32 * 64 + 9 * 64 * 64 + 32 * 64 + 384)
    + (64 * 10 + 10),
    "lstm": (28 * 512 + 128 * 512 + 2 * 512) + (128 * 10 + 10),
    "softmax": 784 * 10 + 10,
}
every_model = pytest.mark.parametrize("name", MODELS)


@every_model
def test_sizes(name):
    params, state = jax.eval_shape(lambda: MODELS[name]().init(jax.random.key(0), (28, 28, 1)))
    assert sum(leaf.size for leaf in jax.tree.leaves(params)) == PARAMETERS[name]
    image = jax.ShapeDtypeStruct((28, 28, 1), jnp.float32)
    assert jax.eval_shape(MODELS[name]().apply, params, state, image)[0].shape == (10,)


@every_model
def test_first_weights(name):
    """Normal with variance 2 / fan-in (1 / fan-in for the convolutions of `cnn`); biases 0."""
    params, _ = jax.jit(MODELS[name]().init, static_argnums=1)(jax.random.key(0), (28, 28, 1))
    for path, leaf in jax.tree_util.tree_leaves_with_path(params):
        place = jax.tree_util.keystr(path, simple=True, separator="/")
        if leaf.ndim > 1 and place.endswith("/weight"):
            gain = 1 if name == "cnn" and leaf.ndim == 4 else 2
            std = np.sqrt(gain / np.prod(leaf.shape[1:]))
            assert abs(np.std(leaf) / std - 1) < 5 / np.sqrt(2 * leaf.size), place
        elif place.endswith("/bias"):
            assert not np.any(leaf), place
        else:  # the scales of batch norm, the LSTM's weights
            assert place.endswith("/weight") or place.startswith("1/0/"), place
            assert (np.all(leaf == 1)) != (np.max(np.abs(leaf)) <= 1 / np.sqrt(128)), place


SIZES = {
    "mlp": {"hidden": 7, "activation": "gelu"},
    "mlp-relu": {"hidden": 7},
    "cnn-bn": {"channels": 3, "dropout": 0.1},
    "resnet": {"channels": 4, "stages": 2},
    "lstm": {"hidden": 6, "layers": 2},
}


@every_model
def test_sizes_that_are_set(name):
    """Every size is one that a line of text can set, changes the model, and is no hyperparameter's name."""
    known = sizes_of(MODELS[name])
    assert known.keys() == SIZES.get(name, {}).keys()
    assert not any(known.keys() & recipe.hyperparameters.keys() for recipe in OPTIMIZERS.values())
    program = lambda **sizes: str(_program(MODELS[name](10, **sizes)))
    plain = program()
    for size, value in SIZES.get(name, {}).items():
        assert program(**{size: value}) != plain, size


def _program(model):
    params, state = jax.eval_shape(lambda: model.init(jax.random.key(0), (28, 28, 1)))
    apply = lambda params, state, x, key: model.apply(params, state, x, key=key, train=True)
    batch = jax.ShapeDtypeStruct((2, 28, 28, 1), jnp.float32)
    keys = jax.eval_shape(lambda: jax.random.split(jax.random.key(0), 2))
    forward = jax.vmap(apply, (None, None, 0, 0), (0, None), axis_name="batch")
    return jax.make_jaxpr(forward)(params, state, batch, keys)


@every_model
def test_other_images_and_classes(name):
    model = MODELS[name](classes=7)
    params, state = jax.eval_shape(lambda: model.init(jax.random.key(0), (32, 32, 3)))
    image = jax.ShapeDtypeStruct((32, 32, 3), jnp.float32)
    assert jax.eval_shape(model.apply, params, state, image)[0].shape == (7,)


@pytest.mark.parametrize("name", sample(4, MODELS))
def test_gradients_equal_finite_differences(name, x64):
    model = MODELS[name]()
    params, state = jax.jit(model.init, static_argnums=1)(jax.random.key(0), (28, 28, 1))
    x = jax.random.uniform(jax.random.key(1), (28, 28, 1))
    loss = lambda params: losses.cross_entropy(model.apply(params, state, x)[0], jnp.array(3))
    check_grads(jax.jit(loss), (params,), order=1, modes=["rev"], eps=1e-6)


@pytest.mark.parametrize("name", sample(4, MODELS))
def test_learns_digits(name):
    digits = data.load("digits")
    train = data.Split(*(jnp.asarray(array[:1408]) for array in digits.train))  # 44 batches, nothing remains
    model = MODELS[name]()
    run = training.make_run(model, optim.adam(3e-3), batch_size=32)
    draw = jax.jit(lambda key: training.draw_start(model, key, train.images.shape[1:]))
    state = run.init(draw(jax.random.key(0)), train)
    epoch = jax.jit(run.advance)
    for _ in range(8 if name == "lstm" else 4):
        state = epoch(state, train)
    evaluate = jax.jit(partial(training.evaluate, model))
    result = evaluate(state.params, state.model_state, digits.test.images, digits.test.labels)
    assert metrics.accuracy(result.confusion) > 0.85


@every_model
def test_an_epoch_can_be_lowered_for_a_gpu(name):
    """One run, and several side by side, with a last smaller batch; convolutions are left to the vendor."""
    model, train = MODELS[name](), data.Split(np.zeros((10, 28, 28, 1), np.uint8), np.zeros(10, np.int32))
    run = training.make_run(model, optim.adam(), batch_size=4)
    first = lambda key: run.init(training.draw_start(model, key, (28, 28, 1)), train)
    state = jax.eval_shape(first, jax.random.key(0))
    runs = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct((2, *leaf.shape), leaf.dtype), state)
    many = jax.vmap(run.advance, in_axes=(0, None))
    for epoch, states in ((run.advance, state), (many, runs)):
        lowered = jax.jit(epoch).trace(states, train).lower(lowering_platforms=("cuda",))
        convolutional = any(leaf.ndim == 4 for leaf in jax.tree.leaves(state.params))
        assert ("stablehlo.convolution" in lowered.as_text()) == convolutional
