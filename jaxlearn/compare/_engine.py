"""One pure function for each of many runs, as one compiled program."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

ACROSS, EVERYWHERE = PartitionSpec("runs"), PartitionSpec()


def make_mesh(devices: Sequence[jax.Device]) -> Mesh:
    """The devices that share the runs out among them."""
    return jax.make_mesh((len(devices),), ("runs",), axis_types=(AxisType.Auto,), devices=devices)


def place(mesh: Mesh, tree: Any, across: bool) -> Any:
    """Moves arrays to the devices: a share of the groups to each, or the whole to each."""
    return jax.device_put(tree, NamedSharding(mesh, ACROSS if across else EVERYWHERE))


def over_runs(
    function: Callable[..., Any], mesh: Mesh, width: int, in_axes: Any, out_axes: Any, shared: int = 0
) -> Callable[..., Any]:
    """Makes a function of one run one of many: see `Arrangement`.

    Args:
      function: `function(*arguments, *data)` of one run.
      mesh: as from `make_mesh`.
      width: runs in a group.
      in_axes, out_axes: as of `jax.vmap`, for the arguments and for the results: 0 for what each run of a
        group has for itself, None for what the runs of a group share. Arrays with a 0 have shape (groups,
        width, ...), the others (groups, ...).
      shared: how many of the last arguments are data that all runs read.
    """

    def group(rows: Any, data: Any) -> Any:
        def run(*row: Any) -> Any:
            return function(*row, *data)

        if width > 1:
            return jax.vmap(run, in_axes=in_axes, out_axes=out_axes)(*rows)
        # one run by itself is the program that it is outside a grid
        results = run(*_map_axes(lambda leaf: leaf[0], in_axes, rows))
        return _map_axes(lambda leaf: leaf[None], out_axes, results)

    def device(*arguments: Any) -> Any:
        rows, data = arguments[: len(arguments) - shared], arguments[len(arguments) - shared :]
        return jax.lax.map(lambda row: group(row, data), rows)

    def program(*arguments: Any) -> Any:
        specs = (ACROSS,) * (len(arguments) - shared) + (EVERYWHERE,) * shared
        # check_vma: named axes of a vmap inside, as of batch norm, cannot be followed (JAX 0.10)
        mapped = jax.shard_map(device, mesh=mesh, in_specs=specs, out_specs=ACROSS, check_vma=False)
        return mapped(*arguments)

    return program


def _map_axes(change: Callable[[jax.Array], jax.Array], axes: Any, tree: Any) -> Any:
    """Applies `change` to every leaf whose axis is 0; `axes` is a prefix of `tree`, as of `jax.vmap`."""

    def part(axis: int | None, subtree: Any) -> Any:
        return subtree if axis is None else jax.tree.map(change, subtree)

    return jax.tree.map(part, axes, tree, is_leaf=lambda axis: axis is None)
