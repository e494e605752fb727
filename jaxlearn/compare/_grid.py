"""Values to try, and every combination of them."""

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence

import jax
import jax.numpy as jnp
import numpy as np

from jaxlearn._check import whole
from jaxlearn._text import show

MOST_VALUES, MOST_POINTS = 1000, 10_000  # of a hyperparameter, and in a grid


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


def parse_values(text: str) -> list[float]:
    """Reads "0.1", "1e-3,1e-2" or the logarithmic grid "1e-4:1:9".

    Raises:
      ValueError: anything else, a value twice, or more than 1,000 values.

    >>> parse_values("1e-3,1e-2"), parse_values("1e-2:1:3")
    ([0.001, 0.01], [0.01, 0.1, 1.0])
    """
    try:
        if ":" in text:
            least, most, number = text.split(":")
            values = log_grid(float(least), float(most), min(int(number), MOST_VALUES + 1))
        else:
            values = [float(value) for value in text.split(",")]
    except ValueError as error:
        if str(error).startswith("a grid must be"):
            raise
        raise ValueError(
            f"must be a number, numbers with commas between, or a grid LEAST:MOST:NUMBER, got {text!r}"
        ) from None
    if len(values) > MOST_VALUES:
        raise ValueError(f"must be at most {MOST_VALUES} numbers, got {show(text)}")
    if len(set(values)) < len(values):
        raise ValueError(f"must not hold the same number twice, got {text!r}")
    return values


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
