"""Rows of the contract's table on a mesh of eight devices, as a program: it needs a process of its own.

    python -m tests.jaxlearn.optim.eight_devices mesh|shard_map NAME ...

prints a line for each row: its name, a tab, and what went wrong, if anything did.
"""

import os
import sys

os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} --xla_force_host_platform_device_count=8"
os.environ["JAX_PLATFORMS"] = "cpu"

import chex
import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import AxisType, NamedSharding

from tests.jaxlearn.optim.contract import ROWS, train, update

STEPS = 4  # soap changes its basis in the fourth
PLACES = {
    "scalar": jax.P(),
    "empty": jax.P(),
    "vector": jax.P(("x", "y")),
    "matrix": jax.P("x", "y"),
    "wide": jax.P(None, "x"),
    "deep": [jax.P(("x", "y")), jax.P()],
}


def make_params():
    random = np.random.default_rng(0)
    new = lambda *shape: jnp.asarray(random.normal(size=shape))
    return {
        "scalar": new(),
        "empty": new(0, 2),
        "vector": new(8),
        "matrix": new(8, 2),
        "wide": new(2, 8),
        "deep": [new(8, 1, 2, 3), new(2)],
    }


def close(a, b):
    chex.assert_trees_all_close(jax.device_get(a), jax.device_get(b), rtol=1e-8, atol=1e-8)


def check_sharding(tree, params):
    """Arrays of a parameter's shape are divided among devices as the parameter is."""
    wanted = {p.shape: p.sharding for p in jax.tree.leaves(params) if p.size > 8}
    for leaf in jax.tree.leaves(tree):
        if leaf.shape in wanted:
            assert leaf.sharding.is_equivalent_to(wanted[leaf.shape], leaf.ndim), leaf.sharding


def on_mesh(opt, mesh):
    """Parameters divided along one axis of a mesh, or two: in one program, and an update outside of one."""
    params = make_params()
    places = jax.tree.map(lambda place: NamedSharding(mesh, place), PLACES)
    divided = jax.device_put(params, places)
    plain = jax.jit(lambda params: train(opt, params, STEPS))(params)
    with jax.set_mesh(mesh):
        result = jax.jit(lambda params: train(opt, params, STEPS))(divided)
        close(result[0], plain[0])
        check_sharding(result, divided)
        state = opt.init(divided)
        check_sharding(state, divided)
        close(update(opt, divided, state, 0)[0], train(opt, params, 1)[0])


def in_shard_map(opt, mesh):
    """Eight runs, each on a device of its own."""
    scales = jnp.linspace(0.5, 1.5, 8)
    each = jax.tree.map(lambda p: jnp.stack([scale * p for scale in scales]), make_params())
    run = lambda params: train(opt, params, STEPS)[0]

    def one(params):
        after = run(jax.tree.map(lambda p: p[0], params))
        return jax.tree.map(lambda p: p[None], after)

    place = jax.P(("x", "y"))
    divided = jax.device_put(each, NamedSharding(mesh, place))
    result = jax.jit(jax.shard_map(one, mesh=mesh, in_specs=place, out_specs=place))(divided)
    close(result, jax.jit(jax.vmap(run))(each))


def main(where, *names):
    jax.config.update("jax_enable_x64", True)
    jax.config.update("jax_numpy_dtype_promotion", "strict")
    jax.config.update("jax_numpy_rank_promotion", "raise")
    mesh = jax.make_mesh((4, 2), ("x", "y"), axis_types=(AxisType.Explicit,) * 2)
    for name in names:
        told = ""
        try:
            {"mesh": on_mesh, "shard_map": in_shard_map}[where](ROWS[name].build(), mesh)
        except Exception as error:
            told = f"{type(error).__name__}: {error}".replace("\n", " ")
        print(f"{name}\t{told}", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
