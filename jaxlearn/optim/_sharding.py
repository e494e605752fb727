"""Arrays whose type tells how they are divided among devices: those on a mesh of explicit axes."""

import jax
from jax.sharding import NamedSharding, PartitionSpec


def replicated(x: jax.Array) -> jax.Array:
    """The array with all its numbers on every device, for rules that mix them; itself where it is divided
    by no explicit axis, and the compiler takes care of the others.

    >>> import jax.numpy as jnp
    >>> replicated(jnp.ones(2))
    Array([1., 1.], dtype=float32)
    """
    if not _is_divided(x):
        return x
    return jax.sharding.reshard(
        x, NamedSharding(jax.typeof(x).sharding.mesh, PartitionSpec(*[None] * x.ndim))
    )


def place_like(x: jax.Array, like: jax.Array) -> jax.Array:
    """The array divided among devices as another one of its shape: the way back from `replicated`."""
    here, there = jax.typeof(x).sharding, jax.typeof(like).sharding
    if here.spec == there.spec:
        return x
    mesh = there.mesh if _is_divided(like) else here.mesh
    return jax.sharding.reshard(x, NamedSharding(mesh, there.spec))


def _is_divided(x: jax.Array) -> bool:
    return any(axis is not None for axis in jax.typeof(x).sharding.spec)
