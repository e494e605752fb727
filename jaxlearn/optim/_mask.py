"""Transforms for a part of the parameters, and parameter groups."""

import operator
import re
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp

from ._leafwise import PyTree
from ._transform import Transform, with_extra_args_support
from ._wrapper import map_value_fn

# A tree of Python bools with the structure of the parameters or a prefix of it (one bool for all that is
# below), or a function of the parameters that gives such a tree. The function is called with gradients,
# too, so it may look at paths, shapes and dtypes, not at values.
Mask: TypeAlias = PyTree | Callable[[PyTree], PyTree]


def masked(inner: Any, mask: Mask) -> Transform:
    """Applies a transform to some parameters; the gradients of the others pass unchanged.

    `inner` sees None in the place of the other parameters, and keeps no state for them. A `value_fn` is
    given to it as a function of its own parameters.

    Memory: that of `inner`, for its own parameters.

    Args:
      inner: a pair of `init` and `update`.
      mask: True for the parameters of `inner`.

    Returns:
      A Transform whose state is that of `inner`.

    Raises:
      TypeError: the mask holds something that is no bool.
      ValueError: the structure of the mask is no prefix of the parameters'.

    >>> from jaxlearn import optim
    >>> opt = masked(optim.scale(10.0), {"w": True, "b": False})
    >>> params = {"w": 0.0, "b": 0.0}
    >>> opt.update({"w": 1.0, "b": 1.0}, opt.init(params))[0]
    {'b': 1.0, 'w': Array(10., dtype=float32)}
    """
    inner = with_extra_args_support(inner)

    def init(params: PyTree) -> PyTree:
        return inner.init(_select(_resolve(mask, params), params))

    def update(grads: PyTree, state: PyTree, params: PyTree = None, **extra: Any) -> tuple[PyTree, PyTree]:
        chosen = _resolve(mask, grads)
        extra = map_value_fn(extra, lambda part: _merge(chosen, part, params))
        part = None if params is None else _select(chosen, params)
        updates, state = inner.update(_select(chosen, grads), state, part, **extra)
        return _merge(chosen, updates, grads), state

    return Transform(init, update)


def freeze(inner: Any, mask: Mask) -> Transform:
    """Leaves some parameters as they are: their update is 0, and nothing is remembered for them.

    Memory: that of `inner`, for the other parameters.

    Args:
      inner: a pair of `init` and `update`, for the other parameters.
      mask: True for the parameters that stay.

    Returns:
      A Transform whose state is that of `inner`.

    Raises:
      TypeError, ValueError: as `masked`.

    >>> from jaxlearn import optim
    >>> opt = freeze(optim.sgd(0.5), match("encoder/.*"))
    >>> params = {"encoder": {"w": 1.0}, "head": {"w": 1.0}}
    >>> updates, state = opt.update(params, opt.init(params), params)
    >>> print(updates["encoder"]["w"], updates["head"]["w"])
    0.0 -0.5
    """
    others = masked(inner, lambda params: jax.tree.map(operator.not_, _resolve(mask, params)))

    def update(grads: PyTree, state: PyTree, params: PyTree = None, **extra: Any) -> tuple[PyTree, PyTree]:
        updates, state = others.update(grads, state, params, **extra)
        frozen = _resolve(mask, grads)
        return jax.tree.map(lambda stays, u: jnp.zeros_like(u) if stays else u, frozen, updates), state

    return Transform(others.init, update)


