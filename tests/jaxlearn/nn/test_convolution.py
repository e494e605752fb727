"""`conv_general_dilated` against JAX's own, which is not our code."""

import re
from functools import partial

import chex
import hypothesis
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import strategies
from jax import lax
from jax.sharding import AxisType, PartitionSpec

from jaxlearn import nn
from jaxlearn.nn import _canonical, _convolution

NHWC = ("NHWC", "HWIO", "NHWC")
close = partial(chex.assert_trees_all_close, rtol=1e-10, atol=1e-10)


def operands(images, kernels, dtype=None):
    keys = jax.random.split(jax.random.key(0), 2)
    return tuple(
        jax.random.normal(key, shape, dtype) for key, shape in zip(keys, (images, kernels), strict=True)
    )


def both(measure, *arguments, **options):
    """What `measure(convolve, *arguments)` is with our convolution and with JAX's."""
    for own in (nn.conv_general_dilated, lax.conv_general_dilated):
        yield jax.jit(partial(measure, partial(own, **options)))(*arguments)


def loss(convolve, x, w):
    return jnp.sum(jnp.sin(convolve(x, w)))


def gradients(convolve, x, w):
    return jax.grad(partial(loss, convolve), (0, 1))(x, w)


def every_order(convolve, x, w):
    """The values, both gradients, the forward mode, and a product of the Hessian and a vector."""
    tangents = (jnp.cos(x), jnp.cos(w))
    return jax.jvp(convolve, (x, w), tangents), jax.jvp(partial(gradients, convolve), (x, w), tangents)


@strategies.composite
def geometries(draw):
    axes, groups = draw(strategies.integers(1, 2)), draw(strategies.integers(1, 3))
    batch_groups = draw(strategies.integers(1, 2)) if groups == 1 else 1
    numbers = lambda least, most: tuple(draw(strategies.integers(least, most)) for _ in range(axes))
    few = strategies.integers(1, 3)
    images = (batch_groups * draw(few), *numbers(5, 9), groups * draw(few))
    kernels = (*numbers(1, 3), images[-1] // groups, groups * batch_groups * draw(few))
    options = {
        "window_strides": numbers(1, 3),
        "padding": tuple(zip(numbers(-1, 3), numbers(-1, 3), strict=True)),
        "lhs_dilation": numbers(1, 2),
        "rhs_dilation": numbers(1, 2),
        "dimension_numbers": NHWC if axes == 2 else ("NTC", "TIO", "NTC"),
        "feature_group_count": groups,
        "batch_group_count": batch_groups,
    }
    return images, kernels, options


@hypothesis.given(geometries())
def test_every_geometry(geometry):
    images, kernels, options = geometry
    with jax.enable_x64(True):
        close(*both(lambda f, x, w: (f(x, w), gradients(f, x, w)), *operands(images, kernels), **options))


CASES = {
    "a kernel as in a middle layer": ((2, 9, 8, 16), (3, 3, 16, 20), {}),
    "few products, taken as patches": ((2, 9, 8, 1), (3, 3, 1, 4), {}),
    "a gradient of many zeros": ((2, 6, 7, 20), (5, 5, 20, 8), {"window_strides": (1, 1)}),
    "a stride that leaves a row out": ((2, 8, 8, 16), (3, 3, 16, 20), {"window_strides": (2, 3)}),
    "more padding than the kernel": ((2, 5, 5, 16), (2, 2, 16, 20), {"padding": ((3, 2), (0, 4))}),
    "padding by name": ((2, 9, 8, 16), (4, 3, 16, 20), {"padding": "SAME", "window_strides": (2, 2)}),
    "dilation": ((2, 7, 7, 16), (3, 3, 16, 20), {"rhs_dilation": (1, 2)}),
    "zeros between": ((2, 7, 7, 16), (3, 3, 16, 20), {"lhs_dilation": (2, 1), "padding": ((0, 1),) * 2}),
    "groups": ((2, 7, 7, 16), (3, 3, 4, 20), {"feature_group_count": 4}),
    "depthwise": ((2, 7, 7, 8), (3, 3, 1, 8), {"feature_group_count": 8, "rhs_dilation": (2, 2)}),
    "groups of the batch": ((4, 7, 7, 8), (3, 3, 8, 6), {"batch_group_count": 2}),
}
every_case = pytest.mark.parametrize("case", CASES.values(), ids=CASES)


def complete(options):
    return {"window_strides": (1, 1), "padding": "VALID", "dimension_numbers": NHWC} | options


@every_case
def test_values_and_derivatives(case, x64):
    images, kernels, options = case
    close(*both(every_order, *operands(images, kernels), **complete(options)))


@every_case
def test_under_vmap(case, x64):
    """Batches, kernels and both mapped, also twice; gradients for each of them, and their sums."""
    images, kernels, options = case

    def measure(convolve, x, w):
        own = partial(gradients, convolve)
        return (
            jax.vmap(own, (0, None))(x, w[0]),
            jax.vmap(own, (None, 0))(x[0], w),
            jax.vmap(own)(x, w),
            jax.vmap(jax.vmap(own, (0, None)), (None, 0))(x, w),
            jax.grad(lambda w: jnp.sum(jax.vmap(lambda x: loss(convolve, x, w))(x)))(w[0]),
            jax.vmap(convolve, (1, -1), -1)(jnp.moveaxis(x, 0, 1), jnp.moveaxis(w, 0, -1)),
        )

    close(*both(measure, *operands((2, *images), (2, *kernels)), **complete(options)))


def test_pieces_of_a_batch(x64, monkeypatch):
    """The kernel's gradient is added up out of pieces; 7 examples have none, 12 have."""
    monkeypatch.setattr(_canonical, "PIECE", 30_000)
    for examples in (7, 12):
        x, w = operands((examples, 9, 8, 5), (3, 3, 5, 8))
        close(*both(every_order, x, w, **complete({})))
        program = jax.jit(partial(gradients, partial(nn.conv_general_dilated, **complete({})))).lower(x, w)
        assert ("stablehlo.while" in program.as_text()) == (examples == 12)


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-5), ("bfloat16", 0.1), ("float16", 0.02)])
def test_other_types(dtype, tolerance):
    x, w = operands((2, 9, 8, 16), (3, 3, 16, 20), dtype)
    ours, jaxs = both(lambda f, x, w: (f(x, w), gradients(f, x, w)), x, w, **complete({}))
    chex.assert_trees_all_equal_dtypes(ours, jaxs)
    chex.assert_trees_all_close(ours, jaxs, rtol=tolerance, atol=tolerance * 10)


