"""Complex parameters: each part of a number is a parameter by itself, as in PyTorch, or they are refused."""

import json

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxlearn import losses, nn, optim, training
from tests.jaxlearn.optim.case import GOLDEN_FOLDER, LR, flat, follow
from tests.jaxlearn.optim.cases_torch import TORCH, translate
from tests.jaxlearn.optim.contract import ROWS, STEPS

GOLDEN = np.load(GOLDEN_FOLDER / "complex.npz")
CASES = [key.removeprefix("path/") for key in GOLDEN if key.startswith("path/")]


def recorded(kind):
    return [jnp.asarray(GOLDEN[f"{kind}/{i}"]) for i in range(3)]


@pytest.mark.parametrize("key", CASES)
def test_equals_pytorch(key, x64):
    name, options = json.loads(key)["optimizer"], json.loads(key)["options"]
    opt = TORCH[name](**{"learning_rate": LR} | translate(name, options))
    ours = flat(follow(opt, recorded("params"), recorded("grads")))
    assert ours.dtype == jnp.complex128
    np.testing.assert_allclose(ours, GOLDEN[f"path/{key}"], rtol=0, atol=1e-12)


@pytest.mark.parametrize("line_search", [None, "strong_wolfe"])
def test_lbfgs_equals_pytorch(line_search, x64):
    goal = jnp.asarray(GOLDEN["goal"])

    def loss(x):
        gap = x - goal
        return jnp.sum(jnp.abs(gap) ** 2 + 0.1 * jnp.abs(gap) ** 4 + 0.3 * gap.real * gap.imag)

    opt = optim.lbfgs(max_iter=4, line_search=line_search)
    x = jnp.asarray(GOLDEN["start"])
    state = opt.init(x)
    for row in GOLDEN[f"lbfgs/{line_search}"]:
        updates, state = opt.update(jnp.conj(jax.grad(loss)(x)), state, x, value_fn=loss)
        x = optim.apply_updates(x, updates)
        np.testing.assert_allclose(x, row, rtol=0, atol=1e-10)


def test_norms_and_clipping_equal_pytorch(x64):
    grads = [grad[0] for grad in recorded("grads")]
    assert optim.global_norm(grads) == pytest.approx(float(GOLDEN["norm"]), rel=1e-12)
    opt = optim.clip_by_global_norm(0.5)
    for ours, theirs in zip(opt.update(grads, opt.init(grads))[0], recorded("clipped"), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12)
    assert optim.global_norm([3 + 4j]) == 5


def split(tree):
    return jax.tree.map(lambda x: jnp.stack([x.real, x.imag], -1), tree)


def follow_both(opt, params, loss, steps=STEPS):
    """The same loss on complex parameters, and on pairs of real ones."""
    ends = []
    for convert, tree in ((lambda x: x, split(params)), (split, params)):

        def body(carry, t, convert=convert):
            params, state = carry
            value_fn = lambda params: loss(convert(params), t)
            value, grads = jax.value_and_grad(value_fn)(params)
            extra = {"value": value, "value_fn": value_fn, "grad": jax.tree.map(jnp.conj, grads)}
            updates, state = opt.update(extra["grad"], state, params, **extra)
            return (optim.apply_updates(params, updates), state), None

        ends.append(jax.lax.scan(body, (tree, opt.init(tree)), jnp.arange(steps))[0])
    return ends


REFUSED = {"adaptive_clip", "adafactor", "centralize", "muon", "shampoo", "soap"}


@pytest.mark.parametrize("name", [name for name in ROWS if name != "state_dtype"])
def test_both_parts_of_a_number_are_parameters_by_themselves_or_it_is_refused(name, x64):
    """What has no counterpart in PyTorch, too; the kinds of noise draw as many numbers."""
    opt = optim.chain(ROWS[name].build())
    # matrices, so that a mask that goes by the number of axes takes the pairs for them, too
    params = [jnp.array([[1 + 2j, 0.5 - 1j], [2j, -1.0]]), jnp.array([[0.3 - 0.7j]])]
    if name.split()[0] in REFUSED:
        with pytest.raises(ValueError, match=r"^\w+ takes real parameters, got complex128$"):
            opt.update(params, opt.init(params), params)
        return

    def loss(pairs, t):
        bottom = jnp.cos(2.0 * jnp.asarray(t, float))
        square = lambda x: jnp.sum((x - bottom) ** 2)
        return sum(square(pair[..., 0]) + 0.3 * square(pair[..., 1]) for pair in jax.tree.leaves(pairs))

    (wanted, _), (found, _) = follow_both(opt, params, loss)
    chex.assert_trees_all_equal_dtypes(found, params)
    chex.assert_trees_all_close(split(found), wanted, rtol=0, atol=1e-10)


def test_a_run_goes_down_on_complex_parameters(x64):
    """A linear layer of complex numbers finds the ones that made the data."""
    rng = np.random.default_rng(0)
    weights = rng.normal(size=3) + 1j * rng.normal(size=3)
    inputs = rng.normal(size=(64, 3)) + 1j * rng.normal(size=(64, 3))
    targets = split(inputs @ weights)
    layer = nn.Layer(
        lambda key, shape: ({"weight": jnp.zeros(3, complex)}, {}),
        lambda params, state, x, **_: (split(x @ params["weight"]), state),
    )
    run = training.make_run(layer, optim.adam(0.1), batch_size=16, loss=losses.mse)
    state = run.init(training.draw_start(layer, jax.random.key(0), (3,)), (inputs, targets))
    epoch = jax.jit(run.advance)
    for _ in range(60):
        state = epoch(state, (inputs, targets))
    np.testing.assert_allclose(state.params["weight"], weights, atol=0.05)


def test_the_state_of_complex_parameters_keeps_its_dtype(x64):
    """There is no complex number of two bytes."""
    opt = optim.state_dtype(optim.adam(0.1), jnp.bfloat16)
    state = opt.init({"a": jnp.array([1 + 2j]), "b": jnp.array([1.0])})
    dtypes = {leaf.dtype for leaf in jax.tree.leaves(state) if leaf.shape == (1,)}
    assert dtypes == {jnp.dtype("complex128"), jnp.dtype("bfloat16")}
