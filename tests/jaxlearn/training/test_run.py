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
from jaxlearn._draw import draw_order

MODEL = nn.sequential(nn.flatten, nn.linear(5), jax.nn.tanh, nn.linear(3))
SHAPE = (2, 2, 1)


def examples(count, seed=0):
    random = np.random.default_rng(seed)
    images = random.integers(0, 256, (count, *SHAPE), np.uint8)
    return jnp.asarray(images), jnp.asarray(random.integers(0, 3, count), jnp.int32)


def make(of, opt=None, batch_size=4, seed=0, model=MODEL, **options):
    """A run on some examples, and its first state."""
    run = training.make_run(model, opt or optim.adam(0.01), batch_size=batch_size, **options)
    return run, run.init(training.draw_start(model, jax.random.key(seed), SHAPE), of)


def means(state, of, batch_size=4):
    return state.measured.means(len(of[1]), batch_size)


def mean_loss(params, images, labels):
    logits = jax.vmap(lambda x: MODEL.apply(params, {}, x / 255)[0])(images)
    return jnp.mean(jax.vmap(losses.cross_entropy)(logits, labels))


def test_a_step_is_gradient_descent_on_the_mean_loss():
    images, labels = batch = examples(4)
    run, state = make(batch, optim.sgd(0.5))
    after = run.advance(state, batch, jnp.arange(4))
    value, grads = jax.value_and_grad(mean_loss)(state.params, images, labels)
    want = jax.tree.map(lambda p, g: p - 0.5 * g, state.params, grads)
    chex.assert_trees_all_close(after.params, want, rtol=1e-5, atol=1e-7)
    assert after.measured.loss[0] == pytest.approx(float(value), rel=1e-6)
    assert int(after.step) == 1


def test_the_last_batch_is_what_remains():
    """Not filled up: batch normalisation and the weighted mean of the loss see those examples alone."""
    images, labels = all = examples(7)
    model = nn.sequential(nn.flatten, nn.linear(5), nn.batch_norm(), nn.linear(3))
    loss = partial(losses.cross_entropy, weight=jnp.array([1.0, 5.0, 20.0]))
    run, state = make(all, optim.sgd(0.1), model=model, loss=loss)
    after = run.advance(state, all)
    order = draw_order(state.key, state.step, 7)
    first = run.advance(state, all, order[:4])
    rest = images[order[4:]], labels[order[4:]]
    second = run.advance(first, rest, jnp.arange(3), begin=1, offset=1)
    chex.assert_trees_all_close(after.params, second.params, rtol=1e-5, atol=1e-6)
    chex.assert_trees_all_close(after.model_state, second.model_state, rtol=1e-5)
    chex.assert_trees_all_equal(after.key, second.key)
    chex.assert_trees_all_close(after.measured, second.measured, rtol=1e-5)
    for mean, (full, last) in zip(means(after, all), second.measured, strict=True):
        assert mean == pytest.approx(float((4 * full + 3 * last) / 7), rel=1e-5)


