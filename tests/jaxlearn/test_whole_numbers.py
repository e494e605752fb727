"""Every argument that is a whole number takes those of numpy and JAX for what they are, and nothing else.

The oracle is the same call with Python's own int, and `operator.index`, which says what a whole number is.
"""

import inspect
import operator
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxlearn.data
import models
from jaxlearn import compare, data, losses, metrics, nn, optim, recording, schedules, training
from jaxlearn.compare.functions import descend
from jaxlearn.data import Dataset, Split, hold_out, read_picture

WHOLE = {"int64": np.int64, "int32": np.int32, "uint8": np.uint8, "array": np.array, "jax": jnp.array}
OTHERS = [2.0, np.float64(2), True, np.True_, np.array(True), "2", np.array([2]), jnp.array(True)]
KEY = jax.random.key(0)


def layer(made, shape, x=None):
    """What there is to see of a layer: its name, first values, and what it makes of an example."""
    params, state = made.init(KEY, shape)
    x = jax.random.normal(KEY, shape) if x is None else x
    return made.name, jax.tree.map(jnp.shape, params), made.apply(params, state, x)[0]


def pool(made, shape=(30, 2)):
    return made.__name__, made(jax.random.normal(KEY, shape))


def descent(opt):
    """The states and the updates of three steps."""
    params, seen = jnp.arange(6.0).reshape(2, 3) - 2, []
    loss = lambda p: jnp.sum(p**4)
    state = opt.init(params)
    for _ in range(3):
        value, grads = jax.value_and_grad(loss)(params)
        extra = {"value": value, "value_fn": loss} if opt.update.__kwdefaults__ != {} else {}
        updates, state = opt.update(grads, state, params, **extra)
        seen.append(updates)
        params = params + updates
    return seen, [leaf for leaf in jax.tree.leaves(state) if jnp.issubdtype(leaf.dtype, jnp.number)]


def values(schedule):
    return [schedule(step) for step in (0, 1, 99, 150, 250, 400)]


def parts(**arguments):
    """A run of two epochs on ten examples."""
    images, labels = np.linspace(0, 1, 40, dtype=np.float32).reshape(10, 4), np.arange(10) % 3
    rest = {"batch_size": 4, "seed": 3} | arguments
    split, model = Split(images, labels), nn.sequential(nn.linear(3))
    return training.compile_run(model, optim.sgd(0.1), split, split, split, **rest)


def trained(program, epochs=2, every=None):
    positions = training.run_parts(program, training.Position(program.state), epochs, every)
    return [(at.done, *jax.device_get((at.state.params, at.state.measured))) for at in positions]


def epoch(run):
    """The state after an epoch on three scores."""
    split = Split(SCORES, LABELS % 3)
    return run.advance(run.init(training.draw_start(nn.linear(3), KEY, (4,)), split), split)


def compared(**arguments):
    images, labels = np.linspace(0, 1, 40, dtype=np.float32).reshape(10, 4), np.arange(10) % 3
    split = Split(images, labels)
    contenders = [compare.Contender("sgd", optim.sgd, {"learning_rate": [0.1]}, nn.linear(3))]
    rest = {"seeds": [1], "epochs": 1, "batch_size": 4, "width": 1} | arguments
    result = compare.compare(contenders, split, split, split, **rest)
    return result.epochs, result.batch_size, result.sweeps[0].seeds, result.sweeps[0].test_scores


SGD, IMAGE, SEQUENCE = optim.sgd(0.1), (9, 9, 4), (30, 4)
PARAMS = nn.multi_head_attention(2).init(KEY, (5, 4))[0]
SCORES, LABELS = jax.random.normal(KEY, (5, 4)), jnp.array([0, 3, 2, 1, 2])
SPLIT = Split(np.arange(10.0).reshape(10, 1), np.arange(10) % 3)
LINEAR = nn.linear(3).init(KEY, (4,))
FUNCTION = compare.functions.SURFACES["saddle"]

