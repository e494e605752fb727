"""The architectures: sizes, first weights, gradients, and that each of them learns."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from jaxlearn import data, losses, optim, training
from models import MODELS

PARAMETERS = {
    "mlp": 784 * 100 + 100 + 100 * 100 + 100 + 100 * 10 + 10,
    "mlp-relu": 784 * 100 + 100 + 100 * 100 + 100 + 100 * 10 + 10,
    "cnn": (9 * 16 + 16) + (9 * 16 * 32 + 32) + (800 * 120 + 120) + (120 * 84 + 84) + (84 * 10 + 10),
    "cnn-large": (25 * 20 + 20) + (25 * 20 * 50 + 50) + (800 * 500 + 500) + (500 * 10 + 10),
    "softmax": 784 * 10 + 10,
}
every_model = pytest.mark.parametrize("name", MODELS)


@every_model
def test_sizes(name):
    params, state = MODELS[name]().init(jax.random.key(0), (28, 28, 1))
    assert sum(leaf.size for leaf in jax.tree.leaves(params)) == PARAMETERS[name]
    assert MODELS[name]().apply(params, state, jnp.zeros((28, 28, 1)))[0].shape == (10,)


@every_model
def test_first_weights(name):
    """Normal with variance 2 / fan-in (1 / fan-in for the convolutions of `cnn`); biases 0."""
    params, _ = MODELS[name]().init(jax.random.key(0), (28, 28, 1))
    for layer in params.values():
        weight = np.asarray(layer["weight"])
        gain = 1 if name == "cnn" and weight.ndim == 4 else 2
        std = np.sqrt(gain / np.prod(weight.shape[:-1]))
        assert abs(weight.std() / std - 1) < 5 / np.sqrt(2 * weight.size)
        assert not np.any(layer["bias"])


@every_model
def test_other_images_and_classes(name):
    model = MODELS[name](classes=7)
    params, state = model.init(jax.random.key(0), (32, 32, 3))
    assert model.apply(params, state, jnp.zeros((32, 32, 3)))[0].shape == (7,)


@every_model
def test_gradients_equal_finite_differences(name, x64):
    model = MODELS[name]()
    params, state = model.init(jax.random.key(0), (28, 28, 1))
    x = jax.random.uniform(jax.random.key(1), (28, 28, 1))
    loss = lambda params: losses.cross_entropy(model.apply(params, state, x)[0], jnp.array(3))
    check_grads(loss, (params,), order=1, modes=["rev"], eps=1e-6)


@every_model
def test_learns_digits(name):
    digits = data.load("digits")
    train, validation = data.hold_out(digits.train, 0)
    program = training.compile_run(
        MODELS[name](), optim.adam(3e-3), train, validation, digits.test, batch_size=32, seed=0
    )
    *_, (state, _) = training.fit(program, 4)
    confusion = program.test(state).confusion
    assert np.trace(confusion) / confusion.sum() > 0.85
