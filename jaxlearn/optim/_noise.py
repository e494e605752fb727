"""Gradient noise."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from ._leafwise import PyTree, Scalar, leafwise
from ._numeric import normal_like
from ._schedule import schedulable
from ._transform import Transform, hyperparameters, increment
from ._wrapper import wide_copy


class NoiseState(NamedTuple):
    """State of `add_noise`.

    Attributes:
      step: updates made so far; int32 of shape ().
      key: from which the noise of every step is drawn; as given.
    """

    step: jax.Array
    key: jax.Array


@schedulable
def add_noise(eta: Scalar, gamma: Scalar, key: jax.Array) -> Transform:
    r"""Adds normal noise that fades: $u_t = g_t + \mathcal{N}(0, \sigma_t^2)$.

    $$\sigma_t^2 = \frac{\eta}{(1 + t)^\gamma}, \qquad t = 0, 1, \ldots$$

    Memory: two scalars.

    Args:
      eta: $\eta$ in [0, inf), the first variance. The paper: 0.01, 0.3 or 1.
      gamma: $\gamma$ in [0, inf), how fast it fades. The paper: 0.55.
      key: from `jax.random.key`; each parameter and each step gets noise of its own.

    Raises:
      ValueError: `eta` or `gamma` outside its range.

    Source: Neelakantan et al. (2015), https://arxiv.org/abs/1511.06807. The variances are those of
    `optax.add_noise`, the random numbers are others.

    >>> opt = add_noise(0.01, 0.55, jax.random.key(0))
    >>> update, state = opt.update(jnp.zeros(10_000), opt.init(jnp.zeros(10_000)))
    >>> print(f"{jnp.std(update):.2f}")
    0.10
    """
    hyperparameters(locals(), eta="[0, inf)", gamma="[0, inf)")

    def init(params: PyTree) -> NoiseState:
        return NoiseState(jnp.zeros((), jnp.int32), jnp.array(key))

    def update(
        grads: PyTree, state: NoiseState, params: PyTree = None, **extra: Any
    ) -> tuple[PyTree, NoiseState]:
        noise = normal_like(jax.random.fold_in(state.key, state.step), wide_copy(grads))
        step = increment(state.step)
        variance = jnp.asarray(eta, float) / jnp.asarray(step, float) ** jnp.asarray(gamma, float)
        sigma = jnp.sqrt(variance)
        updates, _ = leafwise(lambda g, n, h: (g + h.sigma * n, None), grads, noise, sigma=sigma)
        return updates, NoiseState(step, state.key)

    return Transform(init, update)
