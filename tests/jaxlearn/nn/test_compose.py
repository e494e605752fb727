"""How layers compose, and what a summary says of them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxlearn import nn


def counter(seen):
    """A layer that notes what it is called with, and counts the calls."""

    def apply(params, state, x, *, key=None, train=False):
        seen.append((key is not None, train))
        return x, {"calls": state["calls"] + 1}

    return nn.Layer(lambda key, shape: ({}, {"calls": jnp.zeros((), jnp.int32)}), apply)


def test_state_key_and_train_are_passed_on():
    seen = []
    model = nn.sequential(
        jnp.tanh,
        counter(seen),
        nn.sequential(counter(seen)),
        nn.residual(counter(seen)),
        nn.parallel(nn.relu, counter(seen)),
        nn.each(counter(seen)),
    )
    params, state = model.init(jax.random.key(0), (2,))
    seen.clear()
    assert params == {}
    x, state = model.apply(params, state, jnp.ones(2), key=jax.random.key(1), train=True)
    assert x.shape == (4,)
    calls = {"calls": 1}
    expected = {"1": calls, "2": {"0": calls}, "3": {"inner": {"0": calls}}, "4": {"1": calls}, "5": calls}
    assert jax.tree.map(int, state) == expected
    assert seen == [(True, True)] * 5


def test_layers_draw_different_weights():
    params, _ = nn.parallel(nn.linear(3), nn.residual(nn.linear(3))).init(jax.random.key(0), (3,))
    assert (params["0"]["weight"] != params["1"]["inner"]["0"]["weight"]).any()


def test_residual_with_a_shortcut(x64):
    model = nn.residual(nn.conv2d(4, 3, stride=2, padding=1), nn.relu, shortcut=nn.conv2d(4, 1, stride=2))
    params, _ = model.init(jax.random.key(0), (6, 6, 2))
    x = jax.random.normal(jax.random.key(1), (6, 6, 2))
    inner = nn.relu(nn.conv2d(4, 3, stride=2, padding=1).apply(params["inner"]["0"], {}, x)[0])
    short = nn.conv2d(4, 1, stride=2).apply(params["shortcut"], {}, x)[0]
    np.testing.assert_allclose(model.apply(params, {}, x)[0], inner + short, rtol=1e-15)


def test_parallel_joins_as_told(x64):
    model = nn.parallel(nn.linear(2), nn.linear(2), join=sum)
    params, _ = model.init(jax.random.key(0), (3,))
    x = jnp.arange(3.0)
    separate = [nn.linear(2).apply(params[name], {}, x)[0] for name in ("0", "1")]
    np.testing.assert_allclose(model.apply(params, {}, x)[0], separate[0] + separate[1], rtol=1e-15)


def test_each_is_a_loop():
    layer = nn.linear(3)
    params, _ = nn.each(layer).init(jax.random.key(0), (5, 2))
    x = jnp.arange(10.0).reshape(5, 2)
    loop = jnp.stack([layer.apply(params, {}, row)[0] for row in x])
    np.testing.assert_allclose(nn.each(layer).apply(params, {}, x)[0], loop, rtol=1e-6)


def test_linear_on_no_parts():
    params, state = nn.sequential().init(jax.random.key(0), (2,))
    assert (params, state) == ({}, {})


# what torch.utils.flop_counter.FlopCounterMode counts for one example
FLOPS = [
    (nn.linear(10), (784,), 2 * 784 * 10),
    (nn.conv2d(16, 3), (28, 28, 1), 2 * 26 * 26 * 9 * 16),
    (nn.conv2d(16, 3, stride=2, padding=1, groups=2), (28, 28, 8), 2 * 14 * 14 * 9 * 4 * 16),
    (nn.conv1d(6, 5, dilation=2), (28, 3), 2 * 20 * 5 * 3 * 6),
    (nn.each(nn.linear(10)), (7, 4), 7 * 2 * 4 * 10),
    (nn.sequential(nn.batch_norm(), nn.relu, nn.max_pool(2)), (28, 28, 1), 0),
]


@pytest.mark.parametrize(("layer", "shape", "flops"), FLOPS, ids=lambda v: getattr(v, "name", str(v)))
def test_flops(layer, shape, flops):
    assert nn.summarize(layer, shape)[0].flops == flops


def test_flops_of_a_loop_count_every_turn():
    loop = lambda x: jax.lax.fori_loop(0, 5, lambda i, x: jnp.ones((4, 4)) @ x, x)
    assert nn.summarize(nn.sequential(loop), (4,))[0].flops == 5 * 2 * 16


def test_summary_shows_every_layer(capsys):
    model = nn.sequential(
        nn.residual(nn.conv2d(4, 3, padding=1), nn.batch_norm(), shortcut=nn.conv2d(4, 1)),
        nn.max_pool(2),
        nn.flatten,
        nn.dropout(0.5),
        nn.linear(10),
    )
    nn.summary(model, (8, 8, 1))
    assert capsys.readouterr().out.splitlines() == [
        "layer                      output     parameters  FLOPs",
        "sequential                 (10,)             706  6,400",
        "  0 residual               (8, 8, 4)          56  5,120",
        "    inner sequential       (8, 8, 4)          48  4,608",
        "      0 conv2d(4, 3)       (8, 8, 4)          40  4,608",
        "      1 batch_norm()       (8, 8, 4)           8      0",
        "    shortcut conv2d(4, 1)  (8, 8, 4)           8    512",
        "  1 max_pool(2)            (4, 4, 4)           0      0",
        "  2 flatten                (64,)               0      0",
        "  3 dropout(0.5)           (64,)               0      0",
        "  4 linear(10)             (10,)             650  1,280",
    ]


def test_summary_of_layers_that_do_not_fit():
    with pytest.raises(ValueError, match=r"sequential, part 0: linear\(3\): the input must have shape"):
        nn.summary(nn.sequential(nn.linear(3)), (2, 2))
