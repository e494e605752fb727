"""What layers do beyond single values: both convolutions, gradients, randomness, types, errors."""

import re

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from jaxlearn import nn


def everything():
    """A model that holds nearly every layer."""
    return nn.sequential(
        nn.conv2d(4, 3, padding=1, groups=1),
        nn.batch_norm(),
        nn.silu,
        nn.max_pool(3, stride=2, padding=1),
        nn.residual(nn.conv2d(4, 3, padding="same", dilation=2), nn.group_norm(2), nn.gelu),
        nn.parallel(nn.conv2d(2, 1), nn.sequential(nn.avg_pool(3, stride=1, padding=1), nn.conv2d(3, 1))),
        nn.prelu(per_channel=True),
        nn.adaptive_avg_pool(2),
        lambda x: x.reshape(4, -1),
        nn.each(nn.linear(6)),
        nn.layer_norm(),
        nn.conv1d(4, 2),
        nn.rms_norm(2),
        nn.dropout(0.3),
        nn.flatten,
        nn.linear(3),
    )


def on_batch(model, state, keys):
    """The model while it trains, as a function of its parameters and a batch."""

    def forward(params, x):
        apply = lambda x, key: model.apply(params, state, x, key=key, train=True)
        return jax.vmap(apply, out_axes=(0, None), axis_name="batch")(x, keys)

    return forward


def test_gradients_equal_finite_differences(x64):
    model = everything()
    params, state = jax.jit(model.init, static_argnums=1)(jax.random.key(0), (6, 6, 1))
    x = jax.random.normal(jax.random.key(1), (3, 6, 6, 1))
    forward = on_batch(model, state, jax.random.split(jax.random.key(2), 3))
    check_grads(jax.jit(lambda params, x: forward(params, x)[0]), (params, x), order=1, modes=["rev"])


def test_second_derivatives_equal_finite_differences(x64):
    model = nn.sequential(nn.conv2d(2, 3), nn.batch_norm(), nn.silu, nn.max_pool(2), nn.flatten, nn.linear(2))
    params, state = model.init(jax.random.key(0), (6, 6, 1))
    x = jax.random.normal(jax.random.key(1), (3, 6, 6, 1))
    forward = on_batch(model, state, None)
    check_grads(jax.jit(lambda params, x: forward(params, x)[0]), (params, x), order=2, modes=["rev"])


class UnderEveryTransformation(chex.TestCase):
    @chex.variants(with_jit=True, without_jit=True)
    def test_one_example_under_vmap_is_the_batch(self):
        model = nn.sequential(nn.conv2d(2, 3), nn.group_norm(2), nn.max_pool(2), nn.flatten, nn.linear(3))
        params, state = model.init(jax.random.key(0), (6, 6, 1))
        x = jax.random.normal(jax.random.key(1), (4, 6, 6, 1))
        apply = self.variant(lambda x: model.apply(params, state, x)[0])
        batched = self.variant(jax.vmap(lambda x: model.apply(params, state, x)[0]))
        np.testing.assert_allclose(batched(x), jnp.stack([apply(one) for one in x]), rtol=1e-5, atol=1e-5)


def test_every_layer_on_one_example_under_vmap_is_the_batch():
    model = everything()
    params, state = jax.jit(model.init, static_argnums=1)(jax.random.key(0), (6, 6, 1))
    x = jax.random.normal(jax.random.key(1), (4, 6, 6, 1))
    apply = jax.jit(lambda x: model.apply(params, state, x)[0])
    np.testing.assert_allclose(
        jax.jit(jax.vmap(apply))(x), jnp.stack([apply(one) for one in x]), rtol=1e-5, atol=1e-5
    )


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16, jnp.float64])
def test_types_are_kept(dtype):
    with jax.enable_x64(dtype == jnp.float64):
        model = everything()
        params, state = jax.eval_shape(lambda: model.init(jax.random.key(0), (6, 6, 1)))
        params = jax.tree.map(lambda p: jax.ShapeDtypeStruct(p.shape, dtype), params)
        keys = jax.random.split(jax.random.key(0), 2)
        x = jax.ShapeDtypeStruct((2, 6, 6, 1), dtype)
        forward = lambda params, state, x: on_batch(model, state, keys)(params, x)
        y, new_state = jax.eval_shape(forward, params, state, x)
        assert y.dtype == dtype
        chex.assert_trees_all_equal_shapes_and_dtypes(state, new_state)


def test_max_pool_drops_what_fills_no_window():
    x = jnp.arange(25.0).reshape(5, 5, 1)
    y, pull = jax.vjp(nn.max_pool(2), x)
    assert y[..., 0].tolist() == [[6, 8], [16, 18]]
    assert (pull(jnp.ones_like(y))[0][4] == 0).all()