def test_wider_results():
    x, w = operands((2, 9, 8, 16), (3, 3, 16, 20), jnp.bfloat16)
    wider = complete({"preferred_element_type": jnp.float32})
    ours, jaxs = both(lambda f, x, w: f(x, w), x, w, **wider)
    assert ours.dtype == jnp.float32
    np.testing.assert_allclose(ours, jaxs, rtol=1e-5, atol=1e-5)


def test_axes_in_any_order(x64):
    x, w = operands((2, 4, 9, 8), (6, 4, 3, 2))
    close(*both(every_order, x, w, window_strides=(1, 2), padding="SAME_LOWER"))
    layout = ("CWNH", "WOHI", "HCNW")
    close(
        *both(every_order, *operands((4, 8, 2, 9), (2, 6, 3, 4)), **complete({"dimension_numbers": layout}))
    )


def test_inside_loops_and_transformations(x64):
    x, w = operands((3, 2, 7, 7, 16), (3, 3, 16, 4))

    def measure(convolve, x, w):
        step = lambda w, x: w - 0.1 * gradients(convolve, x, w)[1]
        run = lambda w, x: convolve(x, w)
        return (
            lax.scan(lambda w, x: (step(w, x), None), w, x)[0],
            lax.fori_loop(0, 3, lambda i, w: step(w, x[i]), w),
            lax.map(lambda x: gradients(convolve, x, w), x),
            jax.grad(lambda w: jnp.sum(lax.map(jax.checkpoint(partial(run, w)), x) ** 2))(w),
            jax.linearize(lambda w: convolve(x[0], w), w)[1](w),
            jax.linear_transpose(lambda w: convolve(x[0], w), w)(convolve(x[0], w)),
        )

    close(*both(measure, x, w, **complete({})))


