"""jaxlearn, used as its README says."""

import math
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.problem import load_problem
from jaxlearn import cli, compare, data, optim, training
from models import MODELS

Measure = Callable[[int], tuple[float, float]]
NONE = data.Split(np.zeros((0, 28, 28, 1), np.uint8), np.zeros(0, np.int32))


def init_run(model: Any, seed: int) -> training.RunState:
    init = training.make_run(model, optim.adam(1e-3), batch_size=1).init
    return jax.jit(init, static_argnums=1)(jax.random.key(seed), (28, 28, 1))


def _splits(folder: Path, model: str, examples: int) -> tuple[data.Split, data.Split]:
    problem = load_problem(folder, model, 0)
    train = data.Split(problem.images[:examples], problem.labels[:examples])
    return train, data.Split(problem.test_images, problem.test_labels)


def epoch(folder: Path, model: str, batch: int, examples: int = 60_000, **sizes: int) -> Measure:
    network = MODELS[model](10, **sizes)
    train, test = _splits(folder, model, examples)
    program = training.compile_run(network, optim.adam(1e-3), train, NONE, test, batch_size=batch, seed=0)

    def measure(seed: int) -> tuple[float, float]:
        state = jax.block_until_ready(init_run(network, seed))
        began = time.perf_counter()
        state, _ = program.epoch(state)
        return time.perf_counter() - began, float(program.test(state).loss)

    return measure


def evaluation(folder: Path, model: str) -> Measure:
    train, test = _splits(folder, model, 64)
    network = MODELS[model](10)
    program = training.compile_run(network, optim.adam(1e-3), train, NONE, test, batch_size=64, seed=0)

    def measure(seed: int) -> tuple[float, float]:
        state = jax.block_until_ready(init_run(network, seed))
        began = time.perf_counter()
        result = program.test(state)
        return time.perf_counter() - began, float(result.loss)

    return measure


def update(folder: Path, parameters: int, leaves: int, repeats: int) -> Measure:
    """Adam, one call an update; the loss is the root of the mean square of the parameters."""
    optimizer = optim.adam(1e-3)
    draw = np.random.default_rng(0).standard_normal
    start = [draw(parameters // leaves, np.float32) for _ in range(leaves)]
    grads = [jnp.asarray(draw(parameters // leaves, np.float32)) for _ in range(leaves)]

    def step(params: Any, state: Any, grads: Any) -> tuple[Any, Any]:
        updates, state = optimizer.update(grads, state, params)
        return optim.apply_updates(params, updates), state

    compiled = jax.jit(step, donate_argnums=(0, 1))

    def measure(seed: int) -> tuple[float, float]:
        params = [jnp.array(leaf) for leaf in start]
        state = optimizer.init(params)
        params, state = jax.block_until_ready(compiled(params, state, grads))
        began = time.perf_counter()
        for _ in range(repeats):
            params, state = compiled(params, state, grads)
        jax.block_until_ready(params)
        seconds = (time.perf_counter() - began) / repeats
        return seconds, math.sqrt(sum(float((p**2).sum()) for p in params) / parameters)

    return measure


def grid(folder: Path, model: str, batch: int, rates: list[float], seeds: int, examples: int) -> Measure:
    """Seconds of training; compiling is not counted. The loss is the mean over the grid's epoch."""
    cli.use_every_core()
    train, test = _splits(folder, model, examples)
    few = data.Split(*(part[:100] for part in test))
    contender = compare.Contender("adam", optim.adam, {"learning_rate": rates}, MODELS[model](10), model)

    def measure(seed: int) -> tuple[float, float]:
        result = compare.compare(
            [contender], train, few, few, seeds=range(seeds), epochs=1, batch_size=batch, width=1
        )
        (sweep,) = result.sweeps
        return sweep.seconds, float(np.mean(sweep.train_loss[:, :, -1]))

    return measure


def stream(folder: Path, model: str, batch: int, examples: int, at_a_time: int | None) -> Measure:
    """An epoch over images out of a file, a part at a time, or with all of them in memory."""
    problem = load_problem(folder, model, 0)
    rows = np.arange(examples) % len(problem.labels)
    if at_a_time:
        path = Path(tempfile.mkdtemp(dir=folder), "images.npy")
        shape = (examples, 28, 28, 1)
        images = np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=shape)
        for start in range(0, examples, len(problem.labels)):
            images[start : start + len(problem.labels)] = problem.images[rows[start : start + 60_000]]
        images.flush()
        images = np.load(path, mmap_mode="r")
    else:
        images = problem.images[rows]
    train = data.Split(images, problem.labels[rows])
    program = training.compile_run(
        MODELS[model](10), optim.adam(1e-3), train, NONE, data.Split(train.images[:100], train.labels[:100]),
        batch_size=batch, seed=0, at_a_time=at_a_time,
    )  # fmt: skip

    def measure(seed: int) -> tuple[float, float]:
        state = jax.block_until_ready(init_run(MODELS[model](10), seed))
        began = time.perf_counter()
        state, _ = program.epoch(state)
        return time.perf_counter() - began, float(program.test(state).loss)

    return measure


def product(folder: Path, size: int = 2048) -> Measure:
    """A product of two square matrices: the arithmetic floor. Seconds for a FLOP."""
    a = jax.random.normal(jax.random.key(0), (size, size)) / size**0.5
    many = jax.jit(lambda x: jax.lax.fori_loop(0, 10, lambda _, x: x @ a, x), donate_argnums=0)
    many(a.copy())

    def measure(seed: int) -> tuple[float, float]:
        x = a.copy().block_until_ready()
        began = time.perf_counter()
        many(x).block_until_ready()
        return (time.perf_counter() - began) / (10 * 2 * size**3), math.nan

    return measure


def copy(folder: Path, numbers: int = 20_000_000) -> Measure:
    """Reads an array and writes one: the floor of the memory. Seconds for a byte."""
    many = jax.jit(lambda x: jax.lax.fori_loop(0, 10, lambda _, x: -x, x), donate_argnums=0)
    x = many(jnp.ones(numbers))

    def measure(seed: int) -> tuple[float, float]:
        nonlocal x
        began = time.perf_counter()
        x = many(x).block_until_ready()
        return (time.perf_counter() - began) / (10 * 8 * numbers), math.nan

    return measure