@hypothesis.settings(max_examples=5)  # a compilation each
@hypothesis.given(count=st.integers(1, 30), data=st.data())
def test_an_epoch_sees_every_example_once(count, data):
    """While nothing is learnt, the means over the epoch are the means over the set."""
    batch_size = data.draw(st.integers(1, count))
    all = examples(count)
    run, state = make(all, optim.sgd(0.0), batch_size)
    after = jax.jit(run.advance)(state, all)
    result = training.evaluate(MODEL, state.params, {}, *all)
    mean = means(after, all, batch_size)
    assert mean.loss == pytest.approx(float(result.loss), rel=1e-5)
    assert mean.accuracy == pytest.approx(float(jnp.trace(result.confusion)) / count, rel=1e-5)
    assert int(after.step) == -(-count // batch_size)
    chex.assert_trees_all_equal(after.params, state.params)


def test_epochs_and_seeds_are_shuffled_differently():
    orders = [
        draw_order(jax.random.key(seed), jnp.array(step), 50) for seed, step in ((0, 0), (0, 7), (1, 0))
    ]
    assert all(sorted(order.tolist()) == list(range(50)) for order in orders)
    assert len({tuple(order.tolist()) for order in orders}) == 3


def test_every_example_is_as_likely_at_every_place():
    keys = jax.random.split(jax.random.key(0), 4000)
    orders = jax.vmap(lambda key: draw_order(key, jnp.array(0), 4))(keys)
    counts = np.array([[(orders[:, place] == example).sum() for place in range(4)] for example in range(4)])
    # chi-square with 9 degrees of freedom is below 27.9 in 999 of 1000 cases
    assert ((counts - 1000) ** 2 / 1000).sum() < 27.9


def test_an_epoch_takes_the_order_that_it_is_given():
    images, labels = all = examples(8)
    run, state = make(all, batch_size=2)
    own = run.advance(state, all)
    same = run.advance(state, all, draw_order(state.key, state.step, 8))
    chex.assert_trees_all_equal(own.params, same.params)
    first = run.advance(state, all, jnp.arange(8))
    for at in range(0, 8, 2):
        batch = images[at : at + 2], labels[at : at + 2]
        state = run.advance(state, batch, jnp.arange(2))
    chex.assert_trees_all_close(first.params, state.params, rtol=1e-5)


@pytest.mark.parametrize("jit", [jax.jit, lambda function: function], ids=["traced", "numbers"])
def test_an_epoch_is_the_updates_of_its_parts(jit):
    """Full batches by their numbers, as traced ones or not, and what remains by going on to the end."""
    all = examples(11)
    run, state = make(all, batch_size=2)
    whole = run.advance(state, all)
    order = draw_order(state.key, state.step, 11)
    for begin, end in [(0, 1), (1, 4), (4, 4), (4, 5)]:
        state = jit(run.advance)(state, all, order, begin, end)
        assert int(state.step) == end
    state = run.advance(state, all, order, begin=5)
    chex.assert_trees_all_close(whole.params, state.params, rtol=1e-5)
    chex.assert_trees_all_close(whole.measured, state.measured, rtol=1e-5)
    assert int(state.step) == 6


def test_more_or_fewer_examples_than_the_state_was_made_for_are_refused():
    run, state = make(examples(8), batch_size=2)
    with pytest.raises(ValueError, match="with 4 updates an epoch; got 6, with 3"):
        run.advance(state, examples(6))


def test_every_step_draws_anew_and_not_what_the_shuffling_drew():
    def keep_key(params, state, x, *, key=None, train=False):
        return x, {"key": jax.lax.psum(jax.random.key_data(key) >> 8, "batch") if train else state["key"]}

    start = {"key": jnp.zeros(2, jnp.uint32)}
    keeping = nn.Layer(lambda key, shape: ({}, start), keep_key)
    all = examples(4)
    run, state = make(all, optim.sgd(0.0), model=nn.sequential(nn.flatten, keeping, nn.linear(3)))
    orders_key, _ = jax.random.split(state.key)
    seen, shuffling = set(), set()
    for step in range(3):
        state = run.advance(state, all)
        seen.add(tuple(jax.tree.leaves(state.model_state)[0].tolist()))
        drawn = jax.random.key_data(jax.random.split(jax.random.fold_in(orders_key, step), 4))
        shuffling.add(tuple((drawn >> 8).sum(axis=0, dtype=jnp.uint32).tolist()))
    assert len(seen) == 3
    assert not seen & shuffling


class JitChangesNothing(chex.TestCase):
    @chex.variants(with_jit=True, without_jit=True)
    def test_epoch(self):
        all = examples(10)
        run, state = make(all)
        after, reference = self.variant(run.advance)(state, all), run.advance(state, all)
        chex.assert_trees_all_close(after.params, reference.params, rtol=1e-5, atol=1e-6)
        chex.assert_trees_all_close(after.measured, reference.measured, rtol=1e-5)


def test_one_epoch_program_serves_all_epochs():
    chex.clear_trace_counter()
    all = examples(10)
    run, state = make(all)
    epoch = jax.jit(chex.assert_max_traces(run.advance, n=1), donate_argnums=0)
    for _ in range(3):
        before = state
        state = epoch(state, all)
        assert {leaf.is_deleted() for leaf in jax.tree.leaves(before.params)} == {True}
    assert int(state.step) == 9


def test_a_grid_of_runs_is_one_program_and_equals_the_runs_alone():
    chex.clear_trace_counter()
    all = examples(20)

    @jax.jit
    @chex.assert_max_traces(n=1)
    def train(learning_rate, seed):
        run, state = make(all, optim.adam(learning_rate), batch_size=8, seed=seed)
        for _ in range(2):
            state = run.advance(state, all)
        return state.params, state.measured

    rates, seeds = jnp.array([1e-3, 1e-2, 1e-1]), jnp.arange(2)
    grid = jax.vmap(jax.vmap(train, (None, 0)), (0, None))(rates, seeds)
    chex.clear_trace_counter()
    for i, rate in enumerate(rates):
        for j, seed in enumerate(seeds):
            member = jax.tree.map(lambda x, i=i, j=j: x[i, j], grid)
            chex.assert_trees_all_close(member, train(rate, seed), rtol=1e-4, atol=1e-5)


def test_optax_optimizers_train_as_well():
    all = examples(20)
    ours, start = make(all, optim.adam(0.01))
    theirs, state = make(all, optax.adam(0.01))
    with jax.numpy_dtype_promotion("standard"):
        got = theirs.advance(state, all)
    want = ours.advance(start, all)
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
    images, labels = all = examples(8)
    run, state = make(all, optim.sgd(0.1), batch_size=8, model=model)
    state = run.advance(state, all)
    assert state.model_state["0"]["mean"] == pytest.approx(float(jnp.mean(images / 255)) / 2, rel=1e-5)
    result = training.evaluate(model, state.params, state.model_state, images, labels)
    assert int(result.confusion.sum()) == 8


@pytest.mark.parametrize("batch_size", [1, 7, 29, 30, 31, 1000])
def test_evaluation_scores_every_example_at_any_batch_size(batch_size):
    images, labels = examples(30)
    _, state = make((images, labels))
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
    result = training.evaluate(MODEL, make(examples(4))[1].params, {}, *examples(0))
    assert jnp.isnan(result.loss)
    assert not result.confusion.any()


def test_wrong_batch_sizes_are_told():
    with pytest.raises(ValueError, match=r"batch_size must be in \[1, inf\), got 0"):
        make(examples(8), batch_size=0)
    with pytest.raises(ValueError, match="batch_size must be at most the 8 examples, got 9"):
        make(examples(8), batch_size=9)
    _, state = make(examples(8))
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
    all = examples(16)
    run, state = make(all, optimizer, batch_size=16)
    epoch = jax.jit(run.advance)
    first = last = epoch(state, all)
    for _ in range(5):
        last = epoch(last, all)
    assert last.measured.loss < first.measured.loss


def test_the_loss_as_a_function_is_that_of_the_batch():
    images, labels = all = examples(4)
    seen = {}

    def update(grads, state, params=None, *, value, value_fn, grad):
        seen.update(value=value, again=value_fn(params), slope=jax.grad(value_fn)(params), grad=grad)
        return grads, state

    run, state = make(all, optim.Transform(lambda params: (), update))
    with jax.disable_jit():  # so that what is seen are numbers
        run.advance(state, all)
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
    ((state, _),) = training.fit(program, 1)
    mean = average(state.opt_state, state.params)
    want = training.evaluate(MODEL, mean, {}, images, labels)
    other = training.evaluate(MODEL, state.params, {}, images, labels)
    assert float(program.test(state).loss) == pytest.approx(float(want.loss), rel=1e-6)
    assert float(want.loss) != pytest.approx(float(other.loss), rel=1e-3)
