"""A line search for the strong Wolfe conditions: how far to walk along a direction of descent."""

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import jax
import jax.numpy as jnp

SUFFICIENT_DECREASE = 1e-4  # c1 of the conditions
CURVATURE = 0.9  # c2
SMALLEST_MOVE = 1e-9  # a bracket on which no parameter moves further is left as it is


class Point(NamedTuple):
    r"""A point $x + t\,d$ on the line through $x$ along $d$, and the loss $\phi(t) = f(x + t\,d)$ there.

    Attributes:
      t: how far along the line; shape ().
      value: $\phi(t)$; shape ().
      slope: $\phi'(t) = \nabla f(x + t\,d) \cdot d$; shape ().
      grad: $\nabla f(x + t\,d)$; shape (n,).
    """

    t: jax.Array
    value: jax.Array
    slope: jax.Array
    grad: jax.Array


Evaluate: TypeAlias = Callable[[jax.Array], Point]


class Bracket(NamedTuple):
    """Two points that have a good one between them.

    Attributes:
      low: the end with the lower loss; at last the answer.
      high: the other end, on either side of it.
      low_first: whether `low` is the first of PyTorch's pair, which is the lower one in a draw.
      near_end: whether the last trial was close to an end.
      evals: evaluations so far; int32 of shape ().
      done: whether `low` is the answer.
    """

    low: Point
    high: Point
    low_first: jax.Array
    near_end: jax.Array
    evals: jax.Array
    done: jax.Array


def strong_wolfe(
    evaluate: Evaluate, start: Point, t: jax.Array, size: jax.Array, budget: jax.Array
) -> tuple[Point, jax.Array]:
    r"""Finds a step that lowers the loss enough, to where the line is flat enough.

    $$\phi(t) \le \phi(0) + c_1\,t\,\phi'(0), \qquad |\phi'(t)| \le -c_2\,\phi'(0)$$

    Args:
      evaluate: `evaluate(t) -> Point`.
      start: the point at 0; its slope is negative.
      t: the first step to try.
      size: the largest entry of the direction, sign left out; the search ends in a bracket on which no
        parameter moves by 1e-9.
      budget: evaluations that may follow the first one, 0 or more.

    Returns:
      The point found, and the number of evaluations. Once the budget is spent it is the best end of
      the bracket, which may be `start`.

    Source: Algorithms 3.5 and 3.6 of Nocedal & Wright, Numerical Optimization (2006), as
    `torch.optim.LBFGS` has them (after minFunc). A trial with a loss or gradient that is not finite
    counts as infinitely high, so the search turns back; PyTorch takes NaN for a descent.
    """

    def trial(t: jax.Array) -> Point:
        point = evaluate(t)
        finite = jnp.isfinite(point.value) & jnp.all(jnp.isfinite(point.grad))
        return point._replace(value=jnp.where(finite, point.value, jnp.inf))

    bracket = _zoom(trial, start, _find_bracket(trial, start, t, budget), size, budget)
    return bracket.low, bracket.evals


def _too_high(point: Point, start: Point) -> jax.Array:
    """Whether the first condition does not hold."""
    return point.value > start.value + SUFFICIENT_DECREASE * point.t * start.slope


def _flat(point: Point, start: Point) -> jax.Array:
    """Whether the second condition holds."""
    return jnp.abs(point.slope) <= -CURVATURE * start.slope


class _Search(NamedTuple):
    before: Point
    point: Point
    next_t: jax.Array
    evals: jax.Array
    found: jax.Array
    good: jax.Array


