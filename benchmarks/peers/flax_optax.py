"""flax and optax, written the usual way: a jitted step for each batch, data on the device."""

import time
from functools import partial
from pathlib import Path
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax

from benchmarks.peers import Measure
from benchmarks.peers.updates import measure_updates
from benchmarks.problem import load_problem


class MLP(nn.Module):
    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        x = x.reshape((x.shape[0], -1))
        x = nn.sigmoid(nn.Dense(100)(x))
        x = nn.sigmoid(nn.Dense(100)(x))
        return nn.Dense(10)(x)


def epoch(folder: Path, model: str, batch: int) -> Measure:
    if model != "mlp":
        raise ValueError(f"model must be mlp, got {model}")
    network, optimizer = MLP(), optax.adam(1e-3)
    problem = load_problem(folder, model, 0)
    images, test_images = (
        jax.device_put(part.astype("float32") / 255) for part in (problem.images, problem.test_images)
    )
    labels, test_labels = jax.device_put((problem.labels, problem.test_labels))

    def loss(params: Any, x: jax.Array, y: jax.Array) -> jax.Array:
        logits = network.apply({"params": params}, x)
        return optax.softmax_cross_entropy_with_integer_labels(logits, y).mean()

    @partial(jax.jit, donate_argnums=(0, 1))
    def step(
        params: Any, state: Any, total: jax.Array, images: jax.Array, labels: jax.Array, rows: jax.Array
    ) -> Any:
        value, grads = jax.value_and_grad(loss)(params, images[rows], labels[rows])
        updates, state = optimizer.update(grads, state, params)
        return optax.apply_updates(params, updates), state, total + value * len(rows)

    def measure(seed: int) -> tuple[float, float]:
        problem = load_problem(folder, model, seed)
        params = {
            f"Dense_{i}": {"kernel": jnp.array(weight.T), "bias": jnp.array(bias)}
            for i, (weight, bias) in enumerate(problem.weights)
        }
        state, total, order = optimizer.init(params), jnp.zeros(()), problem.order
        batches = [order[i : i + batch] for i in range(0, len(order), batch)]
        began = time.perf_counter()
        for rows in batches:
            params, state, total = step(params, state, total, images, labels, rows)
        jax.block_until_ready(total)
        seconds = time.perf_counter() - began
        return seconds, float(jax.jit(loss)(params, test_images, test_labels))

    return measure


def update(folder: Path, parameters: int, leaves: int, repeats: int) -> Measure:
    return measure_updates(optax.adam(1e-3), optax.apply_updates, parameters, leaves, repeats)
