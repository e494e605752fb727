"""States in narrow dtypes: who warns, and what helps, around every optimizer."""

import warnings

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxlearn import optim
from tests.jaxlearn.optim import cases, cases_optax, cases_papers, cases_torch
from tests.jaxlearn.optim.case import problem
from tests.jaxlearn.optim.contract import ROWS, make_params
from tests.jaxlearn.optim.narrow import OPTIMIZERS, deviation, make, progress, warned
from tests.jaxlearn.sample import sample

LOW = ["float16", "bfloat16"]
BY_THEMSELVES = ("dadapt_adamw", "lbfgs", "prodigy")  # have tests of their own
MEASURED = [name for name in OPTIMIZERS if name not in BY_THEMSELVES]
WRAPPERS = {
    "master_weights": optim.master_weights,
    "state_dtype": lambda opt: optim.state_dtype(opt, jnp.float32),
}


@pytest.mark.parametrize("dtype", LOW)
@pytest.mark.parametrize("name", MEASURED)
def test_whoever_is_led_astray_by_its_state_warns_and_nobody_else(name, dtype):
    assert warned(name, dtype) == (deviation(name, dtype) > 0.1)


@pytest.mark.parametrize(
    ("name", "dtype"), [("prodigy", "float16"), ("prodigy", "bfloat16"), ("dadapt_adamw", "float16")]
)
def test_whoever_does_not_move_warns_and_moves_on_master_weights(name, dtype):
    assert warned(name, dtype) == 1
    assert progress(make(name), "float32") > 0.9
    assert not progress(make(name), dtype) > 0.01
    assert progress(optim.master_weights(make(name)), dtype) > 0.9


def test_dadapt_moves_in_bfloat16_and_lbfgs_keeps_float32():
    assert progress(make("dadapt_adamw"), "bfloat16") > 0.5
    assert not any(warned(name, "bfloat16") for name in ("dadapt_adamw", "lbfgs"))
    assert not warned("lbfgs", "float16")
    state = optim.lbfgs().init(jnp.ones(3, jnp.float16))
    assert {leaf.dtype for leaf in jax.tree.leaves(state)} <= {jnp.dtype("float32"), jnp.dtype("int32")}


@pytest.mark.parametrize("name", ["adam", "adamax"])
def test_a_slow_mean_in_bfloat16_rises_and_does_not_fall(name):
    """Gradients become a hundred times smaller: in float32 the steps grow again, in bfloat16 they do not."""
    sizes = np.where(np.arange(6000) < 1000, 1.0, 1e-2)
    random = np.random.default_rng(0)
    grads = jnp.asarray((random.normal(size=(6000, 40)) + 0.3) * sizes[:, None], jnp.float32)

    def last_steps(dtype):
        opt = optim.state_dtype(make(name), dtype)
        body = lambda state, g: opt.update(g, state)[::-1]
        return jax.jit(lambda: jax.lax.scan(body, opt.init(grads[0]), grads)[1])()[3000:].sum(0)

    assert np.median(last_steps(jnp.bfloat16) / last_steps(jnp.float32)) < 0.3


@pytest.mark.parametrize("dtype", LOW)
@pytest.mark.parametrize("wrap", WRAPPERS.values(), ids=WRAPPERS)
@pytest.mark.parametrize("name", ROWS)
def test_nothing_is_said_where_the_state_is_wide(name, wrap, dtype):
    if name == "state_dtype":
        pytest.skip("chooses bfloat16 itself")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        jax.eval_shape(wrap(ROWS[name].build()).init, make_params(dtype))


MESSAGE = (
    r"^scale_by_adam keeps its state in float16, where the square of a gradient below 2e-04 is 0: "
    r"optim\.state_dtype\(\.\.\., jnp\.float32\) or optim\.master_weights\(\.\.\.\) keeps it in float32$"
)