def _find_bracket(evaluate: Evaluate, start: Point, t: jax.Array, budget: jax.Array) -> Bracket:
    """Algorithm 3.5: ever longer steps, until one is good or has gone too far."""

    def lengthen(s: _Search) -> _Search:
        before, point, evals = s.point, evaluate(s.next_t), s.evals + 1
        # the book compares with the step before from the second step on, PyTorch from the third
        passed = _too_high(point, start) | ((evals > 2) & (point.value >= before.value))
        good = ~passed & _flat(point, start)
        found = passed | good | (point.slope >= 0)
        longer = _cubic_minimum(before, point, point.t + 0.01 * (point.t - before.t), 10 * point.t)
        return _Search(before, point, longer, evals, found, good)

    no = jnp.zeros_like(start.value, bool)  # of the type that the loop ends with, in a `shard_map`, too
    search = _Search(start, start, t, jnp.zeros_like(budget), no, no)
    search = jax.lax.while_loop(lambda s: ~s.found & (s.evals <= budget), lengthen, search)

    spent = search.evals > budget
    good = search.good & ~spent
    first, second = _select(spent, start, search.before), search.point
    low_first = ~good & (first.value <= second.value)
    return Bracket(*_order(low_first, first, second), low_first, no, search.evals, good | spent)


def _zoom(evaluate: Evaluate, start: Point, bracket: Bracket, size: jax.Array, budget: jax.Array) -> Bracket:
    """Algorithm 3.6: smaller and smaller brackets."""

    def wide(b: Bracket) -> jax.Array:
        return ~(jnp.abs(b.high.t - b.low.t) * size < SMALLEST_MOVE)

    def narrow(b: Bracket) -> Bracket:
        t, near_end = _trial_step(b)
        point = evaluate(t)
        worse = _too_high(point, start) | (point.value >= b.low.value)
        good = ~worse & _flat(point, start)
        # a worse point takes the place of the high end, and may still be the lower one of the two
        pair = _order(b.low_first, b.low, point)
        low_first = jnp.where(worse, pair[0].value <= pair[1].value, b.low_first)
        low, high = _order(low_first, *pair)
        # a better one is the new low end, and the minimum lies on the side where the line falls
        beyond = point.slope * (b.high.t - b.low.t) >= 0
        low = _select(worse, low, point)
        high = _select(worse, high, _select(beyond, b.low, b.high))
        return Bracket(low, high, low_first, near_end, b.evals + 1, good)

    return jax.lax.while_loop(lambda b: ~b.done & (b.evals <= budget) & wide(b), narrow, bracket)


def _trial_step(b: Bracket) -> tuple[jax.Array, jax.Array]:
    """Where to look inside a bracket: not twice in a row within a tenth of it from an end."""
    left, right = jnp.minimum(b.low.t, b.high.t), jnp.maximum(b.low.t, b.high.t)
    t = _cubic_minimum(b.low, b.high, left, right)
    tenth = 0.1 * (right - left)
    near_end = jnp.minimum(right - t, t - left) < tenth
    move = near_end & (b.near_end | (t >= right) | (t <= left))
    inside = jnp.where(jnp.abs(t - right) < jnp.abs(t - left), right - tenth, left + tenth)
    return jnp.where(move, inside, t), near_end & ~move


def _cubic_minimum(a: Point, b: Point, least: jax.Array, most: jax.Array) -> jax.Array:
    """Where the cubic with the values and slopes of two points is lowest (equation 3.59 of the book).

    Kept within [least, most]; its middle where the cubic has no minimum or is not finite.
    """
    left, right = _order(a.t <= b.t, a, b)
    d1 = left.slope + right.slope - 3 * (left.value - right.value) / (left.t - right.t)
    square = d1 * d1 - left.slope * right.slope
    d2 = jnp.sqrt(square)
    fraction = (right.slope + d2 - d1) / (right.slope - left.slope + 2 * d2)
    t = right.t - (right.t - left.t) * fraction
    return jnp.where(jnp.isnan(t), (least + most) / 2, jnp.clip(t, least, most))


def _select(condition: jax.Array, a: Point, b: Point) -> Point:
    return jax.tree.map(lambda x, y: jnp.where(condition, x, y), a, b)


def _order(a_first: jax.Array, a: Point, b: Point) -> tuple[Point, Point]:
    return _select(a_first, a, b), _select(a_first, b, a)