def test_softplus_and_sigmoid_stay_finite_at_both_ends():
    x = jnp.array([-1e30, -1e3, 0.0, 1e3, 1e30])
    for function in (nn.softplus, nn.sigmoid, nn.log_softmax, nn.mish, nn.elu, nn.gelu):
        y, pull = jax.vjp(function, x)
        assert np.isfinite(y).all()
        assert np.isfinite(pull(jnp.ones(5))[0]).all()


def test_dropout(x64):
    rate, x = 0.3, jnp.linspace(1, 2, 100_000)
    layer = nn.dropout(rate)
    assert layer.apply({}, {}, x)[0] is x
    y, pull = jax.vjp(lambda x: layer.apply({}, {}, x, key=jax.random.key(0), train=True)[0], x)
    kept = np.asarray(y != 0)
    assert abs(kept.mean() - 0.7) < 5 * np.sqrt(0.3 * 0.7 / kept.size)
    np.testing.assert_allclose(y[kept], x[kept] / 0.7, rtol=1e-15)
    np.testing.assert_allclose(pull(jnp.ones_like(y))[0], kept / 0.7, rtol=1e-15)
    again, other = (layer.apply({}, {}, x, key=jax.random.key(k), train=True)[0] for k in (0, 1))
    np.testing.assert_allclose(again, y, rtol=1e-15)
    assert ((other != 0) != kept).any()


def test_dropout_draws_for_each_example_and_place():
    model = nn.sequential(nn.dropout(), nn.dropout())
    apply = lambda key: model.apply({}, {}, jnp.ones(1000), key=key, train=True)[0]
    first, second = jax.vmap(apply)(jax.random.split(jax.random.key(0), 2))
    assert (first != second).any()
    assert 150 < (first != 0).sum() < 350  # a quarter: the two layers do not drop the same


@pytest.mark.parametrize(("rate", "factor"), [(0, 1), (1, 0), (0.0, 1), (1.0, 0)])
def test_dropout_of_nothing_and_of_all_needs_no_key(rate, factor):
    y, pull = jax.vjp(lambda x: nn.dropout(rate).apply({}, {}, x, train=True)[0], jnp.ones(3))
    assert y.tolist() == [factor] * 3
    assert pull(y)[0].tolist() == [factor] * 3