# each of them is called with a whole number, which is the second entry
TABLE = {
    "nn.adaptive_avg_pool(size)": (lambda n: pool(nn.adaptive_avg_pool(n)), 20),
    "nn.attention(heads)": (lambda n: nn.attention(PARAMS, SCORES, SCORES, SCORES, n), 2),
    "nn.avg_pool(window)": (lambda n: pool(nn.avg_pool(n)), 20),
    "nn.avg_pool(stride)": (lambda n: pool(nn.avg_pool((3, 2), (n, 1)), (250, 9, 1)), 100),
    "nn.avg_pool(padding)": (lambda n: pool(nn.avg_pool(200, 1, padding=n)), 100),
    "nn.conv1d(features)": (lambda n: layer(nn.conv1d(n, 3), SEQUENCE), 8),
    "nn.conv1d(kernel_size)": (lambda n: layer(nn.conv1d(2, n), SEQUENCE), 20),
    "nn.conv1d(stride)": (lambda n: layer(nn.conv1d(2, 2, n), SEQUENCE), 20),
    "nn.conv1d(padding)": (lambda n: layer(nn.conv1d(2, 2, padding=n), SEQUENCE), 200),
    "nn.conv1d(dilation)": (lambda n: layer(nn.conv1d(2, 3, dilation=n), (400, 1)), 150),
    "nn.conv1d(groups)": (lambda n: layer(nn.conv1d(4, 3, groups=n), SEQUENCE), 2),
    "nn.conv2d(features)": (lambda n: layer(nn.conv2d(n, (3, 2)), IMAGE), 8),
    "nn.conv2d(kernel_size)": (lambda n: layer(nn.conv2d(2, [n, 1]), IMAGE), 3),
    "nn.conv2d(stride)": (lambda n: layer(nn.conv2d(2, 2, (n, n)), IMAGE), 3),
    "nn.conv2d(padding)": (lambda n: layer(nn.conv2d(2, 2, padding=(n, 0)), IMAGE), 3),
    "nn.conv2d(dilation)": (lambda n: layer(nn.conv2d(2, 2, dilation=n), IMAGE), 3),
    "nn.conv2d(groups)": (lambda n: layer(nn.conv2d(4, 2, groups=n), IMAGE), 2),
    "nn.embedding(count)": (lambda n: layer(nn.embedding(n, 3), (2,), jnp.array([0, 1])), 200),
    "nn.embedding(features)": (lambda n: layer(nn.embedding(4, n), (2,), jnp.array([0, 1])), 200),
    "nn.embedding(padding_index)": (lambda n: layer(nn.embedding(4, 2, n), (2,), jnp.array([2, 1])), 2),
    "nn.group_norm(groups)": (lambda n: layer(nn.group_norm(n), IMAGE), 2),
    "nn.gru(features)": (lambda n: layer(nn.gru(n), SEQUENCE), 100),
    "nn.gru(layers)": (lambda n: layer(nn.gru(2, n), SEQUENCE), 2),
    "nn.layer_norm(axes)": (lambda n: layer(nn.layer_norm(n), IMAGE), 2),
    "nn.linear(features)": (lambda n: layer(nn.linear(n), (3,)), 200),
    "nn.lstm(features)": (lambda n: layer(nn.lstm(n), SEQUENCE), 100),
    "nn.lstm(layers)": (lambda n: layer(nn.lstm(2, n), SEQUENCE), 2),
    "nn.max_pool(window)": (lambda n: pool(nn.max_pool(n)), 20),
    "nn.max_pool(stride)": (lambda n: pool(nn.max_pool(2, n), IMAGE), 3),
    "nn.max_pool(padding)": (lambda n: pool(nn.max_pool((200, 2), (1, 1), (n, 1)), (30, 8, 1)), 100),
    "nn.multi_head_attention(heads)": (lambda n: layer(nn.multi_head_attention(n), SEQUENCE), 2),
    "nn.rms_norm(axes)": (lambda n: layer(nn.rms_norm(n), IMAGE), 2),
    "nn.rnn(features)": (lambda n: layer(nn.rnn(n), SEQUENCE), 100),
    "nn.rnn(layers)": (lambda n: layer(nn.rnn(2, n), SEQUENCE), 2),
    "optim.accumulate(steps)": (lambda n: descent(optim.accumulate(SGD, n)), 2),
    "optim.ademamix(warmup_steps)": (lambda n: descent(optim.ademamix(warmup_steps=n)), 200),
    "optim.average_parameters(start)": (lambda n: descent(optim.average_parameters(SGD, start=n)), 2),
    "optim.average_parameters(every)": (lambda n: descent(optim.average_parameters(SGD, every=n)), 2),
    "optim.lbfgs(max_iter)": (lambda n: descent(optim.lbfgs(0.1, max_iter=n)), 60),
    "optim.lbfgs(max_eval)": (lambda n: descent(optim.lbfgs(0.1, max_eval=n)), 3),
    "optim.lbfgs(history_size)": (lambda n: descent(optim.lbfgs(0.1, history_size=n)), 3),
    "optim.lookahead(steps)": (lambda n: descent(optim.lookahead(SGD, n)), 2),
    "optim.muon(ns_steps)": (lambda n: descent(optim.muon(ns_steps=n)), 2),
    "optim.orthogonalize(ns_steps)": (lambda n: optim.orthogonalize(SCORES, n), 2),
    "optim.reduce_on_plateau(patience)": (lambda n: descent(optim.reduce_on_plateau(patience=n)), 1),
    "optim.reduce_on_plateau(cooldown)": (lambda n: descent(optim.reduce_on_plateau(cooldown=n)), 200),
    "optim.reduce_on_plateau(every)": (lambda n: descent(optim.reduce_on_plateau(every=n)), 2),
    "optim.scale_by_ademamix(warmup_steps)": (lambda n: descent(optim.scale_by_ademamix(warmup_steps=n)), 2),
    "optim.scale_by_muon(ns_steps)": (lambda n: descent(optim.scale_by_muon(ns_steps=n)), 2),
    "optim.scale_by_shampoo(update_interval)": (
        lambda n: descent(optim.scale_by_shampoo(update_interval=n)),
        2,
    ),
    "optim.scale_by_shampoo(max_dim)": (lambda n: descent(optim.scale_by_shampoo(max_dim=n)), 2),
    "optim.scale_by_soap(precondition_frequency)": (
        lambda n: descent(optim.scale_by_soap(precondition_frequency=n)),
        2,
    ),
    "optim.scale_by_soap(max_precond_dim)": (lambda n: descent(optim.scale_by_soap(max_precond_dim=n)), 2),
    "optim.scale_by_sophia(update_interval)": (
        lambda n: descent(optim.scale_by_sophia(update_interval=n)),
        2,
    ),
    "optim.schedule_free(warmup_steps)": (
        lambda n: descent(optim.schedule_free(optim.scale(1.0), 0.1, warmup_steps=n)),
        200,
    ),
    "optim.schedule_free_adamw(warmup_steps)": (
        lambda n: descent(optim.schedule_free_adamw(warmup_steps=n)),
        2,
    ),
    "optim.schedule_free_sgd(warmup_steps)": (
        lambda n: descent(optim.schedule_free_sgd(0.1, warmup_steps=n)),
        2,
    ),
    "optim.shampoo(update_interval)": (lambda n: descent(optim.shampoo(update_interval=n)), 2),
    "optim.shampoo(max_dim)": (lambda n: descent(optim.shampoo(max_dim=n)), 2),
    "optim.soap(precondition_frequency)": (lambda n: descent(optim.soap(precondition_frequency=n)), 2),
    "optim.soap(max_precond_dim)": (lambda n: descent(optim.soap(max_precond_dim=n)), 2),
    "optim.sophia(update_interval)": (lambda n: descent(optim.sophia(update_interval=n)), 2),
    "schedules.cosine(steps)": (lambda n: values(schedules.cosine(1.0, n)), 200),
    "schedules.cyclic(up_steps)": (lambda n: values(schedules.cyclic(1.0, 0.1, n)), 200),
    "schedules.cyclic(down_steps)": (lambda n: values(schedules.cyclic(1.0, 0.1, 100, n)), 200),
    "schedules.exponential(steps)": (lambda n: values(schedules.exponential(1.0, 0.5, n)), 200),
    "schedules.inverse_sqrt(warmup_steps)": (lambda n: values(schedules.inverse_sqrt(1.0, n)), 200),
    "schedules.join(boundaries)": (
        lambda n: values(schedules.join([1.0, schedules.cosine(1.0, 9)], [n])),
        200,
    ),
    "schedules.linear(steps)": (lambda n: values(schedules.linear(1.0, 0.1, n)), 200),
    "schedules.multi_step(boundaries)": (lambda n: values(schedules.multi_step(1.0, [1, n])), 200),
    "schedules.multiplicative(steps)": (
        lambda n: values(schedules.multiplicative(1.0, lambda step: 0.99, n)),
        200,
    ),
    "schedules.one_cycle(steps)": (lambda n: values(schedules.one_cycle(1.0, n, three_phase=True)), 200),
    "schedules.parse(steps_per_epoch)": (
        lambda n: values(schedules.parse("cosine:warmup=1", 1.0, steps_per_epoch=n, epochs=3)),
        200,
    ),
    "schedules.parse(epochs)": (
        lambda n: values(schedules.parse("cosine:warmup=1", 1.0, steps_per_epoch=90, epochs=n)),
        4,
    ),
    "schedules.polynomial(steps)": (lambda n: values(schedules.polynomial(1.0, n)), 200),
    "schedules.step(steps)": (lambda n: values(schedules.step(1.0, n)), 100),
    "schedules.warm_restarts(steps)": (lambda n: values(schedules.warm_restarts(1.0, n, 2)), 100),
    "schedules.warm_restarts(growth)": (lambda n: values(schedules.warm_restarts(1.0, 7, n)), 2),
    "schedules.warmup(steps)": (lambda n: values(schedules.warmup(1.0, n)), 200),
    "schedules.warmup_stable_decay(warmup_steps)": (
        lambda n: values(schedules.warmup_stable_decay(1.0, n, 100, 100)),
        200,
    ),
    "schedules.warmup_stable_decay(stable_steps)": (
        lambda n: values(schedules.warmup_stable_decay(1.0, 100, n, 100)),
        200,
    ),
    "schedules.warmup_stable_decay(decay_steps)": (
        lambda n: values(schedules.warmup_stable_decay(1.0, 100, 100, n)),
        200,
    ),
    "training.compile_run(batch_size)": (lambda n: trained(parts(batch_size=n)), 4),
    "training.compile_run(seed)": (lambda n: trained(parts(seed=n)), 200),
    "training.compile_run(at_a_time)": (lambda n: trained(parts(at_a_time=n)), 8),
    "data.count_batches(examples)": (lambda n: data.count_batches(n, 64), 200),
    "data.count_batches(batch_size)": (lambda n: data.count_batches(60_000, n), 64),
    "training.evaluate(batch_size)": (
        lambda n: training.evaluate(nn.linear(3), *LINEAR, SCORES, LABELS % 3, batch_size=n),
        2,
    ),
    "training.fit(epochs)": (lambda n: [report.val_loss for _, report in training.fit(parts(), n)], 2),
    "training.make_run(batch_size)": (
        lambda n: epoch(training.make_run(nn.linear(3), SGD, batch_size=n)).params,
        2,
    ),
    "training.predict(batch_size)": (
        lambda n: training.predict(nn.linear(3), *LINEAR, np.tile(SCORES, (60, 1)), batch_size=n),
        200,
    ),
    "training.fit(patience)": (
        lambda n: [report.val_loss for _, report in training.fit(parts(), 2, patience=n)],
        2,
    ),
    "training.run_parts(epochs)": (lambda n: trained(parts(), n), 2),
    "training.run_parts(every)": (lambda n: trained(parts(), every=n), 2),
    "training.update_bn(batch_size)": (
        lambda n: training.update_bn(
            nn.batch_norm(), *nn.batch_norm().init(KEY, (4,)), SCORES[:4], batch_size=n
        ),
        2,
    ),
    "compare.compare(seeds)": (lambda n: compared(seeds=[n]), 200),
    "compare.compare(epochs)": (lambda n: compared(epochs=n), 2),
    "compare.compare(batch_size)": (lambda n: compared(batch_size=n), 4),
    "compare.compare(width)": (lambda n: compared(width=n), 2),
    "compare.compare(max_memory)": (lambda n: compared(max_memory=n), 2**31 - 1),
    "compare.functions.descend(steps)": (lambda n: descend(FUNCTION, SGD, n), 200),
    "compare.log_grid(number)": (lambda n: compare.log_grid(1e-3, 1, n), 200),
    "compare.functions.tune(steps)": (
        lambda n: compare.functions.tune(FUNCTION, "sgd", optim.sgd, [0.1], n).values,
        200,
    ),
    "metrics.confusion_matrix(classes)": (lambda n: metrics.confusion_matrix(LABELS, LABELS, n), 200),
    "metrics.top_k_accuracy(k)": (lambda n: metrics.top_k_accuracy(SCORES, LABELS, n), 2),
    "losses.cross_entropy(ignore_index)": (lambda n: losses.cross_entropy(SCORES, LABELS, ignore_index=n), 2),
    "losses.nll(ignore_index)": (lambda n: losses.nll(SCORES, LABELS, ignore_index=n), 2),
    "data.Dataset(classes)": (lambda n: Dataset("set", SPLIT, SPLIT, n, "here").classes, 200),
    "data.hold_out(examples)": (lambda n: hold_out(SPLIT, n), 2),
    "data.hold_out(seed)": (lambda n: hold_out(SPLIT, 2, n), 200),
}
# shapes of arrays, which JAX reads; what JAX itself takes; a folder, elsewhere
NOT_HERE = re.compile(r"shape\)$|nn.init.|conv_general_dilated|\.layer\(|record_run|settle")


