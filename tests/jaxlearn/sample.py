"""Long proofs: some of their cases on each day, or their small form; whole with `make test-slow`."""

import os
from datetime import date

import pytest

MONTH = 28  # days in which every case has run
# workers and the processes that tests start keep the day of the process that started them
DAY = int(os.environ.setdefault("JAXLEARN_TEST_DAY", str(date.today().toordinal())))


def sample(share, values):
    """Of `values`, for `pytest.mark.parametrize`: one in `share`, on each day others."""
    values = list(values)
    share = min(share, len(values), MONTH)
    return _mark_slow(values, [(i + DAY) % share == 0 for i in range(len(values))])


def small_first(*values):
    """Of `values`, for `pytest.mark.parametrize`: the first one, which is the small form of the others."""
    return _mark_slow(values, [i == 0 for i in range(len(values))])


def _mark_slow(values, taken):
    # a NamedTuple is one value
    many = lambda value: value if type(value) is tuple else (value,)
    return [
        value if take else pytest.param(*many(value), marks=pytest.mark.slow)
        for value, take in zip(values, taken, strict=True)
    ]
