"""Reads what PyTorch computed, and compares with it."""

import json
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

GOLDEN = Path(__file__).parents[1] / "golden"


class Case(NamedTuple):
    """One recorded call; see `tests/golden/recorder.py`. Arrays are numpy's, in double precision."""

    options: dict[str, Any]
    inputs: dict[str, np.ndarray]
    y: np.ndarray
    cotangent: np.ndarray
    grads: dict[str, np.ndarray]
    after: dict[str, np.ndarray]

    def __str__(self):
        return json.dumps(self.options)


def cases(file, *layers):
    """The cases of a file of `tests/golden/` whose option "layer" is one of `layers`."""
    found = []
    for key, arrays in _read(file).items():
        group = lambda kind, arrays=arrays: {
            name.removeprefix(f"{kind}/"): value
            for name, value in arrays.items()
            if name.startswith(f"{kind}/")
        }
        if json.loads(key)["layer"] in layers:
            parts = group("input"), arrays["y"], arrays["cotangent"], group("grad"), group("after")
            found.append(Case(json.loads(key), *parts))
    assert found, layers
    return found


@cache
def _read(file):
    """All cases of a file: its arrays, in a dict for each set of options."""
    grouped = {}
    for name, array in np.load(GOLDEN / f"{file}.npz").items():
        key, rest = name.split("}/")
        grouped.setdefault(key + "}", {})[rest] = array
    return grouped


def compare(case, function, tolerance=1e-10):
    """Holds `function(**inputs)`, an array or a pair of it and a dict, to a case, gradients included."""
    inputs = jax.tree.map(jnp.asarray, case.inputs)
    fixed = {name: value for name, value in inputs.items() if name not in case.grads}
    real = {name: value for name, value in inputs.items() if name in case.grads}

    def with_after(real):
        result = function(**fixed, **real)
        return result if isinstance(result, tuple) else (result, {})

    @jax.jit  # one program compiles sooner than its many small steps
    def forward_and_back(real, cotangent):
        y, pull, after = jax.vjp(with_after, real, has_aux=True)
        return y, *pull(cotangent), after

    y, grads, after = forward_and_back(real, jnp.asarray(case.cotangent))
    for kind, ours, theirs in (("y", y, case.y), ("grad", grads, case.grads), ("after", after, case.after)):
        ours, theirs = (tree if isinstance(tree, dict) else {"": tree} for tree in (ours, theirs))
        assert ours.keys() == theirs.keys()
        for name, value in theirs.items():
            assert ours[name].shape == value.shape, (kind, name)
            np.testing.assert_allclose(ours[name], value, rtol=0, atol=tolerance, err_msg=f"{kind} {name}")