def arguments():
    """Every argument of a public function, and of `Dataset`, that is annotated with `int`."""
    modules = (nn, nn.init, optim, schedules, training, compare, compare.functions, metrics, losses)
    for module in (*modules, jaxlearn.data):
        for name in getattr(module, "__all__", vars(module)):
            function = getattr(module, name)
            if not (inspect.isfunction(function) or function is Dataset):
                continue
            own = "jaxlearn." if hasattr(module, "__all__") else module.__name__
            if name.startswith("_") or not function.__module__.startswith(own):
                continue
            for argument in inspect.signature(function).parameters.values():
                if re.search(r"\bint\b", str(argument.annotation)):
                    yield f"{module.__name__.removeprefix('jaxlearn.')}.{name}({argument.name})"


def test_every_such_argument_is_in_the_table():
    assert {name for name in arguments() if not NOT_HERE.search(name)} == set(TABLE)


def same(got, expected):
    assert jax.tree.structure(got) == jax.tree.structure(expected)
    for here, there in zip(jax.tree.leaves(got), jax.tree.leaves(expected), strict=True):
        assert type(here) is type(there)
        np.testing.assert_array_equal(here, there)


@pytest.mark.parametrize("name", TABLE)
def test_whole_numbers_of_any_library_are_those_of_python(name):
    make, number = TABLE[name]
    expected = make(number)
    small = "uint8" if number < 256 else "int64"  # unsigned and of 8 bits is what goes wrong first
    slow = name.startswith(("optim", "training", "compare"))
    for kind in [small] if slow else set(WHOLE) - {"uint8"} | {small}:
        other = WHOLE[kind](number)
        assert operator.index(other) == number
        same(make(other), expected)


