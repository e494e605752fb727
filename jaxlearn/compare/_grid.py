"""Values to try, and every combination of them."""

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence

import jax
import jax.numpy as jnp
import numpy as np

from jaxlearn._check import whole

MOST_POINTS = 10_000


def log_grid(least: float, most: float, number: int) -> list[float]:
    """`number` values from `least` to `most`, each the same factor above the one before.

    They are rounded to four digits, so that a value printed is the value used.

    Raises:
      ValueError: an end that is not positive and finite, `most` not above `least`, fewer than 2 values.

    >>> log_grid(1e-4, 1, 5)
    [0.0001, 0.001, 0.01, 0.1, 1.0]
    """
    count = whole(number)
    if not 0 < least < most < math.inf or count is None or count < 2:
        raise ValueError(
            "a grid must be LEAST:MOST:NUMBER with 0 < LEAST < MOST and at least 2 values, "
            f"got {least:g}:{most:g}:{number}"
        )
    return [float(f"{value:.4g}") for value in np.geomspace(least, most, count)]


def grid_points(axes: Mapping[str, Sequence[float]]) -> list[dict[str, float]]:
    """Every combination of the values of each hyperparameter, the last one changing fastest.

    Raises:
      ValueError: there are more than 10,000.

    >>> grid_points({"learning_rate": [0.1, 1.0], "momentum": [0.9]})
    [{'learning_rate': 0.1, 'momentum': 0.9}, {'learning_rate': 1.0, 'momentum': 0.9}]
    """
    if (number := math.prod(map(len, axes.values()))) > MOST_POINTS:
        raise ValueError(f"a grid must be at most {MOST_POINTS} points, got {number}")
    return [dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values())]


def place_values(points: Sequence[Mapping[str, float]], rows: np.ndarray) -> dict[str, jax.Array]:
    """Each hyperparameter as an array of the shape of `rows`, the numbers of the points.

    >>> place_values([{"learning_rate": 1}, {"learning_rate": 2}], np.array([[1, 0]]))
    {'learning_rate': Array([[2., 1.]], dtype=float32)}
    """
    columns = {name: np.array([point[name] for point in points], float) for name in points[0]}
    return {name: jnp.asarray(column[rows], float) for name, column in columns.items()}


def edge(value: float, tried: Iterable[float]) -> str | None:
    """Whether a value is the "smallest" or "largest" of three or more, so that one not tried may do better.

    >>> edge(1.0, [0.1, 1.0, 0.5]), edge(0.5, [0.1, 1.0, 0.5]), edge(1.0, [0.1, 1.0])
    ('largest', None, None)
    """
    values = set(tried)
    if len(values) < 3 or min(values) < value < max(values):
        return None
    return "smallest" if value == min(values) else "largest"
