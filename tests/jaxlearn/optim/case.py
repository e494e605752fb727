"""One optimizer with some flags beside one oracle, and the problem that both are followed on."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxlearn import optim

GOLDEN_FOLDER = Path(__file__).parents[2] / "golden"
GOLDEN = np.load(GOLDEN_FOLDER / "optimizers.npz")
LR = 0.01
PRECISE = 1e-12


class Case(NamedTuple):
    """One row of the table.

    `ours(dtype)` and `theirs(dtype)` give the parameters after each step as a matrix; `double` and `single`
    are the bounds on their difference in float64 and float32 (None where the oracle is in float64 only).
    """

    optimizer: str
    flags: str
    oracle: str
    ours: Callable[[Any], Any]
    theirs: Callable[[Any], Any]
    double: float = PRECISE
    single: float | None = None
    note: str = ""

    @property
    def name(self):
        return f"{self.optimizer} [{self.flags}] {self.oracle}"

    def difference(self, dtype):
        """The largest difference of any parameter after any step."""
        with jax.enable_x64(dtype == "float64"):
            ours = np.asarray(self.ours(dtype))
            theirs = np.asarray(self.theirs(dtype))
        assert ours.shape == theirs.shape
        assert ours.dtype == dtype
        return float(np.abs(ours - theirs).max())


def show(options):
    return ", ".join(f"{name}={value}" for name, value in options.items()) or "defaults"


def follow(opt, params, grads, **extra):
    """Parameters after every step, as one scan; `extra` has a leading axis of steps, as `grads` has."""

    def body(carry, inputs):
        params, state = carry
        grads, extra = inputs
        updates, state = opt.update(grads, state, params, **extra)
        params = optim.apply_updates(params, updates)
        return (params, state), params

    return jax.jit(lambda: jax.lax.scan(body, (params, opt.init(params)), (grads, extra))[1])()


def flat(tree):
    """A trajectory of a tree as one matrix: a row for each step."""
    return jnp.concatenate([x.reshape(x.shape[0], -1) for x in jax.tree.leaves(tree)], axis=1)


def problem(dtype, trend=0.0):
    """The recorded parameters and 50 gradients of each; a `trend` in the gradients makes them agree."""
    leaves = sum(key.startswith("params/") for key in GOLDEN)
    params, grads = ([GOLDEN[f"{kind}/{i}"] for i in range(leaves)] for kind in ("params", "grads"))
    grads = [g + trend * np.sign(p) for p, g in zip(params, grads, strict=True)]
    return [jnp.asarray(p, dtype) for p in params], [jnp.asarray(g, dtype) for g in grads]
