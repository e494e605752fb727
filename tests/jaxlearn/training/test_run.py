"""Runs: what an epoch is, under jit, vmap and donation."""

from functools import partial

import chex
import hypothesis
import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax.extend.core import jaxprs_in_params

from jaxlearn import data, losses, nn, optim, training

MODEL = nn.sequential(nn.flatten, nn.linear(5), jax.nn.tanh, nn.linear(3))
SHAPE = (2, 2, 1)


def examples(count, seed=0):
    random = np.random.default_rng(seed)
    images = random.integers(0, 256, (count, *SHAPE), np.uint8)
    return jnp.asarray(images), jnp.asarray(random.integers(0, 3, count), jnp.int32)


def make(opt=None, batch_size=4, seed=0):
    run = training.make_run(MODEL, opt or optim.adam(0.01), batch_size=batch_size)
    return run, run.init(jax.random.key(seed), SHAPE)


def mean_loss(params, images, labels):
    logits = jax.vmap(lambda x: MODEL.apply(params, {}, x / 255)[0])(images)
    return jnp.mean(jax.vmap(losses.cross_entropy)(logits, labels))


def test_a_step_is_gradient_descent_on_the_mean_loss():
    images, labels = examples(4)
    run, state = make(optim.sgd(0.5))
    after, means = run.step(state, images, labels)
    value, grads = jax.value_and_grad(mean_loss)(state.params, images, labels)
    want = jax.tree.map(lambda p, g: p - 0.5 * g, state.params, grads)
    chex.assert_trees_all_close(after.params, want, rtol=1e-5, atol=1e-7)
    assert means.loss == pytest.approx(float(value), rel=1e-6)
    assert int(after.step) == 1


def test_the_last_batch_is_what_remains():
    """Not filled up: batch normalisation and the weighted mean of the loss see those examples alone."""
    images, labels = examples(7)
    model = nn.sequential(nn.flatten, nn.linear(5), nn.batch_norm(), nn.linear(3))
    loss = partial(losses.cross_entropy, weight=jnp.array([1.0, 5.0, 20.0]))
    run = training.make_run(model, optim.sgd(0.1), batch_size=4, loss=loss)
    state = run.init(jax.random.key(0), SHAPE)
    after, means = run.epoch(state, images, labels)
    order = training.draw_order(state.key, state.step, 7)
    first, first_means = run.step(state, images[order[:4]], labels[order[:4]])
    second, second_means = run.step(first, images[order[4:]], labels[order[4:]])
    chex.assert_trees_all_close(after.params, second.params, rtol=1e-5, atol=1e-6)
    chex.assert_trees_all_close(after.model_state, second.model_state, rtol=1e-5)
    chex.assert_trees_all_equal(after.key, second.key)
    both = jax.tree.map(lambda a, b: (4 * a + 3 * b) / 7, first_means, second_means)
    chex.assert_trees_all_close(means, both, rtol=1e-5)


