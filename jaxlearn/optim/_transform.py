"""The protocol of every optimizer here, and the few functions that work on any of them."""

import inspect
from collections.abc import Callable, Mapping
from functools import partial
from types import SimpleNamespace
from typing import Any, NamedTuple, Protocol

import jax
import jax.numpy as jnp

from jaxlearn._check import check
from jaxlearn._dtype import from_pairs, to_pairs

from ._leafwise import PyTree, Scalar, leafwise


class Update(Protocol):
    """`update(grads, state, params=None, **extra) -> (updates, state)`."""

    def __call__(
        self, grads: PyTree, state: PyTree, params: PyTree = None, **extra: Any
    ) -> tuple[PyTree, PyTree]: ...


class Transform(NamedTuple):
    """A gradient transformation: two pure functions, and nothing else.

    The protocol is optax's, so either library's transforms fit into the other's `chain`.

    Attributes:
      init: `init(params) -> state`.
      update: `update(grads, state, params=None, **extra) -> (updates, state)`. `grads` and `updates`
        have the structure, shapes and dtypes of `params`; the new parameters are
        `apply_updates(params, updates)`.
    """

    init: Callable[[PyTree], PyTree]
    update: Update


class EmptyState(NamedTuple):
    """The state of a transform that remembers nothing."""


def stateless(update: Callable[[PyTree, PyTree], PyTree]) -> Transform:
    """Makes a Transform of `update(grads, params) -> updates`, for rules without memory.

    >>> import jax
    >>> negate = stateless(lambda grads, params: jax.tree.map(lambda g: -g, grads))
    >>> negate.update(2.0, negate.init(1.0))
    (-2.0, EmptyState())
    """

    def stateless_update(
        grads: PyTree, state: PyTree, params: PyTree = None, **extra: Any
    ) -> tuple[PyTree, PyTree]:
        return update(grads, params), state

    return Transform(lambda params: EmptyState(), stateless_update)


def chain(*transforms: Any) -> Transform:
    """Applies transforms one after another: the updates of one are the gradients of the next.

    Any `(init, update)` pair will do, optax's included. Extra keyword arguments of `update` reach
    those members whose `update` takes them.

    Args:
      *transforms: pairs of `init` and `update`.

    Returns:
      A Transform whose state is the tuple of its members' states.

    >>> from jaxlearn import optim
    >>> opt = chain(optim.clip_by_global_norm(1.0, eps=0.0), optim.sgd(0.5))
    >>> updates, state = opt.update({"w": 10.0}, opt.init({"w": 0.0}))
    >>> float(updates["w"])
    -0.5
    """
    members = [with_extra_args_support(t) for t in transforms]

    def init(params: PyTree) -> PyTree:
        return tuple(t.init(params) for t in members)

    def update(grads: PyTree, state: PyTree, params: PyTree = None, **extra: Any) -> tuple[PyTree, PyTree]:
        new_state = []
        for transform, member_state in zip(members, state, strict=True):
            grads, member_state = transform.update(grads, member_state, params, **extra)
            new_state.append(member_state)
        return grads, tuple(new_state)

    return Transform(init, update)


def named_chain(**transforms: Any) -> Transform:
    """`chain` with a name for each member, under which its state is found again.

    Args:
      **transforms: pairs of `init` and `update`, in the order in which they are applied.

    Returns:
      A Transform whose state is a dict of its members' states by name.

    >>> from jaxlearn import optim
    >>> opt = named_chain(clip=optim.clip_by_global_norm(1.0), step=optim.sgd(0.5))
    >>> opt.init({"w": 0.0})["clip"]
    EmptyState()
    """
    members = chain(*transforms.values())

    def init(params: PyTree) -> PyTree:
        return dict(zip(transforms, members.init(params), strict=True))

    def update(grads: PyTree, state: PyTree, params: PyTree = None, **extra: Any) -> tuple[PyTree, PyTree]:
        # jax sorts the keys of a dict, so the order is taken from the arguments
        updates, states = members.update(grads, tuple(state[name] for name in transforms), params, **extra)
        return updates, dict(zip(transforms, states, strict=True))

    return Transform(init, update)


def with_extra_args_support(transform: Any) -> Transform:
    """The transform, but dropping keyword arguments that its `update` does not name (many take none).

    As `optax.with_extra_args_support`, which makes every transform take what some in a chain need.

    >>> opt = with_extra_args_support(Transform(lambda p: (), lambda g, s, p=None: (g, s)))
    >>> opt.update(1.0, (), value=0.5)
    (1.0, ())
    """
    update = transform.update
    arguments = inspect.signature(update).parameters
    if any(a.kind is a.VAR_KEYWORD for a in arguments.values()):
        return Transform(transform.init, update)

    def tolerant(grads: PyTree, state: PyTree, params: PyTree = None, **extra: Any) -> tuple[PyTree, PyTree]:
        return update(grads, state, params, **{k: v for k, v in extra.items() if k in arguments})

    return Transform(transform.init, tolerant)


def apply_updates(params: PyTree, updates: PyTree) -> PyTree:
    r"""Adds the updates: $\theta \leftarrow \theta + u$. Each parameter keeps its dtype.

    Args:
      params: pytree of arrays or numbers.
      updates: pytree of the same structure and shapes.

    Returns:
      The new parameters, as arrays.

    >>> import jax.numpy as jnp
    >>> apply_updates({"w": jnp.ones(2)}, {"w": jnp.array([1.0, -1.0])})
    {'w': Array([2., 0.], dtype=float32)}
    """
    return leafwise(lambda p, u: (p + u, None), params, updates)[0]