@pytest.mark.parametrize("check", [True, False])
def test_inside_shard_map(check, x64):
    """Two devices with a half of the batch each, and kernels that they share."""
    x, w = operands((4, 7, 7, 16), (3, 3, 16, 4))
    mesh = jax.make_mesh((2,), ("batch",), axis_types=(AxisType.Auto,))
    across, everywhere = PartitionSpec("batch"), PartitionSpec()

    def measure(convolve, x, w):
        def local(x, w):
            of_x, of_w = gradients(convolve, x, w)
            return of_x, of_w if check else lax.psum(of_w, "batch")  # what is checked is summed by itself

        specs = {"in_specs": (across, everywhere), "out_specs": (across, everywhere)}
        return jax.shard_map(local, mesh=mesh, check_vma=check, **specs)(x, w)

    ours, jaxs = both(measure, x, w, **complete({}))
    close(ours, jaxs)
    close(ours, gradients(partial(lax.conv_general_dilated, **complete({})), x, w))


def test_on_a_mesh_of_explicit_axes(x64):
    x, w = operands((4, 7, 7, 16), (3, 3, 16, 4))
    mesh = jax.make_mesh((2,), ("batch",), axis_types=(AxisType.Explicit,))
    with jax.set_mesh(mesh):
        sharded = jax.device_put(x, jax.NamedSharding(mesh, PartitionSpec("batch")))
        y = jax.jit(partial(nn.conv_general_dilated, **complete({})))(sharded, w)
        assert jax.typeof(y).sharding.spec == PartitionSpec("batch", None, None, None)
    close(np.asarray(y), np.asarray(lax.conv_general_dilated(x, w, **complete({}))))


def test_a_jax_that_does_not_say_what_varies_gets_its_own_convolution(monkeypatch):
    monkeypatch.setattr(_convolution, "_varying_axes", lambda x: None)
    x, w = operands((2, 9, 8, 16), (3, 3, 16, 20))
    program = jax.make_jaxpr(partial(nn.conv_general_dilated, **complete({})))(x, w)
    assert "canonical" not in str(program)


@pytest.mark.parametrize("transform", [lambda f: f, lambda f: jax.vmap(f, (0, None)), jax.vmap])
def test_on_a_gpu_it_is_jaxs_own(transform):
    """The same convolutions in the same form, and nothing of what a CPU runs."""
    x, w = operands((3, 2, 9, 8, 16), (3, 3, 3, 16, 20))
    lead = (x, w[0]) if transform is not jax.vmap else (x, w)
    if transform(abs) is abs:
        lead = (x[0], w[0])

    def convolutions(own):
        measure = transform(partial(gradients, partial(own, **complete({"window_strides": (2, 2)}))))
        lowered = jax.jit(measure).trace(*lead).lower(lowering_platforms=("cuda",)).as_text()
        assert "custom_call" not in lowered
        assert "stablehlo.while" not in lowered
        return re.findall(r"stablehlo.convolution\(.*?\) (.*)", lowered)

    ours = convolutions(nn.conv_general_dilated)
    assert len(ours) >= 3
    assert ours == convolutions(lax.conv_general_dilated)


@pytest.mark.parametrize(
    ("images", "kernels", "options"),
    [
        ((2, 9, 8, 16), (3, 3, 15, 20), {}),
        ((2, 9, 8, 16), (3, 3, 16), {}),
        ((2, 9, 8, 16), (3, 3, 5, 20), {"feature_group_count": 3}),
        ((2, 9, 8, 16), (3, 3, 16, 20), {"window_strides": (1,)}),
        ((2, 9, 8, 16), (3, 3, 16, 20), {"padding": "FULL"}),
        ((2, 9, 8, 16), (3, 3, 16, 20), {"padding": "SAME", "lhs_dilation": (2, 2)}),
    ],
)
def test_errors_are_those_of_jax(images, kernels, options):
    x, w = operands(images, kernels)
    with pytest.raises((TypeError, ValueError, RuntimeError)) as jaxs:
        lax.conv_general_dilated(x, w, **complete(options))
    with pytest.raises(jaxs.type, match=re.escape(str(jaxs.value))):
        nn.conv_general_dilated(x, w, **complete(options))


def test_an_empty_batch():
    x, w = operands((0, 9, 8, 16), (3, 3, 16, 20))
    ours, jaxs = both(lambda f, x, w: (f(x, w), gradients(f, x, w)), x, w, **complete({}))
    chex.assert_trees_all_equal(ours, jaxs)