@hypothesis.settings(max_examples=5)  # a compilation each
@hypothesis.given(count=st.integers(1, 30), data=st.data())
def test_an_epoch_sees_every_example_once(count, data):
    """While nothing is learnt, the means over the epoch are the means over the set."""
    batch_size = data.draw(st.integers(1, count))
    images, labels = examples(count)
    run, state = make(optim.sgd(0.0), batch_size)
    after, means = jax.jit(run.epoch)(state, images, labels)
    result = training.evaluate(MODEL, state.params, {}, images, labels)
    assert means.loss == pytest.approx(float(result.loss), rel=1e-5)
    assert means.accuracy == pytest.approx(float(jnp.trace(result.confusion)) / count, rel=1e-5)
    assert int(after.step) == -(-count // batch_size)
    chex.assert_trees_all_equal(after.params, state.params)


def test_epochs_and_seeds_are_shuffled_differently():
    orders = [
        training.draw_order(jax.random.key(seed), jnp.array(step), 50)
        for seed, step in ((0, 0), (0, 7), (1, 0))
    ]
    assert all(sorted(order.tolist()) == list(range(50)) for order in orders)
    assert len({tuple(order.tolist()) for order in orders}) == 3


def test_every_example_is_as_likely_at_every_place():
    keys = jax.random.split(jax.random.key(0), 4000)
    orders = jax.vmap(lambda key: training.draw_order(key, jnp.array(0), 4))(keys)
    counts = np.array([[(orders[:, place] == example).sum() for place in range(4)] for example in range(4)])
    # chi-square with 9 degrees of freedom is below 27.9 in 999 of 1000 cases
    assert ((counts - 1000) ** 2 / 1000).sum() < 27.9


def test_an_epoch_takes_the_order_that_it_is_given():
    images, labels = examples(8)
    run, state = make(batch_size=2)
    own, _ = run.epoch(state, images, labels)
    same, _ = run.epoch(state, images, labels, training.draw_order(state.key, state.step, 8))
    chex.assert_trees_all_equal(own.params, same.params)
    first, _ = run.epoch(state, images, labels, jnp.arange(8))
    for at in range(0, 8, 2):
        state, _ = run.step(state, images[at : at + 2], labels[at : at + 2])
    chex.assert_trees_all_close(first.params, state.params, rtol=1e-5)


def test_every_step_draws_anew_and_not_what_the_shuffling_drew():
    def keep_key(params, state, x, *, key=None, train=False):
        return x, {"key": jax.lax.psum(jax.random.key_data(key) >> 8, "batch") if train else state["key"]}

    start = {"key": jnp.zeros(2, jnp.uint32)}
    keeping = nn.Layer(lambda key, shape: ({}, start), keep_key)
    run = training.make_run(nn.sequential(nn.flatten, keeping, nn.linear(3)), optim.sgd(0.0), batch_size=4)
    state = run.init(jax.random.key(0), SHAPE)
    orders_key, _ = jax.random.split(state.key)
    seen, shuffling = set(), set()
    for step in range(3):
        state, _ = run.step(state, *examples(4))
        seen.add(tuple(jax.tree.leaves(state.model_state)[0].tolist()))
        drawn = jax.random.key_data(jax.random.split(jax.random.fold_in(orders_key, step), 4))
        shuffling.add(tuple((drawn >> 8).sum(axis=0, dtype=jnp.uint32).tolist()))
    assert len(seen) == 3
    assert not seen & shuffling


class JitChangesNothing(chex.TestCase):
    @chex.variants(with_jit=True, without_jit=True)
    def test_epoch(self):
        images, labels = examples(10)
        run, state = make()
        after, means = self.variant(run.epoch)(state, images, labels)
        reference, reference_means = run.epoch(state, images, labels)
        chex.assert_trees_all_close(after.params, reference.params, rtol=1e-5, atol=1e-6)
        chex.assert_trees_all_close(means, reference_means, rtol=1e-5)


def test_one_epoch_program_serves_all_epochs():
    chex.clear_trace_counter()
    images, labels = examples(10)
    run, state = make()
    epoch = jax.jit(chex.assert_max_traces(run.epoch, n=1), donate_argnums=0)
    for _ in range(3):
        before = state
        state, _ = epoch(state, images, labels)
        assert all(leaf.is_deleted() for leaf in jax.tree.leaves(before.params))
    assert int(state.step) == 9


def test_a_grid_of_runs_is_one_program_and_equals_the_runs_alone():
    chex.clear_trace_counter()
    images, labels = examples(20)

    @jax.jit
    @chex.assert_max_traces(n=1)
    def train(learning_rate, seed):
        run = training.make_run(MODEL, optim.adam(learning_rate), batch_size=8)
        state = run.init(jax.random.key(seed), SHAPE)
        for _ in range(2):
            state, means = run.epoch(state, images, labels)
        return state.params, means

    rates, seeds = jnp.array([1e-3, 1e-2, 1e-1]), jnp.arange(2)
    grid = jax.vmap(jax.vmap(train, (None, 0)), (0, None))(rates, seeds)
    chex.clear_trace_counter()
    for i, rate in enumerate(rates):
        for j, seed in enumerate(seeds):
            member = jax.tree.map(lambda x, i=i, j=j: x[i, j], grid)
            chex.assert_trees_all_close(member, train(rate, seed), rtol=1e-4, atol=1e-5)


def test_optax_optimizers_train_as_well():
    images, labels = examples(20)
    ours, _ = make(optim.adam(0.01))
    theirs, state = make(optax.adam(0.01))
    with jax.numpy_dtype_promotion("standard"):
        got, _ = theirs.epoch(state, images, labels)
    want, _ = ours.epoch(ours.init(jax.random.key(0), SHAPE), images, labels)
    chex.assert_trees_all_close(got.params, want.params, atol=1e-5)


def test_running_statistics_and_random_keys_reach_the_layers():
    """A layer that averages over the batch's axis name and draws noise for each example."""

    def apply(params, state, x, *, key=None, train=False):
        if not train:
            return x, state
        mean = jax.lax.pmean(jnp.mean(x), "batch")
        return x + 1e-3 * jax.random.normal(key, x.shape), {"mean": 0.5 * state["mean"] + 0.5 * mean}

    tracking = nn.Layer(lambda key, shape: ({}, {"mean": jnp.zeros(())}), apply)
    model = nn.sequential(tracking, nn.flatten, nn.linear(3))
    images, labels = examples(8)
    run = training.make_run(model, optim.sgd(0.1), batch_size=8)
    state = run.init(jax.random.key(0), SHAPE)
    state, _ = run.epoch(state, images, labels)
    assert state.model_state["0"]["mean"] == pytest.approx(float(jnp.mean(images / 255)) / 2, rel=1e-5)
    result = training.evaluate(model, state.params, state.model_state, images, labels)
    assert int(result.confusion.sum()) == 8


@pytest.mark.parametrize("batch_size", [1, 7, 29, 30, 31, 1000])
def test_evaluation_scores_every_example_at_any_batch_size(batch_size):
    images, labels = examples(30)
    _, state = make()
    result = training.evaluate(MODEL, state.params, {}, images, labels, batch_size=batch_size)
    assert result.loss == pytest.approx(float(mean_loss(state.params, images, labels)), rel=1e-5)
    logits = jax.vmap(lambda x: MODEL.apply(state.params, {}, x / 255)[0])(images)
    for label, prediction in zip(labels, jnp.argmax(logits, axis=1), strict=True):
        result = result._replace(confusion=result.confusion.at[label, prediction].add(-1))
    assert not result.confusion.any()


def evaluation_dots(model, images, **options):
    """Shapes of the results of all products of matrices in the program of an evaluation."""

    def walk(program):
        for equation in program.eqns:
            if equation.primitive.name == "dot_general":
                yield equation.outvars[0].aval.shape
            for inner in jaxprs_in_params(equation.params):
                yield from walk(inner)

    params, state = model.init(jax.random.key(0), images.shape[1:])
    labels = jnp.zeros(len(images), jnp.int32)
    program = jax.make_jaxpr(lambda p: training.evaluate(model, p, state, images, labels, **options))(params)
    return list(walk(program.jaxpr))


@pytest.mark.parametrize(("batch_size", "together"), [(1, 1), (4, 4), (7, 6), (29, 15), (30, 30), (99, 30)])
def test_evaluation_is_compiled_for_one_size_of_batches(batch_size, together):
    assert evaluation_dots(MODEL, examples(30)[0], batch_size=batch_size) == [(together, 5), (together, 3)]


@pytest.mark.parametrize(("wide", "together"), [(100, 1000), (30_000, 100), (60_000, 50), (10_000_000, 1)])
def test_evaluation_takes_as_many_examples_together_as_keep_activations_in_the_caches(wide, together):
    model = nn.sequential(nn.flatten, nn.linear(1), lambda x: x * jnp.ones(wide), jnp.max, jnp.atleast_1d)
    images = jnp.zeros((1000, 2, 2, 1), jnp.uint8)
    assert evaluation_dots(model, images) == [(together, 1)]


def test_weights_are_not_counted_to_the_activations():
    model = nn.sequential(nn.flatten, nn.linear(50_000), nn.linear(3))
    assert evaluation_dots(model, jnp.zeros((1000, 4))) == [(59, 50_000), (59, 3)]


def test_no_examples_have_no_loss():
    result = training.evaluate(MODEL, make()[1].params, {}, *examples(0))
    assert jnp.isnan(result.loss)
    assert not result.confusion.any()


def test_wrong_batch_sizes_are_told():
    with pytest.raises(ValueError, match=r"batch_size must be in \[1, inf\), got 0"):
        make(batch_size=0)
    run, state = make(batch_size=9)
    with pytest.raises(ValueError, match="batch_size must be at most the 8 examples, got 9"):
        run.epoch(state, *examples(8))
    with pytest.raises(ValueError, match=r"batch_size must be in \[1, inf\), got 0"):
        training.evaluate(MODEL, state.params, {}, *examples(8), batch_size=0)


def test_labels_without_an_output_are_told():
    images, labels = (np.asarray(x) for x in examples(16))
    good, bad = data.Split(images, labels % 3), data.Split(images, labels + 2)
    for splits in [(bad, good, good), (good, bad, good), (good, good, bad)]:
        with pytest.raises(ValueError, match="labels must be from 0 to 2, as the model has 3 outputs, got 4"):
            training.compile_run(MODEL, optim.adam(), *splits, batch_size=4, seed=0)


@pytest.mark.parametrize(
    "optimizer",
    [
        optim.chain(optim.clip(1.0), optim.sam(optim.sgd(0.1))),
        optim.sophia(1e-2),
        optim.lbfgs(max_iter=3, line_search="strong_wolfe"),
        optim.chain(optim.adam(0.1), optim.reduce_on_plateau(patience=0)),
    ],
    ids=["sam", "sophia", "lbfgs", "reduce_on_plateau"],
)
def test_optimizers_that_want_the_loss_are_given_it(optimizer):
    images, labels = examples(16)
    run, state = make(optimizer, batch_size=16)
    epoch = jax.jit(run.epoch)
    state, first = epoch(state, images, labels)
    for _ in range(5):
        state, last = epoch(state, images, labels)
    assert last.loss < first.loss


def test_the_loss_as_a_function_is_that_of_the_batch():
    images, labels = examples(4)
    seen = {}

    def update(grads, state, params=None, *, value, value_fn, grad):
        seen.update(value=value, again=value_fn(params), slope=jax.grad(value_fn)(params), grad=grad)
        return grads, state

    run, state = make(optim.Transform(lambda params: (), update))
    run.step(state, images, labels)
    expected = mean_loss(state.params, images, labels)
    assert seen["value"] == seen["again"] == pytest.approx(float(expected), rel=1e-6)
    chex.assert_trees_all_close(seen["slope"], seen["grad"], rtol=1e-6)


@pytest.mark.parametrize(
    ("optimizer", "average"),
    [
        (optim.average_parameters(optim.sgd(5.0)), lambda state, params: optim.averaged_parameters(state)),
        (optim.schedule_free_sgd(5.0), optim.schedule_free_parameters),
    ],
    ids=["average_parameters", "schedule_free"],
)
def test_averaged_parameters_are_evaluated(optimizer, average):
    """With steps so large that the average lies far from the last."""
    images, labels = (np.asarray(x) for x in examples(16))
    split = data.Split(images, labels)
    none = data.Split(images[:0], labels[:0])
    program = training.compile_run(MODEL, optimizer, split, none, split, batch_size=4, seed=0)
    state, _ = program.epoch(program.state)
    mean = average(state.opt_state, state.params)
    want = training.evaluate(MODEL, mean, {}, images, labels)
    other = training.evaluate(MODEL, state.params, {}, images, labels)
    assert float(program.test(state).loss) == pytest.approx(float(want.loss), rel=1e-6)
    assert float(want.loss) != pytest.approx(float(other.loss), rel=1e-3)
