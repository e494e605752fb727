"""What the peers measure, without their processes; tiny and on a CPU."""

from itertools import count
from operator import itemgetter
from pathlib import Path
from types import SimpleNamespace

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks.peers import gpu_runs, updates
from benchmarks.problem import draw_leaves
from jaxlearn import optim
from models import MODELS


def test_runs_at_once_are_the_runs_one_by_one(problems):
    def train(rates, seeds, measurement):
        runs = gpu_runs.compile_runs(problems, "softmax", 32, 96, rates, seeds, optim.adam)
        states = runs.epoch(runs.init(measurement))
        return states.params, runs.score(states)

    many = train([1e-3, 1e-2], 2, 1)  # the second measurement has the seeds 2 and 3
    alone = train([1e-3], 1, 3)
    third, first = (jax.tree.map(itemgetter(n), runs) for n, runs in ((2, many), (0, alone)))
    chex.assert_trees_all_close(third, first, rtol=1e-4, atol=1e-6)


def test_training_to_an_accuracy_ends_when_every_run_has_been_there_or_with_the_epochs(monkeypatch):
    scores = np.array([[0.5, 0.9], [0.9, 0.8], [0.0, 0.0]])
    fake = gpu_runs.Runs(lambda seed: 0, lambda states: states + 1, lambda states: done.append(states) or
                         scores[states - 1])  # fmt: skip
    monkeypatch.setattr(gpu_runs, "compile_runs", lambda *_: fake)
    for target, missed, epochs in ((0.9, 0.0, 2), (0.95, 2.0, 3), (0.5, 0.0, 1)):
        done = []
        measure = gpu_runs.to_accuracy(Path(), "cnn-bn", 256, 4e-3, 3, target, seeds=2)
        assert measure(0)[1] == missed
        assert done == list(range(1, epochs + 1))


def test_a_model_computes_in_bfloat16_and_keeps_its_parameters_in_float32():
    model = gpu_runs.computes_in("bfloat16", MODELS["cnn-large"](10))
    params, _ = jax.eval_shape(lambda key: model.init(key, (28, 28, 1)), jax.random.key(0))

    def loss(params, images):
        outputs = jax.vmap(lambda x: model.apply(params, {}, x, train=True)[0])(images)
        assert outputs.dtype == jnp.float32
        return outputs.sum()

    program = jax.make_jaxpr(jax.grad(loss))(params, jax.ShapeDtypeStruct((2, 28, 28, 1), jnp.float32))
    assert {aval.dtype for aval in (*program.in_avals, *program.out_avals)} == {jnp.dtype("float32")}
    products = [
        line for line in str(program).splitlines() if " dot_general[" in line or " conv_general" in line
    ]
    assert len(products) > 8  # of the layers, with their gradients
    assert all(":bf16[" in line.partition("=")[0] for line in products)


def test_nothing_of_an_update_is_computed_before_the_loop_of_updates():
    adam, params = optim.adam(1e-3), jnp.ones(1000)

    def step(params, state, grads):
        updates, state = adam.update(grads, state, params)
        return optim.apply_updates(params, updates), state

    program = jax.jit(updates.repeat(step, 50)).lower(params, adam.init(params), params).compile().as_text()
    (loop,) = (line for line in program.splitlines() if " while(" in line)
    assert loop.partition(" while(")[0].count("f32[1000]") == 4  # parameters, gradient and two moments


def test_updates_in_a_call_are_counted_one_by_one(monkeypatch):
    monkeypatch.setattr(updates, "time", SimpleNamespace(perf_counter=count(0.0, 6.0).__next__))
    measure = updates.measure_updates(optim.sgd(0.1), optim.apply_updates, 8, 2, repeats=2, in_a_call=3)
    seconds, size = measure(0)
    assert seconds == 1.0
    start, grads = map(np.concatenate, draw_leaves(8, 2))
    moved = start - 0.1 * 9 * grads  # three calls, one of them before the clock starts
    assert size == pytest.approx(np.sqrt(np.mean(moved**2)), rel=1e-5)
