"""Long proofs in a small form on every run, and whole with `make test-slow`."""

import pytest


def every(step, values):
    """Of `values`, for `pytest.mark.parametrize`: the first of each `step`; the others are marked slow."""
    return [
        value if i % step == 0 else pytest.param(*_many(value), marks=pytest.mark.slow)
        for i, value in enumerate(values)
    ]


def _many(value):
    return value if type(value) is tuple else (value,)  # a NamedTuple is one value