def hyperparameters(given: Mapping[str, Any], **ranges: str) -> dict[str, Scalar]:
    """Hyperparameters of a factory, checked: those of its arguments for which there is a range.

    Args:
      given: the arguments, `locals()` in the factory's first line.
      **ranges: for each hyperparameter its interval, such as "[0, 1)", or "[0, 1) or None".

    Raises:
      TypeError: one is not a number.
      ValueError: one is outside its interval.

    >>> def factory(b1: Scalar = 0.9, nesterov: bool = False):
    ...     return hyperparameters(locals(), b1="[0, 1)")
    >>> factory(0.5)
    {'b1': 0.5}
    >>> factory(1.5)
    Traceback (most recent call last):
    ...
    ValueError: b1 must be in [0, 1), got 1.5
    """
    for name, interval in ranges.items():
        if given[name] is not None or not interval.endswith(" or None"):
            check(name, given[name], interval.removesuffix(" or None"))
    return {name: given[name] for name in ranges}


def from_rule(
    rule: Callable[..., tuple[Any, ...]],
    state: Any,
    hyper: Mapping[str, Scalar] = {},
    at_step: Callable[[Any, jax.Array], dict[str, Scalar]] = lambda h, step: {},
    *,
    with_params: bool = False,
    **start: Callable[[Any], Any] | None,
) -> Transform:
    """Makes a Transform of the rule for one leaf: what most optimizers here are.

    Args:
      rule: `rule(g, *memory, h) -> (u, *memory)`, by `leafwise`; `h` has the hyperparameters as attributes.
        Without any, `rule(g, *memory)`.
      state: a NamedTuple class whose first field is `step` and whose others are trees that the rule
        remembers, each with a leaf for each parameter.
      hyper: hyperparameters, such as `hyperparameters` gives.
      at_step: `at_step(h, step)` gives what else `h` has in an update, whose number starts at 1.
      with_params: the rule is `rule(g, p, *memory, h)`.
      **start: for a field of the state, the first value of a leaf as a function of the parameter, or
        None where the rule goes without that field. Unless given: zeros.

    Returns:
      A Transform; its `update` raises ValueError where it needs `params` and has none.

    >>> class MeanState(NamedTuple):
    ...     step: jax.Array
    ...     m: PyTree
    >>> def mean(decay):
    ...     def rule(g, m, h):
    ...         m = h.decay * m + (1 - h.decay) * g
    ...         return m, m
    ...     return from_rule(rule, MeanState, hyperparameters(locals(), decay="[0, 1)"))
    >>> opt = mean(0.5)
    >>> opt.update({"w": 1.0}, opt.init({"w": 0.0}))[0]
    {'w': Array(0.5, dtype=float32)}
    """

    def keep_p(g: Any, p: Any, *rest: Any) -> tuple[Any, ...]:
        u, *memory = rule(g, p, *rest)
        return u, None, *memory

    first = [start.get(name, jnp.zeros_like) for name in state._fields[1:]]

    def init(params: PyTree) -> PyTree:
        trees = [None if make is None else jax.tree.map(partial(_begin, make), params) for make in first]
        return state(jnp.zeros((), jnp.int32), *trees)

    def update(grads: PyTree, state: PyTree, params: PyTree = None, **extra: Any) -> tuple[PyTree, PyTree]:
        step = increment(state.step)
        h = {**hyper, **at_step(SimpleNamespace(**hyper), step)}
        if not with_params:
            updates, *trees = leafwise(rule, grads, *state[1:], **h)
        else:
            need_params(params, grads)
            updates, _, *trees = leafwise(keep_p, grads, params, *state[1:], **h)
        return updates, type(state)(step, *trees)

    return Transform(init, update)


def _begin(make: Callable[[Any], Any], p: Any) -> Any:
    """`make(p)`, of the pairs that the rule will see where `p` is complex."""
    if not jnp.iscomplexobj(p):
        return make(p)
    pairs = to_pairs(p)
    join = lambda x: from_pairs(x, jnp.result_type(p)) if x.shape == pairs.shape else x
    return jax.tree.map(join, make(pairs))


def need_params(params: PyTree, grads: PyTree, who: str = "this optimizer") -> None:
    """Raises ValueError where there are gradients but no parameters."""
    if params is None and grads is not None:
        raise ValueError(f"{who} needs the parameters: call update(grads, state, params)")


def real_only(who: str, transform: Transform) -> Transform:
    """The transform, refusing complex arrays with a ValueError: its rule goes by the axes of an array."""

    def check_real(tree: PyTree) -> None:
        for leaf in jax.tree.leaves(tree):
            if jnp.iscomplexobj(leaf):
                raise ValueError(f"{who} takes real parameters, got {jnp.result_type(leaf)}")

    def init(params: PyTree) -> PyTree:
        check_real(params)
        return transform.init(params)

    def update(grads: PyTree, state: PyTree, params: PyTree = None, **extra: Any) -> tuple[PyTree, PyTree]:
        check_real(grads)
        return transform.update(grads, state, params, **extra)

    return Transform(init, update)


def full_of(value: Scalar) -> Callable[[Any], jax.Array]:
    """For `from_rule`: arrays like the parameters, full of one number, that share no memory with it."""
    return lambda p: jnp.array(jnp.full_like(p, value))


def zeros_like(params: PyTree) -> PyTree:
    """A tree of zeros with the structure, shapes and dtypes of `params`."""
    return jax.tree.map(jnp.zeros_like, params)


def increment(step: jax.Array) -> jax.Array:
    """`step + 1`, staying at the largest value of its dtype rather than becoming negative."""
    return jnp.where(step < jnp.iinfo(step.dtype).max, step + 1, step)
