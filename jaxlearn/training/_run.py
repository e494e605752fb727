"""A training run as pure functions: how it starts, and the one loop over its updates."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxlearn import losses
from jaxlearn._check import check_whole
from jaxlearn._draw import Start, draw_order
from jaxlearn._split import Split, are_classes, count_batches
from jaxlearn._types import Loss, PyTree
from jaxlearn.nn import Layer
from jaxlearn.optim import apply_updates, with_extra_args_support

from ._batches import last_batch
from ._state import Measured, RunState, draw_key, to_float
from ._update_bn import settle


class Run(NamedTuple):
    """A training run.

    Attributes:
      init: `init(start, examples) -> RunState`: the first state, before any update. Of the examples their
        number, shapes and dtypes count.
      advance: `advance(state, examples, order=None, begin=0, end=None, offset=0) -> RunState`: the updates
        `begin` to `end - 1` of an epoch; by default all of them, each example once, in the order of
        `draw_order` unless another is given. The last batch holds what remains, and belongs to the updates
        if no `end` is given. Where `order` is a part of the epoch's, `offset` is the number of its first
        update. `begin`, `end` and `offset` may be traced.
      settle: `settle(state, images) -> RunState`, after an epoch: where the optimizer averages parameters,
        running statistics become those of the average; see `update_bn`.
    """

    init: Callable[[Start, Split], RunState]
    advance: Callable[..., RunState]
    settle: Callable[[RunState, Any], RunState]


def make_run(
    model: Layer,
    optimizer: Any,
    *,
    batch_size: int,
    loss: Loss = losses.cross_entropy,
    drop_last: bool = False,
) -> Run:
    """Builds a run out of a model and an optimizer.

    Nothing is compiled here: put `jax.jit` around `advance`, `jax.vmap` around runs. Built inside a
    traced function, from a learning rate that is an argument of it, the run serves every value.

    Args:
      model: for one example; see `jaxlearn.nn`.
      optimizer: a pair of `init` and `update`, from jaxlearn or optax. Where its `update` takes them it
        is given `value`, the loss; `value_fn`, the loss of this batch as a function of the parameters;
        and `grad`, as optax names the gradient.
      batch_size: examples in an update. The last batch of an epoch holds what remains.
      loss: `loss(outputs, targets)` of a batch, shape (); such as a loss of `jaxlearn.losses`.
      drop_last: whether an epoch leaves out a last batch that would be smaller, as PyTorch's `DataLoader`.

    Raises:
      ValueError: a batch size below 1; from `init` and `advance`, images and labels that are not as many, or
        as `data.Split`; from `init`, fewer examples than one batch; from `advance`, more or fewer than from
        which the state was made.

    >>> from jaxlearn import nn, optim
    >>> from jaxlearn.training import draw_start
    >>> model = nn.sequential(nn.linear(3))
    >>> examples = Split(jnp.ones((5, 4)), jnp.zeros(5, int))
    >>> run = make_run(model, optim.sgd(0.1), batch_size=2)
    >>> state = run.init(draw_start(model, jax.random.key(0), (4,)), examples)
    >>> state = jax.jit(run.advance)(state, examples)
    >>> int(state.step), state.measured.loss.shape
    (3, (3,))
    """
    batch_size = check_whole("batch_size", batch_size, 1)
    optimizer = with_extra_args_support(optimizer)

    def objective(
        params: PyTree, model_state: PyTree, key: jax.Array, images: jax.Array, targets: jax.Array
    ) -> Any:
        """The loss of a batch, what is measured on it, and the model's state after it."""

        def forward(x: jax.Array, key: jax.Array) -> tuple[jax.Array, PyTree]:
            return model.apply(params, model_state, x, key=key, train=True)

        keys = jax.random.split(key, len(targets))
        over_batch = jax.vmap(forward, out_axes=(0, None), axis_name="batch")
        outputs, model_state = over_batch(to_float(images), keys)
        value = loss(outputs, targets)
        return value, (Measured(value, _share_right(outputs, targets)), model_state)

    def init(start: Start, examples: Split) -> RunState:
        examples = Split(*examples)
        if batch_size > len(examples.labels):
            raise ValueError(
                f"batch_size must be at most the {len(examples.labels)} examples, got {batch_size}"
            )
        updates = count_batches(len(examples.labels), batch_size, drop_last)
        batch = [
            jax.ShapeDtypeStruct((batch_size, *array.shape[1:]), jax.dtypes.canonicalize_dtype(array.dtype))
            for array in examples
        ]
        _, (measured, _) = jax.eval_shape(objective, *start, *batch)
        measured = jax.tree.map(lambda like: jnp.zeros((updates, *like.shape), like.dtype), measured)
        opt_state = optimizer.init(start.params)
        step = jnp.zeros((), jnp.int32)
        return RunState(start.params, start.model_state, opt_state, start.key, step, measured)

    def update(state: RunState, images: jax.Array, targets: jax.Array, number: Any) -> RunState:
        """One update on one batch: that with this number in its epoch."""
        function = lambda params: objective(params, state.model_state, draw_key(state), images, targets)
        grads, (measured, model_state) = jax.grad(function, has_aux=True)(state.params)
        grads = jax.tree.map(jnp.conj, grads)  # JAX's derivative by a complex number is the conjugate
        extra = {"value": measured.loss, "value_fn": lambda params: function(params)[0], "grad": grads}
        updates, opt_state = optimizer.update(grads, state.opt_state, state.params, **extra)
        params = apply_updates(state.params, updates)
        all_measured = jax.tree.map(lambda all, one: all.at[number].set(one), state.measured, measured)
        return RunState(params, model_state, opt_state, state.key, state.step + 1, all_measured)

    def advance(
        state: RunState,
        examples: Split,
        order: jax.Array | None = None,
        begin: Any = 0,
        end: Any = None,
        offset: Any = 0,
    ) -> RunState:
        images, labels = map(jnp.asarray, Split(*examples))
        if order is None:
            check_count(state, len(labels))
            order = draw_order(state.key, state.step - begin, len(labels))
        full, rest = divmod(len(order), batch_size)

        def body(number: Any, state: RunState) -> RunState:
            rows = jax.lax.dynamic_slice_in_dim(order, (number - offset) * batch_size, batch_size)
            return update(state, images[rows], labels[rows], number)

        if full:
            state = jax.lax.fori_loop(begin, offset + full if end is None else end, body, state)
        if end is None and rest and not drop_last:
            # by itself and not filled up: batch normalisation and weighted losses see these alone
            with last_batch(rest):
                rows = order[-rest:]
                state = update(state, images[rows], labels[rows], offset + full)
        return state

    def check_count(state: RunState, examples: int) -> None:
        updates, planned = count_batches(examples, batch_size, drop_last), len(state.measured.loss)
        if updates != planned:
            raise ValueError(
                f"examples must be as many as the state was made for, with {planned} updates an epoch; "
                f"got {examples}, with {updates}"
            )

    def settle_run(state: RunState, images: Any) -> RunState:
        return settle(model, state, images, batch_size=batch_size, drop_last=drop_last)

    return Run(init, advance, settle_run)


def _share_right(outputs: jax.Array, targets: jax.Array) -> jax.Array:
    if not are_classes(targets):
        return jnp.full((), jnp.nan, outputs.dtype)
    return jnp.mean((jnp.argmax(outputs, axis=1) == targets).astype(outputs.dtype))
