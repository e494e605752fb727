"""jaxlearn, used as its README says."""

import math
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.problem import load_problem
from jaxlearn import compare, data, optim, training
from models import MODELS

Measure = Callable[[int], tuple[float, float]]


def init_run(model: Any, seed: int) -> training.RunState:
    init = training.make_run(model, optim.adam(1e-3), batch_size=1).init
    return jax.jit(init, static_argnums=1)(jax.random.key(seed), (28, 28, 1))


def _program(folder: Path, model: str, batch: int, examples: int) -> training.Program:
    problem = load_problem(folder, model, 0)
    train = data.Split(problem.images[:examples], problem.labels[:examples])
    none = data.Split(problem.images[:0], problem.labels[:0])
    test = data.Split(problem.test_images, problem.test_labels)
    return training.compile_run(
        MODELS[model](10), optim.adam(1e-3), train, none, test, batch_size=batch, seed=0
    )


def epoch(folder: Path, model: str, batch: int, examples: int = 60_000) -> Measure:
    program = _program(folder, model, batch, examples)

    def measure(seed: int) -> tuple[float, float]:
        state = jax.block_until_ready(init_run(MODELS[model](10), seed))
        began = time.perf_counter()
        state, _ = program.epoch(state)
        return time.perf_counter() - began, float(program.test(state).loss)

    return measure


def evaluation(folder: Path, model: str) -> Measure:
    program = _program(folder, model, 64, 64)
    program.test(program.state)

    def measure(seed: int) -> tuple[float, float]:
        state = jax.block_until_ready(init_run(MODELS[model](10), seed))
        began = time.perf_counter()
        result = program.test(state)
        return time.perf_counter() - began, float(result.loss)

    return measure


def update(folder: Path, parameters: int, leaves: int, repeats: int) -> Measure:
    """Adam on random gradients, one call an update."""
    optimizer = optim.adam(1e-3)

    def draw(key: jax.Array) -> list[jax.Array]:
        return [jax.random.normal(k, (parameters // leaves,)) for k in jax.random.split(key, leaves)]

    def step(params: Any, state: Any, grads: Any) -> tuple[Any, Any]:
        updates, state = optimizer.update(grads, state, params)
        return optim.apply_updates(params, updates), state

    params, grads = jax.jit(draw)(jax.random.key(0)), jax.jit(draw)(jax.random.key(1))
    step = jax.jit(step, donate_argnums=(0, 1)).lower(params, optimizer.init(params), grads).compile()
    start = jax.tree.map(np.asarray, params)

    def measure(seed: int) -> tuple[float, float]:
        params = jax.tree.map(jnp.array, start)
        state = optimizer.init(params)
        params, state = jax.block_until_ready(step(params, state, grads))
        began = time.perf_counter()
        for _ in range(repeats):
            params, state = step(params, state, grads)
        jax.block_until_ready(params)
        seconds = (time.perf_counter() - began) / repeats
        return seconds, math.sqrt(sum(float((p**2).sum()) for p in params) / parameters)

    return measure


def grid(
    folder: Path, model: str, batch: int, rates: list[float], seeds: int, examples: int = 60_000
) -> Measure:
    problem = load_problem(folder, model, 0)
    train = data.Split(problem.images[:examples], problem.labels[:examples])
    few = data.Split(problem.test_images[:100], problem.test_labels[:100])
    contender = compare.Contender(
        "adam", optim.adam, {"learning_rate": rates}, MODELS[model](10), model
    )

    def measure(seed: int) -> tuple[float, float]:
        result = compare.compare(
            [contender], train, few, few, seeds=range(seeds), epochs=1, batch_size=batch, width=width
        )
        (sweep,) = result.sweeps
        return sweep.seconds, float(np.mean(sweep.train_loss[:, :, -1]))

    width = None
    return measure
