"""Clipping by value, by the norm of a leaf, and by that of a unit."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxlearn import optim

SHAPES = [(), (5,), (1, 5), (5, 1), (3, 4), (3, 2, 2, 2), (3, 2, 1, 2, 1)]


def draw(seed, shapes=SHAPES):
    random = np.random.default_rng(seed)
    # leaves of very different sizes, so that some are clipped and some are not
    return [np.asarray(random.normal(size=s) * 10.0 ** random.uniform(-4, 2)) for s in shapes]


def update(opt, grads, params=None):
    return jax.jit(lambda grads, params: opt.update(grads, opt.init(grads), params)[0])(grads, params)


@pytest.mark.parametrize("limit", [0.0, 0.1, 2.0])
def test_clip_equals_optax(x64, limit):
    for seed in range(2):
        for ours, theirs in zip(
            update(optim.clip(limit), draw(seed)), update(optax.clip(limit), draw(seed)), strict=True
        ):
            np.testing.assert_array_equal(ours, theirs)


def test_clip_by_norm_is_clip_grad_norm_of_each_leaf(x64):
    clipped = 0
    for seed in range(2):
        for got, g in zip(update(optim.clip_by_norm(0.7), draw(seed)), draw(seed), strict=True):
            norm = np.sqrt(np.sum(np.square(g)))
            np.testing.assert_allclose(got, g * min(1, 0.7 / (norm + 1e-6)), rtol=1e-14)
            clipped += norm > 0.7
    assert 0 < clipped < 2 * len(SHAPES)


@pytest.mark.parametrize(("clipping", "eps"), [(1e-8, 1e-3), (0.5, 10.0)])
def test_adaptive_clip_equals_optax(x64, clipping, eps):
    grads, params = draw(0), draw(1)
    ours = update(optim.adaptive_clip(clipping, eps), grads, params)
    outputs_last = lambda leaves: [np.moveaxis(x, 0, -1) if x.ndim else x for x in leaves]
    theirs = update(optax.adaptive_grad_clip(clipping, eps), outputs_last(grads), outputs_last(params))
    for a, b in zip(outputs_last(ours), theirs, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)
    clipped = [bool((a != b).any()) for a, b in zip(ours, grads, strict=True)]
    assert all(clipped) if clipping < 0.1 else not all(clipped)


def test_adaptive_clip_of_three_axes_keeps_the_first(x64):
    """A kernel (out, width, in); optax would take it for (in, heads, out)."""
    (grads,), (params,) = draw(0, [(4, 3, 2)]), draw(1, [(4, 3, 2)])
    (got,) = update(optim.adaptive_clip(1e-3), [grads], [params])
    for unit in range(4):
        g, p = np.asarray(grads[unit]), np.asarray(params[unit])
        limit = 1e-3 * max(np.linalg.norm(p), 1e-3)
        assert np.linalg.norm(g) > limit
        np.testing.assert_allclose(got[unit], g * limit / np.linalg.norm(g), rtol=1e-12)


def test_units_of_zeros_are_neither_nan_nor_stuck():
    params, grads = jnp.zeros((3, 4)), jnp.ones((3, 4)).at[0].set(0)
    got = update(optim.adaptive_clip(0.1, eps=1e-3), grads, params)
    np.testing.assert_allclose(jnp.sqrt(jnp.sum(got**2, axis=1)), [0, 1e-4, 1e-4], rtol=1e-6)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: optim.clip(-1.0), r"max_value must be in \[0, inf\), got -1"),
        (lambda: optim.clip_by_norm(0.0), r"max_norm must be in \(0, inf\), got 0"),
        (lambda: optim.clip_by_norm(1.0, eps=-1.0), "eps must be in"),
        (lambda: optim.adaptive_clip(0.0), r"clipping must be in \(0, inf\), got 0"),
        (lambda: optim.adaptive_clip(eps=0.0), r"eps must be in \(0, inf\), got 0"),
        (lambda: update(optim.adaptive_clip(), jnp.ones(3)), "needs the parameters"),
    ],
)
def test_wrong_values_are_named(build, message):
    with pytest.raises(ValueError, match=message):
        build()


def test_limits_may_be_schedules():
    opt = optim.clip(lambda step: jnp.where(step < 1, 1.0, 2.0))
    state = opt.init(jnp.array(0.0))
    limits = []
    for _ in range(2):
        limit, state = jax.jit(opt.update)(jnp.array(5.0), state)
        limits.append(float(limit))
    assert limits == [1.0, 2.0]
