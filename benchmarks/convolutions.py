"""Milliseconds of the convolutions of a layer, in a loop and outside: `python -m benchmarks.convolutions`.

The second layer of the report's CNN at batch 64, by JAX's own convolution and by jaxlearn's.
"""

import statistics
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from jaxlearn import nn

IMAGES, KERNEL = (64, 13, 13, 16), (3, 3, 16, 32)
TURNS, REPEATS = 10, 7
AXES = ("NHWC", "HWIO", "NHWC")
OWN = partial(jax.lax.conv_general_dilated, window_strides=(1, 1), padding="VALID", dimension_numbers=AXES)
OURS = partial(nn.conv_general_dilated, window_strides=(1, 1), padding="VALID", dimension_numbers=AXES)


def works(convolve: Callable[..., jax.Array]) -> dict[str, Callable[[Any, Any], Any]]:
    def loss(x: jax.Array, kernel: jax.Array) -> jax.Array:
        return jnp.sum(jnp.sin(convolve(x, kernel)))

    return {
        "forward": convolve,
        "forward and gradient of the images": jax.grad(loss, 0),
        "forward and gradient of the kernel": jax.grad(loss, 1),
    }


def milliseconds(work: Callable[[Any, Any], Any], looped: bool) -> float:
    """The median of some measurements, of one call or of one turn of a loop."""

    def turn(i: Any, carry: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
        x, kernel = carry
        some = jnp.ravel(work(x, kernel))[0] * 1e-20  # so that no turn can be left out
        return x, kernel + some

    def all_turns(x: jax.Array, kernel: jax.Array) -> Any:
        return jax.lax.fori_loop(0, TURNS, turn, (x, kernel)) if looped else turn(0, (x, kernel))

    x, kernel = jnp.ones(IMAGES), jnp.ones(KERNEL)
    compiled = jax.jit(all_turns).lower(x, kernel).compile()
    times = []
    for _ in range(REPEATS + 1):
        began = time.perf_counter()
        jax.block_until_ready(compiled(x, kernel))
        times.append((time.perf_counter() - began) * 1000 / (TURNS if looped else 1))
    return statistics.median(times[1:])


def main() -> None:
    print(f"| JAX {jax.__version__}, ms | JAX's own, outside a loop | in a loop | jaxlearn's, in a loop |")
    print("|---|--:|--:|--:|")
    for name in works(OWN):
        ours = milliseconds(works(OURS)[name], True)
        own = [milliseconds(works(OWN)[name], looped) for looped in (False, True)]
        print(f"| {name} | {own[0]:.2f} | {own[1]:.1f} | {ours:.2f} |")


if __name__ == "__main__":
    main()
