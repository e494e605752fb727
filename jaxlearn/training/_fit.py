"""From data to a trained state: compile once, then one call an epoch."""

import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

import jax

from jaxlearn import losses, metrics
from jaxlearn.data import Split
from jaxlearn.nn import Layer
from jaxlearn.nn._layer import output_shape
from jaxlearn.optim import current_learning_rate, evaluation_parameters

from ._evaluate import Evaluation, evaluate
from ._run import Loss, Means, RunState, are_classes, make_run
from ._stream import compile_stream


class Program(NamedTuple):
    """A compiled run: nothing in it compiles again.

    Attributes:
      state: the first state, which the first epoch consumes.
      epoch: `epoch(state) -> (RunState, Means)`; gives the memory of its argument to its result.
      validate: `validate(state) -> Evaluation`, or None without validation examples.
      test: `test(state) -> Evaluation`.
      compile_seconds: what compiling took.
      examples: training examples in an epoch.
    """

    state: RunState
    epoch: Callable[[RunState], tuple[RunState, Means]]
    validate: Callable[[RunState], Evaluation] | None
    test: Callable[[RunState], Evaluation]
    compile_seconds: float
    examples: int


class EpochReport(NamedTuple):
    """One line of `metrics.jsonl`.

    Attributes:
      epoch: from 1.
      train_loss, train_accuracy: means over the epoch, each example measured before its update.
      val_loss, val_accuracy: after the epoch; None without validation examples.
      learning_rate: of the last update; None where the optimizer's state does not tell.
      seconds: what training took, validation not counted.
    """

    epoch: int
    train_loss: float
    train_accuracy: float
    val_loss: float | None
    val_accuracy: float | None
    learning_rate: float | None
    seconds: float


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

    Raises:
      ValueError: a batch size below 1 or above the number of training examples; `at_a_time` that is no
        multiple of it; a label for which the model has no output.
    """
    start = time.perf_counter()
    run = make_run(model, optimizer, batch_size=batch_size, loss=loss)
    state = jax.jit(run.init, static_argnums=1)(jax.random.key(seed), train.images.shape[1:])
    outputs = output_shape(model, state.params, state.model_state, train.images.shape[1:])
    for split in (train, validation, test):
        check_classes(split, outputs)

    def compile_evaluation(split: Split) -> Callable[[RunState], Evaluation]:
        def score(state: RunState, images: jax.Array, labels: jax.Array) -> Evaluation:
            params = evaluation_parameters(state.opt_state, state.params)
            return evaluate(model, params, state.model_state, images, labels, loss=loss)

        return _compile(jax.jit(score), state, split)

    if at_a_time is None:
        epoch = _compile(jax.jit(run.epoch, donate_argnums=0), state, train)
    elif at_a_time < 1 or at_a_time % batch_size:
        raise ValueError(f"at_a_time must be a multiple of the batch size {batch_size}, got {at_a_time}")
    else:
        epoch = compile_stream(run, state, train, batch_size, at_a_time)
    validate = compile_evaluation(validation) if len(validation.labels) else None
    return Program(
        state, epoch, validate, compile_evaluation(test), time.perf_counter() - start, len(train.labels)
    )


def check_classes(split: Split, outputs: tuple[int, ...]) -> None:
    """Compiled code cannot refuse a class that there is not: its loss would be NaN."""
    if are_classes(split.labels) and len(split.labels) and (largest := split.labels.max()) >= outputs[0]:
        raise ValueError(
            f"labels must be from 0 to {outputs[0] - 1}, as the model has {outputs[0]} outputs, got {largest}"
        )


def _compile(function: Any, state: RunState, split: Split) -> Callable[[RunState], Any]:
    images, labels = jax.device_put((split.images, split.labels))
    compiled = function.lower(state, images, labels).compile()
    return partial(_call, compiled, images, labels)


def _call(compiled: Any, images: jax.Array, labels: jax.Array, state: RunState) -> Any:
    return jax.block_until_ready(compiled(state, images, labels))


def fit(program: Program, epochs: int) -> Iterator[tuple[RunState, EpochReport]]:
    """Trains, and yields the state and a report after each epoch.

    A yielded state is good until the next epoch is asked for, which takes over its memory.

    >>> from jaxlearn import data, nn, optim
    >>> digits = data.load("digits")
    >>> train, validation = data.hold_out(digits.train, 100)
    >>> model = nn.sequential(nn.flatten, nn.linear(10))
    >>> program = compile_run(
    ...     model, optim.adam(1e-2), train, validation, digits.test, batch_size=64, seed=0
    ... )
    >>> *_, (state, report) = fit(program, epochs=3)
    >>> report.epoch, int(state.step), report.val_accuracy > 0.8
    (3, 63, True)
    """
    state = program.state
    for number in range(1, epochs + 1):
        start = time.perf_counter()
        state, means = program.epoch(state)
        seconds = time.perf_counter() - start
        result = program.validate(state) if program.validate else None
        yield (
            state,
            EpochReport(
                epoch=number,
                train_loss=to_number(means.loss),
                train_accuracy=to_number(means.accuracy),
                val_loss=to_number(result.loss) if result else None,
                val_accuracy=to_number(metrics.accuracy(result.confusion)) if result else None,
                learning_rate=_learning_rate(state.opt_state),
                seconds=seconds,
            ),
        )


def _learning_rate(opt_state: Any) -> float | None:
    try:
        return to_number(current_learning_rate(opt_state))
    except ValueError:
        return None


def to_number(scalar: jax.Array) -> float:
    """An array of shape () as the shortest number that rounds to it: 0.001, not 0.0010000000474974513.

    >>> to_number(jax.numpy.float32(0.001))
    0.001
    """
    return float(str(scalar))
