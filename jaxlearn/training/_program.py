"""A compiled run: from data to programs, so that nothing compiles while it trains."""

import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxlearn import losses
from jaxlearn._check import check_whole, whole
from jaxlearn._compile import compile_all
from jaxlearn._draw import draw_start
from jaxlearn._split import Split, check_outputs, check_together, count_batches
from jaxlearn._types import Loss
from jaxlearn.nn import Layer, output_shape
from jaxlearn.optim import evaluation_parameters

from ._batches import Batches
from ._blocks import Block, join_advance, join_blocks, lower_epoch
from ._evaluate import Evaluation, evaluate
from ._run import make_run
from ._state import RunState
from ._update_bn import join_settling, lower_settling


class Program(NamedTuple):
    """A compiled run: nothing in it compiles again.

    Attributes:
      state: the first state.
      copy: `copy(state) -> state`, in memory of its own.
      blocks: `blocks(state, done)`: the examples of an epoch of which so many updates are made already, in
        the blocks in which they come to the device; all in one unless `at_a_time` says otherwise.
      advance: `advance(state, block, begin, end) -> state`: the updates `begin` to `end - 1` of an epoch,
        which are among those of the block. The memory of `state` goes to the result.
      settle: `settle(state) -> state`, after an epoch: where the optimizer averages parameters, the running
        statistics become those of the average, by one more pass over the training examples; see `update_bn`.
      validate: `validate(state) -> Evaluation`, or None without validation examples.
      test: `test(state) -> Evaluation`.
      compile_seconds: what compiling took.
      examples: training examples in an epoch; with `drop_last` a multiple of the batch size.
      batch_size: examples in an update; the last one of an epoch may have less.
    """

    state: RunState
    copy: Callable[[RunState], RunState]
    blocks: Callable[[RunState, int], Iterator[Block]]
    advance: Callable[[RunState, Block, int, int], RunState]
    settle: Callable[[RunState], RunState]
    validate: Callable[[RunState], Evaluation] | None
    test: Callable[[RunState], Evaluation]
    compile_seconds: float
    examples: int
    batch_size: int

    @property
    def updates(self) -> int:
        """Updates in an epoch."""
        return count_batches(self.examples, self.batch_size)


def compile_run(
    model: Layer,
    optimizer: Any,
    train: Split,
    validation: Split,
    test: Split,
    *,
    batch_size: int,
    seed: int,
    loss: Loss = losses.cross_entropy,
    at_a_time: int | None = None,
    drop_last: bool = False,
) -> Program:
    """Moves the data to the device, draws the first parameters and compiles everything that follows.

    Args:
      model: for one example; see `jaxlearn.nn`.
      optimizer: a pair of `init` and `update`, from jaxlearn or optax.
      train, validation, test: examples; `validation` may hold none.
      batch_size: examples in an update.
      seed: of the first parameters, the shuffling and dropout.
      loss: `loss(logits, labels)` of a batch.
      at_a_time: training examples on the device at a time, where it cannot hold all of them: a multiple of
        the batch size. The next are read meanwhile, such as out of a `numpy.memmap`. Default: all.
      drop_last: whether every epoch leaves out a last batch that would be smaller, as PyTorch's `DataLoader`.

    Raises:
      TypeError: what is no split, images or labels that are not numbers.
      ValueError: a batch size below 1 or above the number of training examples; `at_a_time` that is no
        multiple of it; images and labels that are not as many; splits that do not look alike; a label for
        which the model has no output.
    """
    began = time.perf_counter()
    train, validation, test = check_together(train=train, validation=validation, test=test)
    batch_size, seed = check_whole("batch_size", batch_size, 1), check_whole("seed", seed, 0, 2**32 - 1)
    if batch_size > len(train.labels):
        raise ValueError(f"batch_size must be at most the {len(train.labels)} examples, got {batch_size}")
    held = None if at_a_time is None else whole(at_a_time) or 0
    if held is not None and (held < 1 or held % batch_size):
        raise ValueError(f"at_a_time must be a multiple of the batch size {batch_size}, got {at_a_time!r}")
    updates = count_batches(len(train.labels), batch_size, drop_last)
    batches = Batches(updates * batch_size if drop_last else len(train.labels), batch_size, held)
    run = make_run(model, optimizer, batch_size=batch_size, loss=loss, drop_last=drop_last)
    key, shape = jax.random.key(seed), train.images.shape[1:]

    def init(key: jax.Array) -> RunState:
        return run.init(draw_start(model, key, shape), train)

    def score(state: RunState, images: jax.Array, labels: jax.Array) -> Evaluation:
        params = evaluation_parameters(state.opt_state, state.params)
        return evaluate(model, params, state.model_state, images, labels, loss=loss)

    like = jax.eval_shape(partial(draw_start, model, shape=shape), key)
    outputs = output_shape(model, like.params, like.model_state, shape)
    check_outputs(outputs, train=train, validation=validation, test=test)
    first = jax.jit(init).lower(key)
    state = first.out_info
    held_out = {"test": test} | ({"validation": validation} if len(validation.labels) else {})
    compiled = compile_all({
        "init": first,
        "copy": jax.jit(partial(jax.tree.map, jnp.copy)).lower(state),
        "epoch": lower_epoch(run, state, train, batches),
        "settling": lower_settling(model, state, train.images, batches),
        **{name: jax.jit(score).lower(state, *split) for name, split in held_out.items()},
    })  # fmt: skip
    scores = {name: partial(_call, compiled[name], jax.device_put(split)) for name, split in held_out.items()}
    if held is None:
        train = jax.device_put(train)
    return Program(
        state=compiled["init"](key),
        copy=compiled["copy"],
        blocks=join_blocks(compiled["epoch"], train, batches),
        advance=join_advance(compiled["epoch"], batch_size),
        settle=join_settling(compiled["settling"], train.images, batches),
        validate=scores.get("validation"),
        test=scores["test"],
        compile_seconds=time.perf_counter() - began,
        examples=batches.examples,
        batch_size=batch_size,
    )


def _call(compiled: Any, split: Split, state: RunState) -> Any:
    return jax.block_until_ready(compiled(state, *split))
