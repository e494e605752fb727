"""Values that rise as well as fall."""

import itertools
from typing import Any

import jax
import jax.numpy as jnp

from jaxlearn.optim import Scalar, Schedule

from ._common import CURVES, Curve, as_schedule, between, find_curve, length, number, time


def warm_restarts(value: Scalar, steps: int, growth: int = 1, end: Scalar = 0.0) -> Schedule:
    r"""Half cosine waves from `value` to `end`, one after another, each `growth` times as long as the last.

    $$\eta_t = \eta_{end} + \tfrac12 (\eta_0 - \eta_{end}) (1 + \cos(\pi\,\tau / s_i)),
      \qquad s_i = s\,m^i$$

    for $\tau$ updates since the last restart. `end` itself is never reached: the first update that
    would be made with it begins the next wave.

    Equal to `torch.optim.lr_scheduler.CosineAnnealingWarmRestarts(T_0=steps, T_mult=growth,
    eta_min=end)` at whole steps. `optax.sgdr_schedule` wants each wave spelt out as a dict.

    Args:
      value: $\eta_0$ in [0, inf).
      steps: $s$, updates in the first wave, from 1 up.
      growth: $m$, a whole number from 1 up.
      end: $\eta_{end}$ in [0, inf).

    Raises:
      ValueError: an argument outside its range.

    Source: Loshchilov & Hutter (2017), https://arxiv.org/abs/1608.03983

    >>> schedule = warm_restarts(1.0, steps=2, growth=2)
    >>> [round(float(schedule(t)), 3) for t in range(7)]
    [1.0, 0.5, 1.0, 0.854, 0.5, 0.146, 1.0]
    """
    steps, growth = length("steps", steps), length("growth", growth)
    value, end = number("value", value), number("end", end)
    # exact where a logarithm would not be: the restarts up to the last step that an int32 can hold
    ends = itertools.accumulate(steps * growth**i for i in itertools.count())
    starts = [0, *itertools.takewhile(lambda end: end < 2**31, ends)] if growth > 1 else [0]

    def schedule(step: Any) -> jax.Array:
        step = jnp.asarray(step)
        if growth == 1:
            done = time(step % steps) / steps
        else:
            restarts = jnp.asarray(starts, step.dtype)
            wave = jnp.searchsorted(restarts, step, side="right") - 1
            done = time(step - restarts[wave]) / (steps * float(growth) ** time(wave))
        return between(value, end, CURVES["cosine"](done))

    return schedule


def cyclic(
    value: Scalar,
    start: Scalar,
    up_steps: int,
    down_steps: int | None = None,
    scale: Schedule | Scalar = 1.0,
) -> Schedule:
    r"""Straight up from `start` to `value` and straight down again, for ever.

    $$\eta_t = \eta_{start} + c_t\,(\eta - \eta_{start}) \min\!\left(\frac{\tau}{u},
      \frac{u + d - \tau}{d}\right), \qquad \tau = t \bmod (u + d)$$

    Equal to `torch.optim.lr_scheduler.CyclicLR(base_lr=start, max_lr=value)`. Its modes are values
    of `scale`, which may be any schedule: 1 is "triangular"; `step(1.0, up_steps + down_steps, 0.5)`
    is "triangular2"; `exponential(1.0, gamma)` is "exp_range"; a `scale_fn` of the cycle is
    `lambda step: scale_fn(1 + step // (up_steps + down_steps))`. The momentum that goes with it is
    the same function with `start` above `value`. optax has none.

    Args:
      value: $\eta$, the peak, in [0, inf).
      start: $\eta_{start}$ in [0, inf).
      up_steps: $u$, updates from `start` to `value`, from 1 up.
      down_steps: $d$, updates back, from 1 up; `up_steps` unless given.
      scale: $c_t$, the part of the way to `value` that it goes: a number in [0, inf) or a schedule.

    Raises:
      ValueError: an argument outside its range.

    Source: Smith (2017), https://arxiv.org/abs/1506.01186

    >>> schedule = cyclic(1.0, start=0.5, up_steps=2)
    >>> [float(schedule(t)) for t in range(6)]
    [0.5, 0.75, 1.0, 0.75, 0.5, 0.75]
    """
    down_steps = up_steps if down_steps is None else down_steps
    up_steps, down_steps = length("up_steps", up_steps), length("down_steps", down_steps)
    value, start = number("value", value), number("start", start)
    scale = as_schedule("scale", scale)

    def schedule(step: Any) -> jax.Array:
        step = jnp.asarray(step)
        cycle = up_steps + down_steps
        tau = step % cycle
        height = jnp.minimum(time(tau) / up_steps, time(cycle - tau) / down_steps)
        return between(start, value, scale(step) * height)

    return schedule


def one_cycle(
    value: Scalar,
    steps: int,
    start: Scalar = None,
    end: Scalar = None,
    warmup_fraction: Scalar = 0.3,
    curve: Curve = "cosine",
    three_phase: bool = False,
) -> Schedule:
    r"""Up from `start` to `value`, then down to `end`, over a run of `steps` updates.

    The peak is at step $fs - 1$ and `end` at the last step, $s - 1$. With `three_phase`, it is back
    at `start` at step $2fs - 2$ and goes on to `end` from there. After the run it stays at `end`.

    Equal to `torch.optim.lr_scheduler.OneCycleLR(max_lr=value, total_steps=steps,
    pct_start=warmup_fraction)` with `div_factor` = `value / start` and `final_div_factor` =
    `start / end`; the momentum that goes with it is `one_cycle(base_momentum, steps,
    start=max_momentum, end=max_momentum)`. `optax.cosine_onecycle_schedule` is a step late: its peak
    is at $fs$ and its end at $s$, after the last update.

    Args:
      value: the peak, in [0, inf).
      steps: $s$, updates in the run, from 1 up.
      start: first value, in [0, inf); `value / 25` unless given.
      end: last value, in [0, inf); `start / 10000` unless given.
      warmup_fraction: $f$ in [0, 1), in [0, 0.5] with `three_phase`.
      curve: "cosine" or "linear" (or another curve of `warmup`).
      three_phase: fall as fast as it rose, then spend what is left on the way to `end`.

    Raises:
      ValueError: an argument outside its range.

    Source: Smith & Topin (2018), https://arxiv.org/abs/1708.07120. The paper has straight lines and
    three phases; the defaults are PyTorch's, after fastai.

    >>> schedule = one_cycle(1.0, steps=5, start=0.0, end=0.0, warmup_fraction=0.6, curve="linear")
    >>> [float(schedule(t)) for t in range(6)]
    [0.0, 0.5, 1.0, 0.5, 0.0, 0.0]
    """
    steps = length("steps", steps)
    value = number("value", value)
    start = value / 25 if start is None else number("start", start)
    end = start / 1e4 if end is None else number("end", end)
    rise = steps * number("warmup_fraction", warmup_fraction, "[0, 0.5]" if three_phase else "[0, 1)")
    shape = find_curve(curve)
    fall = [(2 * rise - 2, start)] if three_phase else []
    phases = [(rise - 1, value), *fall, (steps - 1, end)]

    def schedule(step: Any) -> jax.Array:
        result, begin = jnp.asarray(start, float), 0.0
        for finish, target in phases:
            # a phase may be over before it began: where there are less than two steps to rise in
            left = (finish - time(step)) / jnp.maximum(finish - begin, 1e-6)
            result, begin = between(result, target, shape(jnp.clip(1 - left, 0.0, 1.0))), finish
        return result

    return schedule
