"""Updates of an optimizer alone, for all that keep optax's protocol: one call of a jitted step each, or a
loop of them in each call."""

import math
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from benchmarks.peers import Measure
from benchmarks.problem import draw_leaves


def repeat(step: Callable[..., Any], times: int) -> Callable[..., Any]:
    """So many steps with the same gradients."""

    def steps(params: Any, state: Any, grads: Any) -> Any:
        def body(_: Any, now: Any) -> Any:
            # or XLA computes the squares of the gradients once, before the loop
            params_and_state, fresh = jax.lax.optimization_barrier((now, grads))
            return step(*params_and_state, fresh)

        return jax.lax.fori_loop(0, times, body, (params, state))

    return steps


def measure_updates(
    optimizer: Any, apply_updates: Callable[..., Any], parameters: int, leaves: int, repeats: int,
    in_a_call: int = 1,
) -> Measure:  # fmt: skip
    start, grads = draw_leaves(parameters, leaves)
    grads = jax.device_put(grads)

    def step(params: Any, state: Any, grads: Any) -> tuple[Any, Any]:
        updates, state = optimizer.update(grads, state, params)
        return apply_updates(params, updates), state

    compiled = jax.jit(step if in_a_call == 1 else repeat(step, in_a_call), donate_argnums=(0, 1))

    def measure(seed: int) -> tuple[float, float]:
        params = [jnp.array(leaf) for leaf in start]
        params, state = jax.block_until_ready(compiled(params, optimizer.init(params), grads))
        began = time.perf_counter()
        for _ in range(repeats):
            params, state = compiled(params, state, grads)
        jax.block_until_ready(params)
        seconds = (time.perf_counter() - began) / (repeats * in_a_call)
        return seconds, math.sqrt(sum(float((leaf**2).sum()) for leaf in params) / parameters)

    return measure
