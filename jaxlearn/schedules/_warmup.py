"""Values that rise to a first peak."""

from typing import Any

import jax
import jax.numpy as jnp

from jaxlearn.optim import Scalar, Schedule

from ._common import Curve, as_schedule, between, find_curve, fraction, length, number, time


def warmup(
    schedule: Schedule | Scalar, steps: int, factor: Scalar = 0.0, curve: Curve = "linear"
) -> Schedule:
    r"""Rises to the first value of a schedule over `steps` updates, then follows it from its start.

    $$\eta_t = \begin{cases} (c + (1 - c)\,w(t/s))\,\eta'_0 & t < s \\ \eta'_{t-s} & t \ge s
      \end{cases}$$

    On a number, curve "linear" is `torch.optim.lr_scheduler.LinearLR(start_factor=factor,
    total_iters=steps)` and "constant" is `ConstantLR(factor, total_iters=steps)`; on a schedule, it
    is either of them before that schedule in a `SequentialLR`. `warmup(cosine(value, decay_steps),
    steps)` is `optax.warmup_cosine_decay_schedule(0.0, value, steps, steps + decay_steps)` until the
    cosine ends (optax counts the warm-up in its `decay_steps`).

    Args:
      schedule: what comes after, or a number to stay at, in [0, inf).
      steps: $s$, updates before the schedule is reached, from 1 up.
      factor: $c$ in [0, inf), what the first value is of the schedule's own first value. With 0, the
        first update changes nothing.
      curve: $w$: "linear", $p$; "cosine", $(1 - \cos \pi p)/2$; "sqrt", $\sqrt p$; "constant", 0
        until the end.

    Raises:
      ValueError: an argument outside its range.

    Source: Goyal et al. (2017), https://arxiv.org/abs/1706.02677, for "linear" and "constant".

    >>> from jaxlearn.schedules import linear
    >>> schedule = warmup(linear(1.0, 0.0, steps=2), steps=4)
    >>> [float(schedule(t)) for t in range(8)]
    [0.0, 0.25, 0.5, 0.75, 1.0, 0.5, 0.0, 0.0]
    """
    steps = length("steps", steps)
    after, factor, shape = as_schedule("schedule", schedule), number("factor", factor), find_curve(curve)

    def warmed(step: Any) -> jax.Array:
        step = jnp.asarray(step)
        return between(factor, 1.0, shape(fraction(step, steps))) * after(jnp.maximum(step - steps, 0))

    return warmed


def warmup_stable_decay(
    value: Scalar,
    warmup_steps: int,
    stable_steps: int,
    decay_steps: int,
    end: Scalar = 0.0,
    curve: Curve = "linear",
) -> Schedule:
    r"""A linear warm-up from 0 to `value`, a long stay there, and a decay to `end`, where it then stays.

    The stay may be prolonged, and a decay begun anywhere in it, without a new run.

    Args:
      value: in [0, inf).
      warmup_steps, stable_steps, decay_steps: updates in each of the three, from 1 up.
      end: in [0, inf).
      curve: of the decay, as in `warmup`; "sqrt" is the "1-sqrt" of Hägele et al.

    Raises:
      ValueError: an argument outside its range.

    Source: Hu et al. (2024), https://arxiv.org/abs/2404.06395, who decay exponentially; Hägele et al.
    (2024), https://arxiv.org/abs/2405.18392, for "linear" and "sqrt". In neither PyTorch nor optax.

    >>> schedule = warmup_stable_decay(1.0, warmup_steps=2, stable_steps=2, decay_steps=2)
    >>> [float(schedule(t)) for t in range(8)]
    [0.0, 0.5, 1.0, 1.0, 1.0, 0.5, 0.0, 0.0]
    """
    warmup_steps = length("warmup_steps", warmup_steps)
    stable_steps = length("stable_steps", stable_steps)
    decay_steps = length("decay_steps", decay_steps)
    value, end, shape = number("value", value), number("end", end), find_curve(curve)
    return warmup(
        lambda step: between(value, end, shape(fraction(step - stable_steps, decay_steps))), warmup_steps
    )


def inverse_sqrt(value: Scalar, warmup_steps: int) -> Schedule:
    r"""A linear warm-up to `value`, then a fall with the root of the number of updates.

    $$\eta_t = \eta \min\!\left(\frac{n}{w}, \sqrt{\frac{w}{n}}\right), \qquad n = t + 1$$

    Args:
      value: $\eta$, the peak, in [0, inf); $(d_{model}\,w)^{-1/2}$ in the paper.
      warmup_steps: $w$ from 1 up; the peak is at step $w - 1$.

    Raises:
      ValueError: an argument outside its range.

    Source: Vaswani et al. (2017), https://arxiv.org/abs/1706.03762, equation 3, where updates are
    counted from 1. In neither PyTorch nor optax.

    >>> schedule = inverse_sqrt(1.0, warmup_steps=4)
    >>> [float(schedule(t)) for t in (0, 1, 3, 15, 63)]
    [0.25, 0.5, 1.0, 0.5, 0.25]
    """
    warmup_steps = length("warmup_steps", warmup_steps)
    value = number("value", value)

    def schedule(step: Any) -> jax.Array:
        n = time(step) + 1
        return value * jnp.minimum(n / warmup_steps, jnp.sqrt(warmup_steps / n))

    return schedule
