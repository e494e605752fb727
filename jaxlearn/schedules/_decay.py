"""Learning rates that fall from a first value."""

from typing import Any

import jax
import jax.numpy as jnp

from jaxlearn.optim import Schedule


def _positive_steps(steps: Any) -> None:
    if not isinstance(steps, int) or steps < 1:
        raise ValueError(f"steps must be a whole number from 1 up, got {steps!r}")


def _time(step: Any) -> jax.Array:
    return jnp.asarray(step, float)


def step(value: Any, steps: int, factor: Any = 0.1) -> Schedule:
    r"""Multiplies by `factor` every `steps` updates: $\eta_t = \eta_0\,\gamma^{\lfloor t/s \rfloor}$.

    Equal to `torch.optim.lr_scheduler.StepLR(step_size=steps, gamma=factor)`.

    Raises:
      ValueError: `steps` is not a whole number from 1 up.

    >>> schedule = step(1.0, steps=2, factor=0.5)
    >>> [float(schedule(t)) for t in range(5)]
    [1.0, 1.0, 0.5, 0.5, 0.25]
    """
    _positive_steps(steps)
    return lambda step: value * factor ** jnp.floor(_time(step) / steps)


def exponential(value: Any, factor: Any, steps: int = 1) -> Schedule:
    r"""Multiplies by `factor` over each `steps` updates, smoothly: $\eta_t = \eta_0\,\gamma^{t/s}$.

    With `steps=1` equal to `torch.optim.lr_scheduler.ExponentialLR(gamma=factor)`.

    Raises:
      ValueError: `steps` is not a whole number from 1 up.

    >>> schedule = exponential(1.0, factor=0.5)
    >>> [float(schedule(t)) for t in range(3)]
    [1.0, 0.5, 0.25]
    """
    _positive_steps(steps)
    return lambda step: value * factor ** (_time(step) / steps)


def linear(start: Any, end: Any, steps: int) -> Schedule:
    r"""A straight line from `start` to `end` over `steps` updates, then `end`.

    Equal to `torch.optim.lr_scheduler.LinearLR`, whose factors are `start` and `end` over the
    learning rate.

    Raises:
      ValueError: `steps` is not a whole number from 1 up.

    >>> schedule = linear(1.0, 0.0, steps=4)
    >>> [float(schedule(t)) for t in range(6)]
    [1.0, 0.75, 0.5, 0.25, 0.0, 0.0]
    """
    _positive_steps(steps)
    return lambda step: start + (end - start) * jnp.minimum(_time(step) / steps, 1.0)


def cosine(value: Any, steps: int, end: Any = 0.0) -> Schedule:
    r"""Half a cosine wave from `value` to `end` over `steps` updates.

    $$\eta_t = \eta_{end} + \tfrac12 (\eta_0 - \eta_{end}) (1 + \cos(\pi t / s))$$

    After `steps` updates it rises again, as `torch.optim.lr_scheduler.CosineAnnealingLR` does
    (`optax.cosine_decay_schedule` stays at the end).

    Raises:
      ValueError: `steps` is not a whole number from 1 up.

    Source: Loshchilov & Hutter (2017), https://arxiv.org/abs/1608.03983

    >>> schedule = cosine(1.0, steps=2)
    >>> [round(float(schedule(t)), 3) for t in range(5)]
    [1.0, 0.5, 0.0, 0.5, 1.0]
    """
    _positive_steps(steps)
    return lambda step: end + (value - end) * (1 + jnp.cos(jnp.pi * _time(step) / steps)) / 2