def partition(transforms: Mapping[str, Any], labels: PyTree | Callable[[PyTree], PyTree]) -> Transform:
    """Applies a transform of its own to each group of parameters (PyTorch's `param_groups`).

    Memory: that of each transform, for its own group.

    Args:
      transforms: pairs of `init` and `update` by label; a label that no parameter has is allowed.
      labels: a tree of strings with the structure of the parameters or a prefix of it, or a function
        of the parameters that gives such a tree; see `label`.

    Returns:
      A Transform whose state is a dict of the transforms' states by label.

    Raises:
      ValueError: a label without a transform.

    >>> from jaxlearn import optim
    >>> groups = {"slow": optim.sgd(0.1), "fast": optim.sgd(1.0)}
    >>> opt = partition(groups, {"body": "slow", "head": "fast"})
    >>> params = {"body": [1.0, 1.0], "head": 1.0}
    >>> updates, state = opt.update(params, opt.init(params), params)
    >>> [float(u) for u in jax.tree.leaves(updates)]
    [-0.10000000149011612, -0.10000000149011612, -1.0]
    """

    def members(tree: PyTree) -> dict[str, Transform]:
        given = jax.tree.broadcast(_call(labels, tree), tree)
        for path, name in jax.tree.leaves_with_path(given):
            if name not in transforms:
                known = ", ".join(repr(known) for known in transforms)
                raise ValueError(f"label {name!r} of parameter {_name(path)!r} is none of {known}")
        return {
            name: masked(transform, jax.tree.map(lambda given, name=name: given == name, given))
            for name, transform in transforms.items()
        }

    def init(params: PyTree) -> dict[str, PyTree]:
        return {name: member.init(params) for name, member in members(params).items()}

    def update(
        grads: PyTree, state: dict[str, PyTree], params: PyTree = None, **extra: Any
    ) -> tuple[PyTree, dict[str, PyTree]]:
        new_state = {}
        updates = grads
        for name, member in members(grads).items():  # each leaves the parameters of the others alone
            updates, new_state[name] = member.update(updates, state[name], params, **extra)
        return updates, new_state

    return Transform(init, update)


def match(*patterns: str) -> Callable[[PyTree], PyTree]:
    """A mask by name: True where a regular expression matches the whole path of a parameter.

    A path is the keys and indices that lead to the parameter, joined with "/".

    Raises:
      ValueError: when the mask is made, a pattern that matches no parameter.

    >>> match(".*/b", "2/.*")([{"w": 0, "b": 0}, {"w": 0, "b": 0}, {"w": 0, "b": 0}])
    [{'b': True, 'w': False}, {'b': True, 'w': False}, {'b': True, 'w': True}]
    """
    compiled = [re.compile(pattern) for pattern in patterns]

    def mask(params: PyTree) -> PyTree:
        paths = _paths(params)
        for pattern in compiled:
            if not any(pattern.fullmatch(path) for path in jax.tree.leaves(paths)):
                known = ", ".join(jax.tree.leaves(paths))
                raise ValueError(f"pattern {pattern.pattern!r} matches none of the parameters {known}")
        return jax.tree.map(lambda path: any(pattern.fullmatch(path) for pattern in compiled), paths)

    return mask


def label(rules: Mapping[str, str]) -> Callable[[PyTree], PyTree]:
    """Labels by name, for `partition`: of the patterns that match a path as `match` does, the first decides.

    Args:
      rules: labels by pattern.

    Raises:
      ValueError: when the labels are made, parameters that no pattern matches.

    >>> label({".*/b": "no decay", ".*": "decay"})([{"w": 0, "b": 0}])
    [{'b': 'no decay', 'w': 'decay'}]
    """
    compiled = {re.compile(pattern): name for pattern, name in rules.items()}

    def find(path: str) -> str | None:
        return next((name for pattern, name in compiled.items() if pattern.fullmatch(path)), None)

    def labels(params: PyTree) -> PyTree:
        paths = _paths(params)
        missing = [path for path in jax.tree.leaves(paths) if find(path) is None]
        if missing:
            raise ValueError(f"no rule of {', '.join(map(repr, rules))} matches {', '.join(missing)}")
        return jax.tree.map(find, paths)

    return labels


def _resolve(mask: Mask, tree: PyTree) -> PyTree:
    """The mask in full: a bool for each leaf of `tree`."""
    chosen = jax.tree.broadcast(_call(mask, tree), tree)
    for path, value in jax.tree.leaves_with_path(chosen):
        if not isinstance(value, bool):
            raise TypeError(f"a mask holds True or False, got {value!r} for parameter {_name(path)!r}")
    return chosen


def _call(given: Any, tree: PyTree) -> PyTree:
    """`given(tree)` of a function, and a tree as it is: some can be called, such as equinox's modules."""
    return given(tree) if callable(given) and type(given) is not type(tree) else given


def _select(chosen: PyTree, tree: PyTree) -> PyTree:
    return jax.tree.map(lambda keep, leaf: leaf if keep else None, chosen, tree)


def _merge(chosen: PyTree, inside: PyTree, outside: PyTree) -> PyTree:
    return jax.tree.map(lambda keep, new, old: new if keep else old, chosen, inside, outside)


def _name(path: Any) -> str:
    return jax.tree_util.keystr(path, simple=True, separator="/")


def _paths(tree: PyTree) -> PyTree:
    return jax.tree.map_with_path(lambda path, leaf: _name(path), tree)
