"""Updates of an optimizer alone, for all that keep optax's protocol: one call of a jitted step each."""

import math
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from benchmarks.peers import Measure
from benchmarks.problem import draw_leaves


def measure_updates(
    optimizer: Any, apply_updates: Callable[..., Any], parameters: int, leaves: int, repeats: int
) -> Measure:
    start, grads = draw_leaves(parameters, leaves)
    grads = jax.device_put(grads)

    def step(params: Any, state: Any, grads: Any) -> tuple[Any, Any]:
        updates, state = optimizer.update(grads, state, params)
        return apply_updates(params, updates), state

    compiled = jax.jit(step, donate_argnums=(0, 1))

    def measure(seed: int) -> tuple[float, float]:
        params = [jnp.array(leaf) for leaf in start]
        params, state = jax.block_until_ready(compiled(params, optimizer.init(params), grads))
        began = time.perf_counter()
        for _ in range(repeats):
            params, state = compiled(params, state, grads)
        jax.block_until_ready(params)
        seconds = (time.perf_counter() - began) / repeats
        return seconds, math.sqrt(sum(float((leaf**2).sum()) for leaf in params) / parameters)

    return measure
