"""A training run as a pair of pure functions."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxlearn import losses
from jaxlearn._check import check_whole
from jaxlearn._split import Split, are_classes
from jaxlearn._types import Loss, PyTree
from jaxlearn.nn import Layer
from jaxlearn.optim import apply_updates, with_extra_args_support


class RunState(NamedTuple):
    """Everything that changes while a run trains: one pytree, to vmap, shard, donate and save.

    Attributes:
      params: parameters of the model.
      model_state: what the model changes by itself, such as running means; a dict, often empty.
      opt_state: state of the optimizer.
      key: random key of the run, which stays: what shuffling and dropout draw is told by it and `step`.
      step: updates made so far; int32 of shape ().
    """

    params: PyTree
    model_state: PyTree
    opt_state: PyTree
    key: jax.Array
    step: jax.Array


class Means(NamedTuple):
    """Means over the examples of an epoch, each measured just before the update it led to.

    Attributes:
      loss: shape ().
      accuracy: share of right answers, shape (); NaN where targets are no integers, hence no classes.
    """

    loss: jax.Array
    accuracy: jax.Array


class Run(NamedTuple):
    """A training run.

    Attributes:
      init: `init(key, shape) -> RunState`, where `shape` is that of one example.
      step: `step(state, images, labels) -> (RunState, Means)`: one update on one batch.
      steps: `steps(state, measured, images, labels, order, begin, end, offset=0) -> (RunState, Means)`: the
        updates `begin` to `end - 1` of an epoch, on the full batches of `order`, whose first one belongs to
        update `offset`. `measured` holds a number for each update of the epoch, and gets those of these.
      epoch: `epoch(state, images, labels, order=None) -> (RunState, Means)`: every example once, in
        random order, as one `lax.scan` over full batches and a last step on what remains, unless that is
        left out. The order is `draw_order`'s unless given.
    """

    init: Callable[[jax.Array, tuple[int, ...]], RunState]
    step: Callable[[RunState, jax.Array, jax.Array], tuple[RunState, Means]]
    steps: Callable[..., tuple[RunState, Means]]
    epoch: Callable[..., tuple[RunState, Means]]


def to_float(images: jax.Array) -> jax.Array:
    """Bytes 0 ... 255 become numbers 0 ... 1; numbers stay as they are.

    >>> to_float(jnp.array([0, 255], jnp.uint8))
    Array([0., 1.], dtype=float32)
    """
    if images.dtype != jnp.uint8:
        return images
    return images.astype(jnp.result_type(float)) * (1 / 255)  # dividing takes four times as long


def _share_right(outputs: jax.Array, targets: jax.Array) -> jax.Array:
    if not are_classes(targets):
        return jnp.full((), jnp.nan, outputs.dtype)
    return jnp.mean((jnp.argmax(outputs, axis=1) == targets).astype(outputs.dtype))


def draw_order(key: jax.Array, step: jax.Array, examples: int) -> jax.Array:
    """The order of the epoch of a run that begins with this key and step; int32 of shape (examples,).

    Runs with one seed have it in common.
    """
    examples = check_whole("examples", examples, 0)
    orders_key, _ = jax.random.split(key)
    # one sort, where jax.random.permutation makes two: of 60,000 examples less than one pair is equal
    draws = jax.random.bits(jax.random.fold_in(orders_key, step), (examples,), jnp.uint32)
    return jnp.argsort(draws, stable=False).astype(jnp.int32)


def draw_key(state: RunState) -> jax.Array:
    """The key of what layers draw, such as dropout, in the next update of a run."""
    _, draws_key = jax.random.split(state.key)
    return jax.random.fold_in(draws_key, state.step)


def count_updates(examples: int, batch_size: int, drop_last: bool = False) -> int:
    """Updates in an epoch, whose last batch holds what remains, or is left out.

    >>> count_updates(10, 4), count_updates(10, 4, drop_last=True)
    (3, 2)
    """
    examples, batch_size = check_whole("examples", examples, 0), check_whole("batch_size", batch_size, 1)
    return examples // batch_size if drop_last else math.ceil(examples / batch_size)


@contextmanager
def last_batch(examples: int) -> Iterator[None]:
    """Tells what only the last batch of an epoch, with so many examples, is not fit for."""
    try:
        yield
    except ValueError as error:
        held = f"{examples} example{'s' if examples > 1 else ''}"
        raise ValueError(
            f"the last batch of an epoch holds {held}: {error}; --drop-last (drop_last=True) leaves it out"
        ) from None


def make_run(
    model: Layer,
    optimizer: Any,
    *,
    batch_size: int,
    loss: Loss = losses.cross_entropy,
    drop_last: bool = False,
) -> Run:
    """Builds a run out of a model and an optimizer.

    Nothing is compiled here: put `jax.jit` around `epoch`, `jax.vmap` around runs. Built inside a
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
      ValueError: a batch size below 1; from `step` and `epoch`, images and labels that are not as many, or as
        `data.Split`; from `epoch`, fewer examples than one batch.

    >>> from jaxlearn import nn, optim
    >>> run = make_run(nn.sequential(nn.linear(3)), optim.sgd(0.1), batch_size=2)
    >>> state = run.init(jax.random.key(0), (4,))
    >>> state, means = jax.jit(run.epoch)(state, jnp.ones((5, 4)), jnp.zeros(5, int))
    >>> int(state.step), means.loss.shape
    (3, ())
    """
    batch_size = check_whole("batch_size", batch_size, 1)
    optimizer = with_extra_args_support(optimizer)

    def init(key: jax.Array, shape: tuple[int, ...]) -> RunState:
        init_key, run_key = jax.random.split(key)
        params, model_state = model.init(init_key, shape)
        return RunState(params, model_state, optimizer.init(params), run_key, jnp.zeros((), jnp.int32))

    def step(state: RunState, images: jax.Array, labels: jax.Array) -> tuple[RunState, Means]:
        images, labels = map(jnp.asarray, Split(images, labels))
        keys = jax.random.split(draw_key(state), labels.shape[0])

        def objective(params: PyTree) -> tuple[jax.Array, tuple[Means, PyTree]]:
            def forward(x: jax.Array, key: jax.Array) -> tuple[jax.Array, PyTree]:
                return model.apply(params, state.model_state, x, key=key, train=True)

            logits, model_state = jax.vmap(forward, out_axes=(0, None), axis_name="batch")(
                to_float(images), keys
            )
            value = loss(logits, labels)
            return value, (Means(value, _share_right(logits, labels)), model_state)

        grads, (means, model_state) = jax.grad(objective, has_aux=True)(state.params)
        grads = jax.tree.map(jnp.conj, grads)  # JAX's derivative by a complex number is the conjugate
        extra = {"value": means.loss, "value_fn": lambda params: objective(params)[0], "grad": grads}
        updates, opt_state = optimizer.update(grads, state.opt_state, state.params, **extra)
        params = apply_updates(state.params, updates)
        return RunState(params, model_state, opt_state, state.key, state.step + 1), means

    def steps(
        state: RunState,
        measured: Means,
        images: jax.Array,
        labels: jax.Array,
        order: jax.Array,
        begin: Any,
        end: Any,
        offset: Any = 0,
    ) -> tuple[RunState, Means]:
        def body(number: Any, carry: tuple[RunState, Means]) -> tuple[RunState, Means]:
            state, measured = carry
            batch = jax.lax.dynamic_slice_in_dim(order, (number - offset) * batch_size, batch_size)
            state, means = step(state, images[batch], labels[batch])
            return state, jax.tree.map(lambda all, one: all.at[number].set(one), measured, means)

        return jax.lax.fori_loop(begin, end, body, (state, measured))

    def epoch(
        state: RunState, images: jax.Array, labels: jax.Array, order: jax.Array | None = None
    ) -> tuple[RunState, Means]:
        images, labels = map(jnp.asarray, Split(images, labels))
        examples = labels.shape[0]
        if batch_size > examples:
            raise ValueError(f"batch_size must be at most the {examples} examples, got {batch_size}")
        full = examples // batch_size * batch_size
        order = draw_order(state.key, state.step, examples) if order is None else order

        def body(state: RunState, batch: jax.Array) -> tuple[RunState, Means]:
            return step(state, images[batch], labels[batch])

        state, means = jax.lax.scan(body, state, order[:full].reshape(-1, batch_size))
        means = jax.tree.map(jnp.mean, means)
        if full < examples and not drop_last:
            # by itself and not filled up: batch normalisation and weighted losses see these alone
            with last_batch(examples - full):
                state, last = body(state, order[full:])
            share = full / examples
            means = jax.tree.map(lambda a, b: share * a + (1 - share) * b, means, last)
        return state, means

    return Run(init, step, steps, epoch)