@pytest.mark.parametrize("name", TABLE)
def test_what_is_no_whole_number_is_refused_in_one_line(name):
    make, _ = TABLE[name]
    for other in OTHERS:
        with pytest.raises((TypeError, ValueError), match=r".* must be .*, got .*") as caught:
            make(other)
        assert "\n" not in str(caught.value), other
        argument = re.search(r"\((\w+?)s?\)", name)[1]
        assert argument in str(caught.value) or name.startswith("compare.log_grid"), other


def test_shapes_and_sizes_of_models_may_be_of_numpy():
    for name in ("resnet", "cnn-bn"):
        made = [models.MODELS[name](10, channels=channels) for channels in (100, np.uint8(100))]
        assert nn.summarize(made[0], (28, 28, 1)) == nn.summarize(made[1], (28, 28, 1))
    with pytest.raises(ValueError, match=r"\(1, 1, 2\)"):
        read_picture("none", (np.int64(1), np.int64(1), np.int64(2)))


def test_what_is_saved_may_be_counted_with_numpy(tmp_path):
    """Where `keep` is negated, an unsigned one became a huge number, and no checkpoint stayed."""
    saving = recording.Saving(np.int64(1), "epochs", np.uint8(2))
    identity = dict.fromkeys(("dataset", "model", "optimizer", "seed"), np.int64(3))
    recording.record_run(
        parts(), tmp_path, np.int32(4), config={"epochs": np.int64(4)}, about=identity, saving=saving
    )
    assert (tmp_path / "config.json").read_text(encoding="utf-8").startswith('{\n  "epochs": 4,')
    kept = [int(path.stem) for path in (tmp_path / "checkpoints").iterdir()]
    assert len(kept) in (2, 3)  # the last two, and the best
    assert {9, 12} <= set(kept)
    with pytest.raises(TypeError, match=r"keep must be a whole number, got 2.0"):
        recording.record_run(parts(), tmp_path, 4, about=identity, saving=saving._replace(keep=2.0))


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_numbers_of_numpy_are_hyperparameters(kind):
    """To the accuracy of the kind."""
    for make in (optim.adam, optim.rmsprop, optim.lion, optim.schedule_free_sgd, optim.adan):
        got, expected = descent(make(kind(0.125))), descent(make(0.125))
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6), got, expected)
    x = jnp.ones(5)
    for rate in (0, 1):
        grad = jax.grad(lambda x, r=rate: nn.dropout(kind(r)).apply({}, {}, x, key=KEY, train=True)[0].sum())
        np.testing.assert_array_equal(grad(x), 1 - rate)
    for truth in (np.True_, jnp.array(True)):
        with pytest.raises(TypeError, match="learning_rate must be a number"):
            optim.adam(truth)
