"""Long proofs: some of their cases on each day, or their small form; whole with `make test-slow`."""

import os
import time

import pytest

MONTH = 28  # days in which every case has run
DAY = int(time.time() // 86_400)
if os.environ.get("JAXLEARN_TEST_DAY", "today") != "today":
    DAY = int(os.environ["JAXLEARN_TEST_DAY"])
elif "JAXLEARN_TEST_DAY" in os.environ:
    os.environ["JAXLEARN_TEST_DAY"] = str(DAY)  # the same for pytest's workers


def sample(share, values):
    """Of `values`, for `pytest.mark.parametrize`: one in `share`, on each day others."""
    values = list(values)
    return _mark_slow(values, is_taken(len(values), share))


def is_taken(cases, share):
    """Whether each of so many cases runs today: one in `share`, but one at least."""
    share = max(1, min(share, cases, MONTH))
    return [(i + DAY) % share == 0 for i in range(cases)]


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
