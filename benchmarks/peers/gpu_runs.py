"""Runs of jaxlearn with every learning rate and seed as one compiled program: by vmap, or one by itself."""

import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.peers import Measure
from benchmarks.peers.ours import load_splits
from jaxlearn import data, metrics, nn, optim, schedules, training
from models import MODELS


class Runs(NamedTuple):
    """GridProgram that train all runs at once, on data that lie on the device.

    Attributes:
      init: `init(seed)`: their first states; the seeds of measurement n are those after n - 1's.
      epoch: `epoch(states)`: the states after an epoch, in the memory of those before.
      score: `score(states)`: the test accuracy of each.
    """

    init: Callable[[int], Any]
    epoch: Callable[[Any], Any]
    score: Callable[[Any], np.ndarray]


def compile_runs(
    folder: Path, model: str, batch: int, examples: int, rates: Sequence[float], seeds: int,
    make: Callable[[Any], Any], dtype: str = "float32",
) -> Runs:  # fmt: skip
    """One run for each rate and seed, with the optimizer `make(rate)`."""
    network = computes_in(dtype, MODELS[model](10))
    train, test = jax.device_put(load_splits(folder, "mlp", examples))  # the images are the same for all
    all_rates = jnp.tile(jnp.array(rates, jnp.float32), seeds)

    def run(rate: jax.Array) -> training.Run:
        return training.make_run(network, make(rate), batch_size=batch)

    def first(rate: jax.Array, seed: jax.Array) -> training.RunState:
        start = training.draw_start(network, jax.random.key(seed), train.images.shape[1:])
        return run(rate).init(start, train)

    def epoch(rate: jax.Array, state: training.RunState, train: data.Split) -> training.RunState:
        return run(rate).advance(state, train)

    def accuracy(state: training.RunState, test: data.Split) -> jax.Array:
        result = training.evaluate(network, state.params, state.model_state, *test)
        return metrics.accuracy(result.confusion)

    def init(seed: int) -> Any:
        numbers = jnp.repeat(jnp.arange(seed * seeds, (seed + 1) * seeds, dtype=jnp.uint32), len(rates))
        return jax.block_until_ready(first_all(all_rates, numbers))

    runs = len(all_rates)
    first_all = jax.jit(over_runs(first, runs, (0, 0)))
    states = init(0)
    many = jax.jit(over_runs(epoch, runs, (0, 0, None)), donate_argnums=1)
    epoch_all = many.lower(all_rates, states, train).compile()
    score_all = jax.jit(over_runs(accuracy, runs, (0, None))).lower(states, test).compile()
    return Runs(
        init,
        lambda states: jax.block_until_ready(epoch_all(all_rates, states, train)),
        lambda states: np.asarray(score_all(states, test)),
    )


def over_runs(function: Callable[..., Any], runs: int, in_axes: tuple[int | None, ...]) -> Callable[..., Any]:
    """`jax.vmap`; but one run by itself is the program that it is outside a grid."""
    if runs > 1:
        return jax.vmap(function, in_axes)

    def alone(*arguments: Any) -> Any:
        pairs = zip(in_axes, arguments, strict=True)
        row = (each if axis is None else jax.tree.map(lambda leaf: leaf[0], each) for axis, each in pairs)
        return jax.tree.map(lambda leaf: leaf[None], function(*row))

    return alone


def computes_in(dtype: str, model: nn.Layer) -> nn.Layer:
    """The model with parameters in float32 that computes in `dtype`; its outputs are float32 again."""

    def apply(params: Any, state: Any, x: jax.Array, **more: Any) -> tuple[jax.Array, Any]:
        low = jax.tree.map(lambda leaf: leaf.astype(dtype), params)
        y, state = model.apply(low, state, x.astype(dtype), **more)
        return y.astype(jnp.float32), state

    return model._replace(apply=apply)


def train(
    folder: Path, model: str, batch: int, examples: int, rates: Sequence[float] = (1e-3,), seeds: int = 1,
    epochs: int = 1, dtype: str = "float32",
) -> Measure:  # fmt: skip
    """Seconds of training all runs with Adam, and the mean of their test accuracies."""
    runs = compile_runs(folder, model, batch, examples, rates, seeds, optim.adam, dtype)

    def measure(seed: int) -> tuple[float, float]:
        states = runs.init(seed)
        began = time.perf_counter()
        for _ in range(epochs):
            states = runs.epoch(states)
        seconds = time.perf_counter() - began
        return seconds, float(runs.score(states).mean())

    return measure


def to_accuracy(
    folder: Path, model: str, batch: int, rate: float, epochs: int, target: float, seeds: int = 1,
    examples: int = 60_000,
) -> Measure:  # fmt: skip
    """Seconds of training until the test accuracy of every run has been `target` or `epochs` are over,
    scoring after each not counted; and how many runs have missed it."""
    steps = math.ceil(examples / batch) * epochs
    runs = compile_runs(
        folder, model, batch, examples, [rate], seeds, lambda rate: optim.adam(schedules.cosine(rate, steps))
    )

    def measure(seed: int) -> tuple[float, float]:
        states, seconds, reached = runs.init(seed), 0.0, np.zeros(seeds, bool)
        for _ in range(epochs):
            began = time.perf_counter()
            states = runs.epoch(states)
            seconds += time.perf_counter() - began
            reached |= runs.score(states) >= target
            if reached.all():
                break
        return seconds, float(np.sum(~reached))

    return measure