@pytest.mark.parametrize(
    "wrap",
    [
        lambda opt: opt,
        lambda opt: optim.chain(optim.clip(1.0), opt),
        lambda opt: optim.named_chain(a=opt),
        lambda opt: optim.accumulate(opt, 2),
        lambda opt: optim.masked(opt, True),
        lambda opt: optim.freeze(opt, False),
        lambda opt: optim.partition({"all": opt, "none": opt}, "all"),
        lambda opt: optim.lookahead(opt),
        lambda opt: optim.sam(opt),
        lambda opt: optim.skip_nonfinite(opt),
        lambda opt: optim.average_parameters(opt),
        lambda opt: optim.state_dtype(opt, jnp.float16),
    ],
)
@pytest.mark.parametrize("compiled", [False, True], ids=["plain", "jit"])
def test_wrappers_pass_the_warning_through_once(wrap, compiled):
    opt = wrap(optim.adam(lambda step: 0.1))
    init = jax.jit(opt.init) if compiled else opt.init
    with pytest.warns(UserWarning, match=MESSAGE) as told:
        init({"a": jnp.ones(2, jnp.float16), "b": [jnp.ones(3, jnp.float16), jnp.ones(1)]})
    assert [warning.filename for warning in told] == [__file__]


# the first case of every optimizer, and the others where it is slow
FIRST = list({case.optimizer: case for case in reversed(cases.CASES)}.values())[::-1]
FOLLOWED = [case for case in FIRST if case.optimizer not in ("sam", "lookahead")]


def wrapped(monkeypatch, follow):
    """The case's optimizer is followed by `follow` in the place of what it is followed by."""
    for module in (cases_torch, cases_optax, cases_papers):
        monkeypatch.setattr(module, "follow", follow)


def narrow_path(inner, wrapper, params, grads, dtype, extra):
    """Parameters, as float32, on the way of an optimizer whose parameters or gradients are in `dtype`."""
    opt, master = WRAPPERS[wrapper](inner), wrapper == "master_weights"
    cast = lambda tree: jax.tree.map(lambda x: x.astype(dtype), tree)
    # the oracle starts from the parameters before they were rounded
    state = optim.states.MasterState(params, inner.init(params)) if master else inner.init(params)
    chex.assert_trees_all_equal_shapes_and_dtypes(state, jax.eval_shape(opt.init, cast(params)))

    def body(carry, inputs):
        params, state = carry
        g, extra = inputs
        given = (g, state, cast(params)) if master else (cast(g), state, params)
        updates, state = opt.update(*given, **extra)
        after = state.master if master else optim.apply_updates(params, updates)
        return (after, state), after

    return jax.jit(lambda: jax.lax.scan(body, (params, state), (grads, extra))[1])()


@pytest.mark.parametrize("dtype", LOW)
@pytest.mark.parametrize("wrapper", WRAPPERS)
@pytest.mark.parametrize("case", FOLLOWED, ids=lambda case: case.optimizer)
def test_both_wrappers_lead_where_the_oracle_leads(case, wrapper, dtype, monkeypatch):
    """PyTorch's, optax's or the paper's trajectory; with narrow gradients up to their rounding.

    Rounding may turn the sign that lion takes of a mean near 0: one step of 0.01 in the other direction.
    """

    def follow(opt, params, grads, **extra):
        return narrow_path(opt, wrapper, params, grads, dtype, extra)

    with jax.enable_x64(True):
        theirs = np.asarray(case.theirs("float64"))
    wrapped(monkeypatch, follow)
    ours = np.asarray(case.ours("float32"), np.float64)
    length = np.abs(np.diff(theirs, axis=0)).sum(0).max()
    turned = 0.0201 if case.optimizer == "lion" else 0.0
    tolerance = 1e-5 if wrapper == "master_weights" else turned + 4 * float(jnp.finfo(dtype).eps) * length
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=tolerance)


@pytest.mark.parametrize("case", sample(8, FOLLOWED), ids=lambda case: case.optimizer)
def test_a_state_in_float32_of_parameters_in_float64(case, x64, monkeypatch):
    def follow(opt, params, grads, **extra):
        opt = optim.state_dtype(opt, jnp.float32)

        def body(carry, inputs):
            params, state = carry
            updates, state = opt.update(inputs[0], state, params, **inputs[1])
            params = optim.apply_updates(params, updates)
            return (params, state), params

        return jax.lax.scan(body, (params, opt.init(params)), (grads, extra))[1]

    theirs = np.asarray(case.theirs("float64"))
    wrapped(monkeypatch, follow)
    np.testing.assert_allclose(case.ours("float64"), theirs, rtol=0, atol=1e-4)


def test_the_problem_is_in_the_range_of_float16():
    assert max(float(jnp.abs(g).max()) for g in problem("float32")[1]) < 100
