"""One example's code under vmap is the batch's, batch normalisation included, on one device and on two."""

from functools import partial

import chex
import jax
import jax.numpy as jnp
import pytest

from jaxlearn import nn

BATCH, SHAPE = 8, (4, 4, 3)
every_placement = pytest.mark.parametrize("placement", ["one device", "sharded array", "shard_map"])


def build(axis_name):
    norm = partial(nn.batch_norm, axis_name=axis_name)
    return nn.sequential(
        nn.conv2d(4, 3), norm(), nn.relu, nn.residual(nn.conv2d(4, 1), norm(None)), nn.flatten, nn.linear(5)
    )


def forward(model, params, state, x):
    apply = lambda x: model.apply(params, state, x, train=True)
    return jax.vmap(apply, out_axes=(0, None), axis_name="batch")(x)


def value_and_grad(model, params, state, x):
    """A loss that sees the whole batch, its gradients, and the new state."""

    def loss(params, x):
        y, new_state = forward(model, params, state, x)
        return jnp.mean(jnp.sin(y)), new_state

    return jax.value_and_grad(loss, argnums=(0, 1), has_aux=True)(params, x)


def by_hand(params, state, x):
    """The same model on the batch as a whole, as it is written without vmap."""

    def normalize(p, s, x, momentum):
        axes = (0, 1, 2)
        mean, var = x.mean(axes), x.var(axes)
        n = x.size // x.shape[-1]
        wide = lambda v: jnp.broadcast_to(v, x.shape)
        y = (x - wide(mean)) / wide(jnp.sqrt(var + 1e-5)) * wide(p["weight"]) + wide(p["bias"])
        share = 1.0 if momentum is None else momentum
        batches = {"batches": s["batches"] + 1} if momentum is None else {}
        unbiased = var * (n / (n - 1))
        return y, batches | {
            "mean": (1 - share) * s["mean"] + share * mean,
            "var": (1 - share) * s["var"] + share * unbiased,
        }

    def convolve(p, x):
        y = jax.lax.conv_general_dilated(
            x, p["weight"], (1, 1), "VALID", dimension_numbers=("NHWC", "OHWI", "NHWC")
        )
        return y + jnp.broadcast_to(p["bias"], y.shape)

    def loss(params, x):
        y, outer = normalize(params["1"], state["1"], convolve(params["0"], x), 0.1)
        h = jnp.maximum(y, 0)
        y, inner = normalize(
            params["3"]["inner"]["1"],
            state["3"]["inner"]["1"],
            convolve(params["3"]["inner"]["0"], h),
            None,
        )
        flat = (h + y).reshape(len(x), -1)
        logits = flat @ params["5"]["weight"].T
        logits = logits + jnp.broadcast_to(params["5"]["bias"], logits.shape)
        return jnp.mean(jnp.sin(logits)), {"1": outer, "3": {"inner": {"1": inner}}}

    return jax.value_and_grad(loss, argnums=(0, 1), has_aux=True)(params, x)


@every_placement
def test_vmap_is_the_batch_on_one_device_and_on_two(placement, x64, two_devices):
    model = build("batch")
    params, state = model.init(jax.random.key(0), SHAPE)
    x = jax.random.normal(jax.random.key(1), (BATCH, *SHAPE)) + 1
    expected = by_hand(params, state, x)
    mesh = jax.make_mesh((2,), ("devices",), axis_types=(jax.sharding.AxisType.Auto,), devices=two_devices)
    if placement == "one device":
        result = jax.jit(partial(value_and_grad, model))(params, state, x)
    elif placement == "sharded array":
        sharded = jax.device_put(x, jax.sharding.NamedSharding(mesh, jax.P("devices")))
        result = jax.jit(partial(value_and_grad, model))(params, state, sharded)
        assert len(result[1][1].sharding.device_set) == 2
    else:
        both = build(("devices", "batch"))

        in_specs = (jax.P(), jax.P(), jax.P("devices"))

        @partial(jax.shard_map, mesh=mesh, in_specs=in_specs, out_specs=jax.P(), check_vma=False)
        def on_two(params, state, x):
            y, new_state = forward(both, params, state, x)
            return jax.lax.pmean(jnp.mean(jnp.sin(y)), "devices"), new_state

        def loss(params, x):
            return on_two(params, state, x)

        result = jax.jit(jax.value_and_grad(loss, argnums=(0, 1), has_aux=True))(params, x)
    chex.assert_trees_all_close(result, expected, rtol=0, atol=1e-13)


def test_running_means_are_used_when_not_training(x64):
    model = build("batch")
    params, state = model.init(jax.random.key(0), SHAPE)
    x = jax.random.normal(jax.random.key(1), (BATCH, *SHAPE)) + 1
    _, state = forward(model, params, state, x)
    one = model.apply(params, state, x[0])
    chex.assert_trees_all_equal(one[1], state)
    shifted = jax.tree.map(lambda s: s + 1, state)
    assert (model.apply(params, shifted, x[0])[0] != one[0]).any()


def test_statistics_of_half_precision_are_exact():
    """A mean of bfloat16 numbers that is taken in bfloat16 would be off by whole units."""
    norm = nn.batch_norm(momentum=1.0)
    params, state = norm.init(jax.random.key(0), (1,))
    x = (1000 + jnp.arange(8.0)[:, None] * 8).astype(jnp.bfloat16)
    apply = lambda x: norm.apply(params, state, x, train=True)
    y, state = jax.vmap(apply, out_axes=(0, None), axis_name="batch")(x)
    assert (y.dtype, state["mean"].dtype) == (jnp.bfloat16, jnp.float32)
    assert state["mean"][0] == 1028
    assert abs(state["var"][0] - 384) < 1e-3
