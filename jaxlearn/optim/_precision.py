"""In which dtype an optimizer remembers what it does."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from ._leafwise import PyTree
from ._transform import Transform, apply_updates, need_params, with_extra_args_support
from ._wrapper import map_value_fn


class MasterState(NamedTuple):
    """State of `master_weights`.

    Attributes:
      master: the parameters of low precision, in high precision; None in the place of the others.
      inner: state of the inner transform.
    """

    master: PyTree
    inner: PyTree


def master_weights(inner: Any, dtype: Any = jnp.float32) -> Transform:
    r"""Trains parameters of low precision on copies of high precision, the master weights.

    `inner` works on the master weights. The updates lead from the parameters to the rounded master
    weights: `apply_updates(params, updates)` is $\mathrm{round}(\theta)$, so that steps too small to be
    seen in bfloat16 add up. Parameters that are not below `dtype` in precision have no copy.

    Nothing may change the updates afterwards, so this is the outermost transform.

    Memory: one number of type `dtype` for each parameter of low precision; the state of `inner` is in
    `dtype`, too.

    Args:
      inner: a pair of `init` and `update`. A `value_fn` is given parameters in their own dtypes.
      dtype: of the master weights.

    Raises:
      ValueError: a dtype that is not floating; `update` called without `params`.

    Source: Micikevicius et al. (2018), https://arxiv.org/abs/1710.03740.

    >>> from jaxlearn import optim
    >>> params = jnp.array(1.0, jnp.bfloat16)  # bfloat16 has no number between 1 - 1/256 and 1
    >>> opt = master_weights(optim.sgd(1 / 1024))
    >>> state = opt.init(params)
    >>> for _ in range(3):
    ...     updates, state = opt.update(jnp.ones_like(params), state, params)
    ...     params = optim.apply_updates(params, updates)
    ...     print(params, state.master)
    1 0.99902344
    1 0.9980469
    0.996094 0.9970703
    """
    _check_floating(dtype)
    inner = with_extra_args_support(inner)

    def init(params: PyTree) -> MasterState:
        master = jax.tree.map(lambda p: jnp.asarray(p, dtype) if _is_below(dtype, p) else None, params)
        return MasterState(master, inner.init(_fill(master, params)))

    def update(
        grads: PyTree, state: MasterState, params: PyTree = None, **extra: Any
    ) -> tuple[PyTree, MasterState]:
        need_params(params, grads)
        old = _fill(state.master, params)
        extra = map_value_fn(extra, lambda wide: _cast_like(wide, params))
        updates, inner_state = inner.update(_cast_like(grads, old), state.inner, old, **extra)
        new = apply_updates(old, updates)
        master = jax.tree.map(lambda n, m: None if m is None else n, new, state.master)
        return jax.tree.map(_step, updates, new, params, state.master), MasterState(master, inner_state)

    return Transform(init, update)


def _step(u: Any, new: Any, p: Any, master: Any) -> Any:
    # Where a parameter more than doubles, halves or turns its sign, the difference of the two bfloat16
    # numbers is in general no bfloat16 number. In float32 it is exact, unless the new one is below 2^-16 of
    # the old one in size (float16: 2^-13). So the update is in the dtype of the master weights, and
    # `apply_updates`, which adds in float32, meets the new one exactly.
    return u if master is None else new.astype(p.dtype).astype(new.dtype) - p.astype(new.dtype)


def _fill(master: PyTree, params: PyTree) -> PyTree:
    return jax.tree.map(lambda p, m: p if m is None else m, params, master)


def _cast_like(tree: PyTree, like: PyTree) -> PyTree:
    return jax.tree.map(lambda x, y: jnp.asarray(x, jnp.asarray(y).dtype), tree, like)


def _check_floating(dtype: Any) -> None:
    if not jnp.issubdtype(dtype, jnp.floating):
        raise ValueError(f"dtype must be a floating type, got {jnp.dtype(dtype)}")


def _is_floating(leaf: Any) -> bool:
    return bool(jnp.issubdtype(jnp.asarray(leaf).dtype, jnp.floating))


def _is_below(dtype: Any, leaf: Any) -> bool:
    return _is_floating(leaf) and jnp.asarray(leaf).dtype.itemsize < jnp.dtype(dtype).itemsize


def state_dtype(inner: Any, dtype: Any) -> Transform:
    """Keeps the state of a transform as for parameters of another dtype: moments in that dtype.

    The sums are done in float32 at the least, whatever the dtypes are. Moments in float32 for
    parameters in bfloat16 cost memory and gain precision. The other way round half of the memory is
    saved, but a mean of decay 0.999 in bfloat16 stands still: it would change by less than its last
    bit. Parameters that are not floating keep their dtype.

    Memory: that of `inner`, in `dtype`.

    Args:
      inner: a transform of this library; those of others may return another dtype from `update`.
      dtype: of the state.

    Returns:
      A Transform whose state is that of `inner`; the updates are like the gradients.

    Raises:
      ValueError: a dtype that is not floating.

    >>> from jaxlearn import optim
    >>> params = {"w": jnp.zeros(3, jnp.bfloat16)}
    >>> opt = state_dtype(optim.trace(0.9), jnp.float32)
    >>> updates, state = opt.update(params, opt.init(params), params)
    >>> print(state.trace["w"].dtype, updates["w"].dtype)
    float32 bfloat16
    """
    _check_floating(dtype)
    inner = with_extra_args_support(inner)

    def init(params: PyTree) -> PyTree:
        return inner.init(jax.tree.map(lambda p: jnp.asarray(p, dtype) if _is_floating(p) else p, params))

    return Transform(init, inner.update)
