"""What a handful of seeds can say."""

import itertools
import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

LEVEL = 0.05


class Estimate(NamedTuple):
    """A mean over runs.

    Attributes:
      mean, sd: of the runs; sd is NaN for a single one.
      low, high: 95% interval of the mean, by Student's t; NaN for a single run.
      n: number of runs.
    """

    mean: float
    sd: float
    low: float
    high: float
    n: int


class Pair(NamedTuple):
    """The difference between two optimizers over runs with the same seeds.

    Attributes:
      first, second: their names.
      difference: mean of first minus second.
      low, high: 95% interval of this difference alone.
      p: by a paired t-test, corrected for the number of pairs (Holm 1979); NaN for a single run each.
      tied: whether the two cannot be told apart, p >= 0.05 that is; always with a single run.
    """

    first: str
    second: str
    difference: float
    low: float
    high: float
    p: float
    tied: bool


def estimate(values: np.ndarray, resolution: float = 0.0) -> Estimate:
    """Mean, standard deviation and interval.

    Args:
      values: shape (runs,).
      resolution: the smallest step of a value, as 1 / examples is of an accuracy. The interval is not made
        with a deviation below it: three runs that happen to give the same number do not make it certain.

    >>> e = estimate(np.array([0.96, 0.97, 0.98]))
    >>> round(e.mean, 4), round(e.sd, 4), round(e.low, 4), round(e.high, 4), e.n
    (0.97, 0.01, 0.9452, 0.9948, 3)
    """
    from scipy import stats

    n = len(values)
    if n < 2:
        return Estimate(float(values.mean()), math.nan, math.nan, math.nan, n)
    mean, sd = float(values.mean()), float(values.std(ddof=1))
    half = float(stats.t.isf(LEVEL / 2, n - 1)) * max(sd, resolution) / math.sqrt(n)
    return Estimate(mean, sd, mean - half, mean + half, n)


def compare_pairs(samples: Mapping[str, np.ndarray], resolution: float = 0.0) -> list[Pair]:
    """Every two of the samples, whose runs belong together by seed.

    Args:
      samples: for each name, values of shape (runs,), runs in the same order of seeds.
      resolution: as of `estimate`.

    >>> a = np.array([0.970, 0.971, 0.969])
    >>> for pair in compare_pairs({"a": a, "again": a, "worse": a - [0.021, 0.020, 0.019]}):
    ...     print(pair.first, pair.second, round(pair.p, 3), "tied" if pair.tied else "not tied")
    a again 1.0 tied
    a worse 0.002 not tied
    again worse 0.002 not tied
    """
    pairs = list(itertools.combinations(samples, 2))
    differences = [estimate(samples[a] - samples[b], resolution) for a, b in pairs]
    p_values = holm([_p_value(difference, resolution) for difference in differences])
    return [
        Pair(a, b, d.mean, d.low, d.high, p, not p < LEVEL)
        for (a, b), d, p in zip(pairs, differences, p_values, strict=True)
    ]


def _p_value(difference: Estimate, resolution: float) -> float:
    from scipy import stats

    if difference.mean == 0:
        return 1.0
    sd = max(difference.sd, resolution)
    if math.isnan(sd):
        return math.nan
    t = abs(difference.mean) / (sd / math.sqrt(difference.n)) if sd else math.inf
    return float(2 * stats.t.sf(t, difference.n - 1))


def holm(p_values: list[float]) -> list[float]:
    """p-values corrected for their number by Holm's step-down method (Scand. J. Statist. 6, 1979).

    >>> [round(p, 3) for p in holm([0.01, 0.04, 0.03])]
    [0.03, 0.06, 0.06]
    """
    corrected = [math.nan] * len(p_values)
    largest = 0.0
    for rank, at in enumerate(np.argsort(p_values)):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[at]))
        corrected[at] = math.nan if math.isnan(p_values[at]) else largest
    return corrected
