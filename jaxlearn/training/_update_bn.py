"""Running statistics of the parameters that are evaluated, where these are not those that were trained."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from jaxlearn._check import check_whole
from jaxlearn._running import has_statistics, restart_statistics, take_statistics
from jaxlearn._split import count_batches
from jaxlearn.nn import Layer
from jaxlearn.optim import evaluation_parameters, is_averaging

from ._batches import Batches, last_batch
from ._state import RunState, draw_key, to_float


def update_bn(
    model: Layer,
    params: Any,
    model_state: Any,
    images: jax.Array,
    *,
    batch_size: int,
    drop_last: bool = False,
    key: jax.Array | None = None,
) -> Any:
    """Gathers the running statistics of batch norm anew, for parameters that were not trained themselves.

    A mean of parameters, as EMA, SWA, ASGD and schedule-free optimizers make one, has other activations than
    the parameters that it is a mean of; the running statistics are of these. Mean and variance of every batch
    count the same, whatever `momentum` the layers have.

    Runs (`compile_run`, `jaxlearn.compare`, `train.py`) do so after every epoch with such an optimizer.

    Args:
      model: for one example, its batch norm over the axis "batch"; see `jaxlearn.nn`.
      params, model_state: of the model.
      images: shape (examples, ...), bytes or numbers: those trained on, in any order.
      batch_size: examples in a batch. The last one holds what remains.
      drop_last: whether a last batch that would be smaller is left out.
      key: for layers that draw random numbers while they train, such as dropout.

    Returns:
      The model's state with new running means; the rest of it as it was.

    Raises:
      ValueError: a batch size below 1; a last batch with but one number for each channel; no key where one
        is needed.

    Source: Izmailov et al. (2018), https://arxiv.org/abs/1803.05407; equal to
    `torch.optim.swa_utils.update_bn`.

    >>> from jaxlearn import nn
    >>> model = nn.batch_norm()
    >>> params, state = model.init(jax.random.key(0), (1,))
    >>> state = update_bn(model, params, state, jnp.arange(4.0)[:, None], batch_size=2)
    >>> jax.tree.map(lambda s: s.tolist(), state)
    {'mean': [1.5], 'var': [0.5]}
    """
    batch_size = check_whole("batch_size", batch_size, 1)
    images = jnp.asarray(images)
    if drop_last:
        images = images[: count_batches(len(images), batch_size, drop_last) * batch_size]
    counted = gather_statistics(model, params, restart_statistics(model_state), images, batch_size, key)
    return take_statistics(model_state, counted)


def gather_statistics(
    model: Layer, params: Any, counted: Any, images: jax.Array, batch_size: int, key: Any, first: Any = 0
) -> Any:
    """The model's state after some more batches, of which `first` is the number of the first one."""

    def see(counted: Any, batch: jax.Array, number: Any) -> Any:
        def forward(x: jax.Array, key: Any) -> Any:
            return model.apply(params, counted, x, key=key, train=True)[1]

        keys = None if key is None else jax.random.split(jax.random.fold_in(key, number), len(batch))
        axes = (0, None if keys is None else 0)
        return jax.vmap(forward, axes, out_axes=None, axis_name="batch")(to_float(batch), keys)

    def body(number: Any, counted: Any) -> Any:
        batch = jax.lax.dynamic_slice_in_dim(images, number * batch_size, batch_size)
        return see(counted, batch, first + number)

    full, rest = divmod(len(images), batch_size)
    if full:
        counted = jax.lax.fori_loop(0, full, body, counted)
    if rest:
        with last_batch(rest):
            counted = see(counted, images[full * batch_size :], first + full)
    return counted


def settle(model: Layer, state: RunState, images: Any, *, batch_size: int, drop_last: bool) -> RunState:
    """A run after an epoch, its running statistics being those of the parameters that are evaluated."""
    if not _evaluates_others(state):
        return state
    params = evaluation_parameters(state.opt_state, state.params)
    model_state = update_bn(
        model, params, state.model_state, images,
        batch_size=batch_size, drop_last=drop_last, key=draw_key(state),
    )  # fmt: skip
    return state._replace(model_state=model_state)


def lower_settling(model: Layer, state: RunState, images: Any, batches: Batches) -> dict[str, Any]:
    """The programs of `join_settling`, lowered; none where the running statistics stay.

    Args:
      model, state: of a run; of the state, shapes and dtypes.
      images: of the training examples.
      batches: how they stand.
    """
    if not _evaluates_others(state):
        return {}
    restart = jax.jit(lambda state: restart_statistics(state.model_state))
    counted = jax.eval_shape(restart, state)

    def count(state: RunState, counted: Any, images: jax.Array, first: jax.Array) -> Any:
        params = evaluation_parameters(state.opt_state, state.params)
        return gather_statistics(
            model, params, counted, images[: batches.examples], batches.batch_size, draw_key(state), first
        )

    blocks = _blocks(images, batches)
    sizes = {len(block): block for _, block in blocks}
    count_each = {size: jax.jit(count).lower(state, counted, block, 0) for size, block in sizes.items()}
    return {"restart": restart.lower(state), "blocks": count_each}


def join_settling(compiled: dict[str, Any], images: Any, batches: Batches) -> Callable[[RunState], RunState]:
    """`settle` with the images on the device, or `batches.length` of them at a time."""
    if not compiled:
        return lambda state: state

    def settle(state: RunState) -> RunState:
        counted = compiled["restart"](state)
        for begin, block in _blocks(images, batches):
            count = compiled["blocks"][len(block)]
            counted = count(state, counted, *jax.device_put((block, begin // batches.batch_size)))
        return state._replace(model_state=take_statistics(state.model_state, counted))

    return settle


def _blocks(images: Any, batches: Batches) -> list[tuple[int, Any]]:
    """Where each block of examples begins, and its images."""
    if batches.length is None:
        return [(0, images)]
    return [(begin, images[begin:end]) for begin, end in batches.bounds()]


def _evaluates_others(state: RunState) -> bool:
    return is_averaging(state.opt_state) and has_statistics(state.model_state)
