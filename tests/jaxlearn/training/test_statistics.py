"""Running statistics of averaged parameters: gathered anew, as PyTorch's `update_bn` does."""

from itertools import pairwise
from pathlib import Path

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxlearn import compare, nn, optim, training
from tests.jaxlearn.training.small import (
    BATCH,
    EXAMPLES,
    compile_small,
    make_split,
    resumes_bit_for_bit,
    run_to,
)

GOLDEN = Path(__file__).parents[2] / "golden"
AVERAGES = {
    "ema": lambda: optim.average_parameters(optim.adam(0.03), 0.9),
    "swa": lambda: optim.average_parameters(optim.momentum(0.03)),
    "asgd": lambda: optim.asgd(0.03, t0=5),
    "schedule_free_sgd": lambda: optim.schedule_free_sgd(0.3),
    "schedule_free_adamw": lambda: optim.schedule_free_adamw(0.03),
}


def normed(momentum=0.1):
    """A linear layer, batch norm, and a linear layer; the statistics of it can be worked out by hand."""
    return nn.sequential(nn.flatten, nn.linear(5), nn.batch_norm(momentum), nn.relu, nn.linear(3))


def statistics_by_hand(params, images, sizes):
    """Means over batches of mean and unbiased variance of what the first linear layer gives."""
    x = images.reshape(len(images), -1) / 255 @ np.asarray(params["1"]["weight"]).T + np.asarray(
        params["1"]["bias"]
    )
    batches = [np.asarray(x[a:b], float) for a, b in pairwise(np.cumsum([0, *sizes]))]
    return {
        "mean": np.mean([batch.mean(0) for batch in batches], 0),
        "var": np.mean([batch.var(0, ddof=1) for batch in batches], 0),
    }


@pytest.mark.parametrize("momentum", [0.1, 0.9, None])
def test_update_bn_is_that_of_pytorch(momentum, x64):
    recorded = np.load(GOLDEN / "update_bn.npz")
    images, theirs = recorded["images"], lambda name: jnp.asarray(recorded[f"{momentum}/{name}"])
    model = nn.sequential(
        nn.conv2d(3, 3), nn.batch_norm(momentum), nn.relu, nn.flatten, nn.linear(5), nn.batch_norm(momentum)
    )
    params, state = model.init(jax.random.key(0), images.shape[1:])
    params["1"] = {name: theirs(f"1.{name}") for name in ("weight", "bias")}
    flat = theirs("4.weight").reshape(5, 3, 4, 3)  # channels first
    params["0"] = {"weight": jnp.moveaxis(theirs("0.weight"), 1, -1), "bias": theirs("0.bias")}
    params["4"] = {"weight": jnp.moveaxis(flat, 1, -1).reshape(5, -1), "bias": theirs("4.bias")}
    state = training.update_bn(model, params, state, images, batch_size=8)
    for layer in ("1", "5"):
        np.testing.assert_allclose(state[layer]["mean"], theirs(f"{layer}.running_mean"), rtol=1e-12)
        np.testing.assert_allclose(state[layer]["var"], theirs(f"{layer}.running_var"), rtol=1e-12)
        assert ("batches" in state[layer]) == (momentum is None)