@pytest.mark.parametrize(
    ("layer", "shape", "message"),
    [
        (nn.linear(3), (28, 28, 1), "linear(3): the input must have shape (n,), got (28, 28, 1)"),
        (nn.conv2d(4, 3), (784,), "conv2d(4, 3): the input must have shape (height, width, channels)"),
        (nn.conv2d(4, 5), (4, 9, 1), "conv2d(4, 5): the input must be at least 5 x 5, got 4 x 9"),
        (nn.conv2d(4, 3, dilation=3), (6, 9, 1), "the input must be at least 7 x 7, got 6 x 9"),
        (nn.conv2d(4, 3, groups=2), (6, 9, 3), "groups must divide the channels, got 2 for 3"),
        (nn.conv1d(4, 3), (8,), "conv1d(4, 3): the input must have shape (time, channels), got (8,)"),
        (
            nn.sequential(nn.max_pool(3)),
            (2, 2, 1),
            "max_pool(3): the input must be at least 3 x 3, got 2 x 2",
        ),
        (nn.sequential(nn.max_pool((3, 3))), (9, 1), "must have shape (height, width, channels), got (9, 1)"),
        (nn.sequential(nn.adaptive_avg_pool(1)), (9,), "(time, channels) or (height, width, channels)"),
        (nn.group_norm(4), (2, 2, 6), "group_norm(4): groups must divide the channels, got 4"),
        (nn.layer_norm(3), (2, 6), "layer_norm(3): the input must have at least 3 axes, got shape (2, 6)"),
        (nn.batch_norm(), (), "batch_norm(): the input must have shape (..., channels), got ()"),
        (nn.prelu(per_channel=True), (), "prelu: the input must have shape (..., channels), got ()"),
        (nn.each(nn.linear(2)), (), "each linear(2): the input must have at least one axis"),
        (nn.sequential(nn.linear(2), nn.conv2d(1, 1)), (3,), "sequential, part 1: conv2d(1, 1): the input"),
        (
            nn.sequential(nn.relu, nn.residual(nn.linear(2))),
            (3,),
            "part 1: residual: the parts make shape (2,), the shortcut (3,); they must agree",
        ),
        (
            nn.parallel(nn.conv2d(1, 1), nn.conv2d(1, 3)),
            (5, 5, 1),
            "the branches make shapes (5, 5, 1) and (3, 3, 1); all but the last axis must agree",
        ),
        (
            nn.sequential(nn.linear(6), lambda x: x.reshape(4)),
            (3,),
            "sequential, part 1: <lambda>: does not take an input of shape (6,): cannot reshape",
        ),
    ],
)
def test_shapes_that_do_not_fit_are_told(layer, shape, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        layer.init(jax.random.key(0), shape)


@pytest.mark.parametrize(
    ("layer", "shape", "other", "message"),
    [
        (nn.linear(3), (4,), (5,), "linear(3): the input must have shape (4,), got (5,)"),
        (nn.linear(3), (4,), (2, 4), "linear(3): the input must have shape (4,), got (2, 4)"),
        (nn.conv2d(3, 2), (4, 4, 2), (4, 4, 1), "must have shape (height, width, 2), got (4, 4, 1)"),
        (nn.conv2d(3, 2, groups=3), (4, 4, 3), (4, 4, 1), "must have shape (height, width, 3), got "),
        (nn.batch_norm(), (4, 2), (4, 3), "batch_norm(): the input must have shape (..., 2), got (4, 3)"),
        (nn.group_norm(1), (4, 2), (4, 3), "the input must have shape (..., 2), got (4, 3)"),
        (nn.layer_norm(2), (4, 2), (4, 3), "the input must have shape (4, 2), got (4, 3)"),
        (nn.prelu(per_channel=True), (4, 2), (4, 3), "prelu: the input must have shape (..., 2), got (4, 3)"),
    ],
)
def test_inputs_that_do_not_fit_the_weights_are_told(layer, shape, other, message):
    params, state = layer.init(jax.random.key(0), shape)
    with pytest.raises(ValueError, match=re.escape(message)):
        layer.apply(params, state, jnp.ones(other))


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: nn.linear(0), "linear: features must be in [1, inf), got 0"),
        (lambda: nn.conv2d(0, 3), "conv2d: features must be in [1, inf), got 0"),
        (lambda: nn.conv2d(4, 0), "conv2d: kernel_size must be in [1, inf), got 0"),
        (lambda: nn.conv2d(4, (3, 3, 3)), "conv2d: kernel_size must be one number or 2, got (3, 3, 3)"),
        (lambda: nn.conv2d(4, 3, stride=0), "conv2d: stride must be in [1, inf), got 0"),
        (lambda: nn.conv2d(4, 3, padding=-1), "conv2d: padding must be in [0, inf), got -1"),
        (lambda: nn.conv2d(4, 3, padding="full"), "conv2d: padding must be same or valid, got 'full'"),
        (lambda: nn.conv2d(4, 3, 2, "same"), "conv2d: padding 'same' needs a stride of 1, got (2, 2)"),
        (lambda: nn.conv1d(4, 3, groups=3), "conv1d: features must be a multiple of groups, got 4 and 3"),
        (lambda: nn.max_pool(0), "max_pool: window must be in [1, inf), got 0"),
        (lambda: nn.avg_pool(2, padding=2), "avg_pool: padding must be at most half a window, got 2 for 2"),
        (lambda: nn.adaptive_avg_pool(0), "adaptive_avg_pool: size must be in [1, inf), got 0"),
        (lambda: nn.dropout(1.5), "dropout: rate must be in [0, 1], got 1.5"),
        (lambda: nn.batch_norm(momentum=2.0), "batch_norm: momentum must be in [0, 1], got 2"),
        (lambda: nn.layer_norm(eps=-1.0), "layer_norm: eps must be in [0, inf), got -1"),
        (lambda: nn.group_norm(0), "group_norm: groups must be in [1, inf), got 0"),
        (lambda: nn.gelu(jnp.ones(1), "erf"), "gelu: approximate must be none or tanh, got 'erf'"),
        (lambda: nn.activation("rleu"), "activation 'rleu' is unknown; did you mean relu?"),
        (lambda: nn.activation("step"), "activation 'step' is unknown; known are elu, gelu, "),
        (lambda: nn.parallel(), "parallel: at least one branch is needed, got none"),
    ],
)
def test_arguments_outside_their_range_are_told(build, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        build()


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: nn.linear(2.5), "linear: features must be a whole number, got 2.5"),
        (lambda: nn.sequential("relu"), "a layer or a function of one array is needed, got 'relu'"),
    ],
)
def test_arguments_of_another_type_are_told(build, message):
    with pytest.raises(TypeError, match=message):
        build()


def test_training_without_what_it_needs_is_told():
    with pytest.raises(ValueError, match="dropout: dropout needs a random key"):
        nn.dropout().apply({}, {}, jnp.ones(2), train=True)
    params, state = nn.batch_norm().init(jax.random.key(0), (2,))
    with pytest.raises(
        ValueError, match="batch_norm: there is no batch axis 'batch'; apply it under jax.vmap"
    ):
        nn.batch_norm().apply(params, state, jnp.ones(2), train=True)
    alone = jax.vmap(lambda x: nn.batch_norm().apply(params, state, x, train=True)[0], axis_name="batch")
    with pytest.raises(
        ValueError, match="batch_norm: a batch must have more than one number for each channel"
    ):
        alone(jnp.ones((1, 2)))
