"""Optimizers on functions of two numbers, where every step can be seen."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxlearn._check import check, check_whole
from jaxlearn.optim import apply_updates, evaluation_parameters, with_extra_args_support

from ._engine import make_mesh, over_runs, place
from ._grid import edge

REACHED = 1e-4  # of the height of the start above the minima


class Surface(NamedTuple):
    """A function to minimise, of a point in the plane.

    Attributes:
      name: such as "rosenbrock".
      f: `f(point) -> value`, JAX, shapes (2,) and ().
      start: x and y where every optimizer starts.
      minima, least: every point at which the function is least, and the value there.
      bounds: left, right, bottom and top of what is drawn.
      formula: of the function, as text.
    """

    name: str
    f: Callable[[jax.Array], jax.Array]
    start: tuple[float, float]
    minima: tuple[tuple[float, float], ...]
    least: float
    bounds: tuple[float, float, float, float]
    formula: str


def rosenbrock(point: jax.Array) -> jax.Array:
    r"""$(1 - x)^2 + 100 (y - x^2)^2$: a narrow valley along a parabola, nearly flat along its floor.

    Rosenbrock, "An automatic method for finding the greatest or least value of a function", The Computer
    Journal 3, 1960; it gives the start (-1.2, 1) as well.

    >>> print(rosenbrock(jnp.array([-1.0, 1.0])))
    4.0
    """
    x, y = point
    return (1 - x) ** 2 + 100 * (y - x**2) ** 2


def beale(point: jax.Array) -> jax.Array:
    r"""$\sum_{i=1}^3 (c_i - x (1 - y^i))^2$ with $c = (1.5, 2.25, 2.625)$: flat ground below steep corners.

    Beale, "On an iterative method for finding a local minimum of a function of more than one variable",
    Princeton, technical report 25, 1958. The start (1, 1) is that of Moré, Garbow and Hillstrom, "Testing
    unconstrained optimization software", ACM Transactions on Mathematical Software 7, 1981.

    >>> print(beale(jnp.array([1.0, 0.0])))
    4.453125
    """
    x, y = point
    return (1.5 - x * (1 - y)) ** 2 + (2.25 - x * (1 - y**2)) ** 2 + (2.625 - x * (1 - y**3)) ** 2


def himmelblau(point: jax.Array) -> jax.Array:
    r"""$(x^2 + y - 11)^2 + (x + y^2 - 7)^2$: four minima, all equally low.

    Himmelblau, "Applied Nonlinear Programming", McGraw-Hill, 1972.

    >>> print(himmelblau(jnp.array([0.0, 0.0])))
    170.0
    """
    x, y = point
    return (x**2 + y - 11) ** 2 + (x + y**2 - 7) ** 2


def saddle(point: jax.Array) -> jax.Array:
    r"""$x^2 + (y^2 - 1)^2 / 2 = x^2 - y^2 + y^4 / 2 + 1/2$: the saddle $x^2 - y^2$ with a bottom.

    The gradient leads to the saddle, at the origin, and vanishes there; how soon an optimizer finds the way
    out to (0, 1) or (0, -1) is the question of Dauphin et al., "Identifying and attacking the saddle point
    problem in high-dimensional non-convex optimization", NIPS 2014.

    >>> print(saddle(jnp.array([1.0, 0.0])), saddle(jnp.array([0.0, 0.0])))
    1.5 0.5
    """
    x, y = point
    return x**2 + (y**2 - 1) ** 2 / 2


SURFACES: dict[str, Surface] = {
    surface.name: surface
    for surface in (
        Surface(
            name="rosenbrock",
            f=rosenbrock,
            start=(-1.2, 1.0),
            minima=((1.0, 1.0),),
            least=0.0,
            bounds=(-2.0, 2.0, -1.5, 2.5),
            formula="(1 - x)² + 100 (y - x²)²",
        ),
        Surface(
            name="beale",
            f=beale,
            start=(1.0, 1.0),
            minima=((3.0, 0.5),),
            least=0.0,
            bounds=(-0.5, 4.5, -2.5, 2.5),
            formula="(1.5 - x + xy)² + (2.25 - x + xy²)² + (2.625 - x + xy³)²",
        ),
        Surface(
            name="himmelblau",
            f=himmelblau,
            start=(0.0, 0.0),
            minima=(
                (3.0, 2.0),
                (-2.805118086952745, 3.131312518250573),
                (-3.779310253377747, -3.283185991286170),
                (3.584428340330492, -1.848126526964404),
            ),
            least=0.0,
            bounds=(-5.0, 5.0, -5.0, 5.0),
            formula="(x² + y - 11)² + (x + y² - 7)²",
        ),
        Surface(
            name="saddle",
            f=saddle,
            start=(1.0, 1e-3),
            minima=((0.0, 1.0), (0.0, -1.0)),
            least=0.0,
            bounds=(-1.5, 1.5, -1.5, 1.5),
            formula="x² + (y² - 1)² / 2",
        ),
    )
}


class Descent(NamedTuple):
    """An optimizer on a surface, at every learning rate that was tried.

    Attributes:
      optimizer: its name.
      rates: learning rates.
      final: value after the last step at each rate, shape (rates,).
      points, values: the way at the chosen rate, the start included; shapes (steps + 1, 2) and (steps + 1,).
      steps_to: steps after which the chosen rate was down to 1e-4 of the height of the start above the
        minima for the first time; None: never.
    """

    optimizer: str
    rates: list[float]
    final: np.ndarray
    points: np.ndarray
    values: np.ndarray
    steps_to: int | None

    @property
    def chosen(self) -> int:
        """The rate with the lowest final value, the first of several; see `tune`."""
        return choose(self.final)

    @property
    def rate(self) -> float:
        """The chosen learning rate."""
        return self.rates[self.chosen]

    @property
    def edge(self) -> str | None:
        """Whether the chosen rate is the "smallest" or "largest" of three or more, so that a rate that was
        not tried may do better; None: neither."""
        return edge(self.rate, self.rates)

    @property
    def diverged(self) -> int:
        """How many rates ended above the start, or at no finite number."""
        return int(np.sum(~np.isfinite(self.final) | (self.final > self.values[0])))


def choose(final: np.ndarray) -> int:
    """The least; the first of several. What is not finite counts as the worst.

    >>> choose(np.array([2.0, np.nan, 1.0, -np.inf, 1.0]))
    2
    """
    return int(np.argmin(np.where(np.isfinite(final), final, np.inf)))


def descend(surface: Surface, optimizer: Any, steps: int) -> tuple[jax.Array, jax.Array]:
    """The way of an optimizer down a surface: a pure function, one `lax.scan`, nothing compiled here.

    Args:
      surface: what is minimised, from its start.
      optimizer: a pair of `init` and `update`, from jaxlearn or optax. Where its `update` takes them it is
        given `value`, `value_fn` (the function itself) and `grad`, as in a training run.
      steps: updates to make. Some optimizers, L-BFGS and SAM for two, look at the function more than once
        in an update.

    Returns:
      Points of shape (steps + 1, 2), the start first, and their values, of shape (steps + 1,). The points
      are those to evaluate: an average where the optimizer makes one.

    Raises:
      ValueError: fewer steps than one.

    >>> from jaxlearn import optim
    >>> points, values = descend(SURFACES["saddle"], optim.sgd(0.25), steps=2)
    >>> print(points[:, 0], values[0])
    [1.   0.5  0.25] 1.499999
    """
    steps = check_whole("steps", steps, 1)
    optimizer = with_extra_args_support(optimizer)
    start = jnp.asarray(surface.start, float)

    def step(carry: tuple[jax.Array, Any], _: None) -> tuple[tuple[jax.Array, Any], jax.Array]:
        point, state = carry
        value, grad = jax.value_and_grad(surface.f)(point)
        updates, state = optimizer.update(grad, state, point, value=value, value_fn=surface.f, grad=grad)
        point = apply_updates(point, updates)
        return (point, state), evaluation_parameters(state, point)

    _, points = jax.lax.scan(step, (start, optimizer.init(start)), length=steps)
    points = jnp.concatenate([start[None], points])
    return points, jax.vmap(surface.f)(points)


def tune(
    surface: Surface, name: str, make: Callable[..., Any], rates: Sequence[float], steps: int
) -> Descent:
    """Tries every learning rate, all in one compiled program, and chooses the one that ends lowest.

    What counts is the value after the last step, not the lowest on the way there, and a value that is not
    finite is the worst. Every rate has the same number of steps.

    Args:
      surface: what is minimised.
      name: of the optimizer.
      make: `make(learning_rate=rate)` gives a pair of `init` and `update`, from jaxlearn or optax; it is
        called with a traced number.
      rates: learning rates to try, in ascending order where the smallest of equally good ones is wanted.
      steps: of every rate.

    Raises:
      ValueError: no rate, one that is negative or not finite, or fewer steps than one.

    >>> from jaxlearn import optim
    >>> descent = tune(SURFACES["saddle"], "adam", optim.adam, [0.001, 0.01, 0.1], steps=200)
    >>> descent.rate, descent.edge, descent.steps_to, descent.diverged
    (0.1, 'largest', 79, 0)
    """
    if not rates:
        raise ValueError("rates must hold at least one learning rate, got none")
    for rate in rates:
        check("rates", rate, "[0, inf)")

    def run(rate: jax.Array) -> tuple[jax.Array, jax.Array]:
        return descend(surface, make(learning_rate=rate), steps)

    mesh = make_mesh(jax.devices()[:1])
    group = place(mesh, jnp.array([rates], float), across=True)  # one group of runs side by side
    program = jax.jit(over_runs(run, mesh, width=len(rates), in_axes=(0,), out_axes=0))
    points, values = (np.asarray(result[0]) for result in program(group))
    chosen = choose(values[:, -1])
    steps_to = _steps_to(values[chosen], surface.least)
    return Descent(name, list(rates), values[:, -1], points[chosen], values[chosen], steps_to)


def _steps_to(values: np.ndarray, least: float) -> int | None:
    gaps = values - least
    reached = gaps <= REACHED * gaps[0]
    return int(np.argmax(reached)) if reached.any() else None
