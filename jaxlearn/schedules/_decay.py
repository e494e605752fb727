"""Values that fall from a first one."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from jaxlearn.optim import Scalar, Schedule

from ._common import CURVES, between, check_boundaries, fraction, length, number, time


def step(value: Scalar, steps: int, factor: Scalar = 0.1) -> Schedule:
    r"""Multiplies by `factor` every `steps` updates: $\eta_t = \eta_0\,\gamma^{\lfloor t/s \rfloor}$.

    Equal to `torch.optim.lr_scheduler.StepLR(step_size=steps, gamma=factor)` and to
    `optax.exponential_decay(value, steps, factor, staircase=True)`.

    Args:
      value: $\eta_0$ in [0, inf).
      steps: $s$, updates from one drop to the next, from 1 up.
      factor: $\gamma$ in [0, inf).

    Raises:
      ValueError: an argument outside its range.

    >>> schedule = step(1.0, steps=2, factor=0.5)
    >>> [float(schedule(t)) for t in range(5)]
    [1.0, 1.0, 0.5, 0.5, 0.25]
    """
    steps = length("steps", steps)
    value, factor = number("value", value), number("factor", factor)
    return lambda step: value * factor ** time(jnp.asarray(step) // steps)


def multi_step(value: Scalar, boundaries: Sequence[int], factor: Scalar = 0.1) -> Schedule:
    r"""Multiplies by `factor` at each boundary: $\eta_t = \eta_0\,\gamma^{|\{b : b \le t\}|}$.

    Equal to `torch.optim.lr_scheduler.MultiStepLR(milestones=boundaries, gamma=factor)` and to
    `optax.piecewise_constant_schedule(value, {b: factor for b in boundaries})`. For a value of its
    own in each part, `join` takes numbers: `join([0.1, 0.02, 0.01], boundaries)`.

    Args:
      value: $\eta_0$ in [0, inf).
      boundaries: the numbers of updates after which it drops, increasing from 1 up.
      factor: $\gamma$ in [0, inf).

    Raises:
      ValueError: an argument outside its range, or boundaries that do not increase.

    >>> schedule = multi_step(1.0, [1, 3], factor=0.5)
    >>> [float(schedule(t)) for t in range(5)]
    [1.0, 0.5, 0.5, 0.25, 0.25]
    """
    drops = check_boundaries(boundaries)
    value, factor = number("value", value), number("factor", factor)

    def schedule(step: Any) -> jax.Array:
        step = jnp.asarray(step)
        made = jnp.searchsorted(jnp.asarray(drops, step.dtype), step, side="right")
        return value * factor ** time(made)

    return schedule


def exponential(value: Scalar, factor: Scalar, steps: int = 1) -> Schedule:
    r"""Multiplies by `factor` over each `steps` updates, smoothly: $\eta_t = \eta_0\,\gamma^{t/s}$.

    With `steps=1` equal to `torch.optim.lr_scheduler.ExponentialLR(gamma=factor)`; with any, to
    `optax.exponential_decay(value, steps, factor)`. A factor above 1 gives the growing rates of a
    search for the largest learning rate that trains (Smith, 2017, https://arxiv.org/abs/1506.01186).

    Args:
      value: $\eta_0$ in [0, inf).
      factor: $\gamma$ in [0, inf).
      steps: $s$, updates that multiply by `factor` once, from 1 up.

    Raises:
      ValueError: an argument outside its range.

    >>> schedule = exponential(1.0, factor=0.5)
    >>> [float(schedule(t)) for t in range(3)]
    [1.0, 0.5, 0.25]
    """
    steps = length("steps", steps)
    value, factor = number("value", value), number("factor", factor)
    return lambda step: value * factor ** (time(step) / steps)


def linear(start: Scalar, end: Scalar, steps: int) -> Schedule:
    r"""A straight line from `start` to `end` over `steps` updates, then `end`.

    $$\eta_t = \eta_{start} + (\eta_{end} - \eta_{start}) \min(t/s, 1)$$

    Equal to `torch.optim.lr_scheduler.LinearLR`, whose factors are `start` and `end` over the
    learning rate, and to `optax.linear_schedule`.

    Args:
      start, end: first and last value, in [0, inf).
      steps: $s$, updates from `start` to `end`, from 1 up.

    Raises:
      ValueError: an argument outside its range.

    >>> schedule = linear(1.0, 0.0, steps=4)
    >>> [float(schedule(t)) for t in range(6)]
    [1.0, 0.75, 0.5, 0.25, 0.0, 0.0]
    """
    steps = length("steps", steps)
    start, end = number("start", start), number("end", end)
    return lambda step: between(start, end, fraction(step, steps))


def polynomial(value: Scalar, steps: int, power: Scalar = 1.0, end: Scalar = 0.0) -> Schedule:
    r"""A power of the time that is left, from `value` to `end` over `steps` updates, then `end`.

    $$\eta_t = \eta_{end} + (\eta_0 - \eta_{end}) \left(1 - \min(t/s, 1)\right)^p$$

    Equal to `torch.optim.lr_scheduler.PolynomialLR(total_iters=steps, power=power)`, which has no
    `end`, and to `optax.polynomial_schedule(value, end, power, steps)`.

    Args:
      value: $\eta_0$ in [0, inf).
      steps: $s$, updates from `value` to `end`, from 1 up.
      power: $p$ in (0, inf); 1 is a straight line.
      end: $\eta_{end}$ in [0, inf).

    Raises:
      ValueError: an argument outside its range.

    >>> schedule = polynomial(1.0, steps=4, power=2.0)
    >>> [float(schedule(t)) for t in range(6)]
    [1.0, 0.5625, 0.25, 0.0625, 0.0, 0.0]
    """
    steps = length("steps", steps)
    value, end = number("value", value), number("end", end)
    power = number("power", power, "(0, inf)")
    return lambda step: between(end, value, (1 - fraction(step, steps)) ** power)


def cosine(value: Scalar, steps: int, end: Scalar = 0.0) -> Schedule:
    r"""Half a cosine wave from `value` to `end` over `steps` updates.

    $$\eta_t = \eta_{end} + \tfrac12 (\eta_0 - \eta_{end}) (1 + \cos(\pi t / s))$$

    After `steps` updates it rises again, as `torch.optim.lr_scheduler.CosineAnnealingLR(T_max=steps,
    eta_min=end)` does. `optax.cosine_decay_schedule` stays at the end: `join([cosine(value, steps,
    end), end], [steps])`; its `alpha` is `end` over `value`.

    Args:
      value: $\eta_0$ in [0, inf).
      steps: $s$, updates from `value` to `end`, from 1 up.
      end: $\eta_{end}$ in [0, inf).

    Raises:
      ValueError: an argument outside its range.

    Source: Loshchilov & Hutter (2017), https://arxiv.org/abs/1608.03983

    >>> schedule = cosine(1.0, steps=2)
    >>> [round(float(schedule(t)), 3) for t in range(5)]
    [1.0, 0.5, 0.0, 0.5, 1.0]
    """
    steps = length("steps", steps)
    value, end = number("value", value), number("end", end)
    wave = CURVES["cosine"]
    # whole waves are left out before the division, for the sake of float32
    return lambda step: between(value, end, wave(time(jnp.asarray(step) % (2 * steps)) / steps))
