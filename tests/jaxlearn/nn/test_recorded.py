"""Every layer and activation against recorded PyTorch results: values, gradients of parameters and inputs."""

import inspect

import jax
import pytest

from jaxlearn import nn
from tests.jaxlearn.recorded import cases, compare

every_case = lambda *layers: pytest.mark.parametrize("case", cases("layers", *layers), ids=str)
# recorded or shown elsewhere: how layers compose, and what draws random numbers
ELSEWHERE = {"each", "flatten", "parallel", "residual", "sequential", "dropout"}
RECURRENT = {"rnn", "lstm", "gru", "multi_head_attention", "embedding"}


def on_batch(layer):
    """One-example code under vmap, as a function of the batch and the parameters."""
    return lambda x, **params: jax.vmap(lambda x: layer.apply(params, {}, x)[0])(x)


def options_of(case, *left_out):
    return {name: value for name, value in case.options.items() if name not in ("layer", *left_out)}


@every_case("linear")
def test_linear(case, x64):
    compare(case, on_batch(nn.linear(3, **options_of(case))))


@every_case("conv1d", "conv2d")
def test_convolutions(case, x64):
    layer = getattr(nn, case.options["layer"])
    compare(case, on_batch(layer(8, case.options["kernel"], **options_of(case, "kernel"))))


@every_case("max_pool", "avg_pool", "adaptive_avg_pool")
def test_pools_ties_included(case, x64):
    pool = getattr(nn, case.options["layer"])(**options_of(case, "axes"))
    compare(case, lambda x: jax.vmap(pool)(x))


@every_case("layer_norm", "rms_norm")
def test_layer_and_rms_norm(case, x64):
    compare(case, on_batch(getattr(nn, case.options["layer"])(**options_of(case))))


@every_case("group_norm")
def test_group_norm(case, x64):
    compare(case, on_batch(nn.group_norm(eps=1e-3, **options_of(case, "shape"))))


@every_case("batch_norm")
def test_batch_norm(case, x64):
    """A warm-up batch first, so that the running means are not their first values; then the recorded one."""
    norm = nn.batch_norm(
        case.options["momentum"], 1e-3, case.options["affine"], track_running_stats=case.options["track"]
    )

    def on_batch(x, warm_up, **params):
        first_params, state = norm.init(jax.random.key(0), x.shape[1:])
        assert first_params.keys() == params.keys()

        def forward(state, x, train):
            apply = lambda x: norm.apply(params, state, x, train=train)
            return jax.vmap(apply, out_axes=(0, None), axis_name="batch")(x)

        _, state = forward(state, warm_up, True)
        y, state = forward(state, x, case.options["train"])
        return y, {name: value for name, value in state.items() if name != "batches"}

    compare(case, on_batch)


@every_case("activation")
def test_activations_kinks_and_ends_included(case, x64):
    function = nn.activation(case.options["name"])
    compare(case, lambda x: function(x, **options_of(case, "name")))


@every_case("prelu")
def test_prelu(case, x64):
    compare(case, on_batch(nn.prelu(case.options["per_channel"])))


def test_every_layer_and_activation_is_recorded():
    """Whatever is public, by itself or as what a factory makes."""
    recorded = {case.options["layer"] for case in cases("layers", *nn.__all__)}
    activations = {case.options["name"] for case in cases("layers", "activation")}
    assert activations == set(nn.ACTIVATIONS)
    factories = {
        name
        for name in nn.__all__
        if inspect.isfunction(getattr(nn, name))
        and inspect.signature(getattr(nn, name)).return_annotation in (nn.Layer, "Function")
    }
    assert factories - {"layer", "activation"} <= recorded | ELSEWHERE | RECURRENT
