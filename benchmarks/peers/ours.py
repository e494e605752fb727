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

from benchmarks.peers import Measure
from benchmarks.peers.updates import measure_updates
from benchmarks.problem import load_problem
from jaxlearn import compare, data, optim, training
from jaxlearn.cli._process import use_every_core
from models import MODELS

NONE = data.Split(np.zeros((0, 28, 28, 1), np.uint8), np.zeros(0, np.int32))


def make_init(model: Any, train: data.Split, batch: int) -> Callable[[int], training.RunState]:
    """`init(seed)`, which is compiled once."""
    run = training.make_run(model, optim.adam(1e-3), batch_size=batch)
    init = jax.jit(lambda key: run.init(training.draw_start(model, key, train.images.shape[1:]), train))
    return lambda seed: jax.block_until_ready(init(jax.random.key(seed)))


def load_splits(folder: Path, model: str, examples: int) -> tuple[data.Split, data.Split]:
    problem = load_problem(folder, model, 0)
    train = data.Split(problem.images[:examples], problem.labels[:examples])
    return train, data.Split(problem.test_images, problem.test_labels)


def epoch(folder: Path, model: str, batch: int, examples: int = 60_000, **sizes: int) -> Measure:
    network = MODELS[model](10, **sizes)
    train, test = load_splits(folder, model, examples)
    return _measure_epochs(network, train, test, batch)


def _measure_epochs(
    network: Any, train: data.Split, test: data.Split, batch: int, at_a_time: int | None = None
) -> Measure:
    program = training.compile_run(
        network, optim.adam(1e-3), train, NONE, test, batch_size=batch, seed=0, at_a_time=at_a_time
    )
    init = make_init(network, train, batch)

    def measure(seed: int) -> tuple[float, float]:
        epoch = training.fit(program, 1, start=init(seed))
        began = time.perf_counter()
        state, _ = next(epoch)
        return time.perf_counter() - began, float(program.test(state).loss)

    return measure


def evaluation(folder: Path, model: str) -> Measure:
    train, test = load_splits(folder, model, 64)
    network = MODELS[model](10)
    program = training.compile_run(network, optim.adam(1e-3), train, NONE, test, batch_size=64, seed=0)
    init = make_init(network, train, 64)

    def measure(seed: int) -> tuple[float, float]:
        state = init(seed)
        began = time.perf_counter()
        result = program.test(state)
        return time.perf_counter() - began, float(result.loss)

    return measure


def update(folder: Path, parameters: int, leaves: int, repeats: int, in_a_call: int = 1) -> Measure:
    return measure_updates(optim.adam(1e-3), optim.apply_updates, parameters, leaves, repeats, in_a_call)


def grid(folder: Path, model: str, batch: int, rates: list[float], seeds: int, examples: int) -> Measure:
    """Seconds of training; compiling is not counted. The loss is the mean over the grid's epoch."""
    use_every_core()
    train, test = load_splits(folder, model, examples)
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
    few = data.Split(train.images[:100], train.labels[:100])
    return _measure_epochs(MODELS[model](10), train, few, batch, at_a_time)


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
