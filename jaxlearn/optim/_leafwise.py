"""Where all optimizers do their sums: one leaf after another."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Annotated, Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from jaxlearn._dtype import compute_dtype, from_pairs, to_pairs

from ._sharding import place_like

PyTree: TypeAlias = Any
# The type of a hyperparameter. What a factory annotates with it may also be a schedule.
Scalar: TypeAlias = Annotated[Any, "a Python number, or an array or tracer of shape ()"]


def leafwise(rule: Callable[..., tuple[Any, ...]], *trees: PyTree, **hyper: Scalar) -> tuple[PyTree, ...]:
    """Applies a rule for one array to every leaf of some trees: where all optimizers do their sums.

    Args:
      rule: `rule(*leaves, h) -> leaves`, one result for each tree, with the hyperparameters as the attributes
        of `h`; without any, `rule(*leaves)`. It sees real numbers alone: a complex array of shape s as one of
        shape (*s, 2), as `torch.view_as_real` shows it to PyTorch's optimizers, so that both parts of a
        number are parameters by themselves.
      *trees: trees of one structure. A tree that is None is None at every leaf and in the result; in
        the place of a leaf a tree other than the first may hold a tree of arrays, of which the rule sees
        and gives back the list of leaves, whatever holds them (flax's `nnx.Optimizer` turns tuples into
        mappings).
      **hyper: hyperparameters. A Python number stays one, so that its arithmetic is done in
        double precision; an array takes the dtype that the leaf is computed in.

    Returns:
      A tuple of trees. Leaves are computed in float32 at the least (in bfloat16 itself 0.999 is 1)
      and rounded once, to the dtype of the leaf they take the place of; on a mesh of explicit axes they are
      divided among devices as that leaf is.

    >>> leafwise(lambda g, m, h: (-g, h.b * m + g), {"w": 1.0}, {"w": 2.0}, b=0.5)
    ({'w': Array(-1., dtype=float32)}, {'w': Array(2., dtype=float32)})
    """
    structure: Any = jax.tree.structure(trees[0])
    nothing = [None] * structure.num_leaves
    columns = [nothing if t is None else structure.flatten_up_to(t) for t in trees]
    rows = [_compute(rule, row, hyper) for row in zip(*columns, strict=True)]
    if not rows:
        return trees
    return tuple(
        None if tree is None else structure.unflatten(column)
        for tree, column in zip(trees, zip(*rows, strict=True), strict=True)
    )


def _compute(
    rule: Callable[..., tuple[Any, ...]], row: tuple[Any, ...], hyper: dict[str, Scalar]
) -> tuple[Any, ...]:
    row = jax.tree.map(jnp.asarray, row)
    dtype = compute_dtype(to_pairs(row[0]).dtype)
    h = SimpleNamespace(**{name: _scalar(value, dtype) for name, value in hyper.items()})
    results = rule(*(_show(old, dtype) for old in row), *([h] if hyper else []))
    return tuple(_keep(old, new) for old, new in zip(row, results, strict=True))


def _show(old: PyTree, dtype: Any) -> Any:
    """What is in the place of a leaf, as the rule sees it: an array, a list of arrays, or None."""
    wide = [to_pairs(x).astype(dtype) for x in jax.tree.leaves(old)]
    return wide[0] if isinstance(old, jax.Array) else None if old is None else wide


def _keep(old: PyTree, new: Any) -> PyTree:
    """The way back."""
    if new is None or isinstance(old, jax.Array):
        return None if new is None else _store(old, new)
    leaves, structure = jax.tree.flatten(old)
    return jax.tree.unflatten(structure, [_store(*pair) for pair in zip(leaves, new, strict=True)])


def _store(old: jax.Array, new: jax.Array) -> jax.Array:
    shape = (*old.shape, 2) if jnp.iscomplexobj(old) else old.shape
    if new.shape != shape:
        raise ValueError(f"gradients, states and parameters differ in shape: {shape} became {new.shape}")
    # one without numbers may have lost the axes of a `shard_map` that it varies over
    return place_like(from_pairs(new, old.dtype), old) if old.size else old


def _scalar(value: Scalar, dtype: Any) -> Scalar:
    if isinstance(value, np.generic):
        value = value.item()
    return value if value is None or isinstance(value, int | float) else jnp.asarray(value, dtype)