@pytest.mark.parametrize(("name", "drop_last"), [("ema", True), *((name, False) for name in AVERAGES)])
def test_a_run_has_statistics_of_the_average_after_every_epoch(name, drop_last):
    train = make_split(EXAMPLES)
    program = compile_small(AVERAGES[name](), normed(), train=train, drop_last=drop_last)
    sizes = [BATCH] * (EXAMPLES // BATCH) + [EXAMPLES % BATCH] * (not drop_last)
    for state, report in training.fit(program, 2):
        params = optim.evaluation_parameters(state.opt_state, state.params)
        wanted = statistics_by_hand(params, train.images, sizes)
        chex.assert_trees_all_close(state.model_state["2"], wanted, rtol=1e-4, atol=1e-5)
        result = program.validate(state)
        assert report.val_loss == pytest.approx(float(result.loss), rel=1e-6)


def test_a_run_without_an_average_keeps_the_statistics_of_its_training():
    program = compile_small(optim.momentum(0.03), normed())
    run = training.make_run(normed(), optim.momentum(0.03), batch_size=BATCH)
    train = make_split(EXAMPLES)
    start = training.draw_start(normed(), jax.random.key(0), (6, 6, 1))
    by_hand = jax.jit(run.advance)(run.init(start, train), train)
    chex.assert_trees_all_close(run_to(program, 1).state.model_state, by_hand.model_state, rtol=1e-5)


@pytest.mark.parametrize("at_a_time", [24, 640])
def test_a_part_at_a_time_gathers_the_same(at_a_time):
    # what is dropped is part of the statistics, so that every batch must have its own key
    model = nn.sequential(nn.flatten, nn.linear(5), nn.dropout(0.5), nn.batch_norm(), nn.linear(3))
    runs = [compile_small(AVERAGES["ema"](), model, at_a_time=length) for length in (None, at_a_time)]
    there, here = (run_to(program, 1).state for program in runs)
    chex.assert_trees_all_close(there.model_state, here.model_state, rtol=1e-5, atol=1e-6)


def test_a_run_with_an_average_resumes_bit_for_bit(tmp_path):
    resumes_bit_for_bit(compile_small(AVERAGES["ema"](), normed()), tmp_path, steps=(7, 12))


@pytest.mark.parametrize("width", [1, 2])
def test_a_comparison_reports_what_a_single_run_does(width):
    train, validation, test = make_split(EXAMPLES), make_split(20, 1), make_split(10, 2)
    make = lambda learning_rate: optim.average_parameters(optim.adam(learning_rate), 0.9)
    contender = compare.Contender("ema", make, {"learning_rate": [0.01, 0.03]}, normed())
    options = {"seeds": range(2), "epochs": 2, "batch_size": BATCH, "width": width}
    (sweep,) = compare.compare([contender], train, validation, test, **options).sweeps
    for point, rate in enumerate((0.01, 0.03)):
        program = compile_small(make(rate), normed(), train=train)
        *_, (state, _) = reports = list(training.fit(program, 2))
        np.testing.assert_allclose(sweep.val_loss[point, 0], [r.val_loss for _, r in reports], rtol=1e-4)
        if point == sweep.chosen:
            np.testing.assert_allclose(sweep.test_loss[0], program.test(state).loss, rtol=1e-4)


def test_statistics_are_found_wherever_they_are_and_the_rest_stays():
    """Of layers inside others, of other states beside them; per run under vmap."""
    counting = nn.Layer(
        lambda key, shape: ({}, {"seen": jnp.zeros(())}),
        lambda params, state, x, *, key=None, train=False: (x, {"seen": state["seen"] + 1}),
    )
    model = nn.sequential(nn.residual(nn.linear(4), nn.batch_norm()), counting, nn.batch_norm(affine=False))
    params, state = jax.vmap(lambda key: model.init(key, (4,)))(jax.random.split(jax.random.key(0), 3))
    x = np.random.default_rng(0).normal(size=(12, 4)).astype(np.float32)
    many = jax.vmap(lambda p, s: training.update_bn(model, p, s, x, batch_size=4))(params, state)
    assert jax.tree.structure(many) == jax.tree.structure(state)
    chex.assert_trees_all_equal(many["1"], state["1"])
    for run in range(3):
        of_run = lambda tree, run=run: jax.tree.map(lambda leaf: leaf[run], tree)
        one = training.update_bn(model, of_run(params), of_run(state), x, batch_size=4)
        chex.assert_trees_all_close(of_run(many), one, rtol=1e-5, atol=1e-6)


def test_what_cannot_be_gathered_is_told():
    model = nn.sequential(nn.batch_norm(), nn.dropout(0.5))
    params, state = model.init(jax.random.key(0), (2,))
    x = np.ones((9, 2), np.float32)
    with pytest.raises(ValueError, match=r"batch_size must be in \[1, inf\), got 0"):
        training.update_bn(model, params, state, x, batch_size=0)
    with pytest.raises(ValueError, match="dropout needs a random key"):
        training.update_bn(model, params, state, x, batch_size=4, drop_last=True)
    with pytest.raises(ValueError, match="the last batch of an epoch holds 1 example: .*drop_last=True"):
        training.update_bn(model, params, state, x, batch_size=4, key=jax.random.key(0))
