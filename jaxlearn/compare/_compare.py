"""The whole comparison: every optimizer with the same budget, one after another."""

import time
from collections.abc import Callable, Iterable, Sequence
from functools import cache, partial
from pathlib import Path
from typing import NamedTuple

import jax

from jaxlearn import losses
from jaxlearn._check import check_whole
from jaxlearn._files import CheckpointError
from jaxlearn._split import Split, check_outputs, check_together
from jaxlearn._system import cores
from jaxlearn._text import show
from jaxlearn._types import Loss
from jaxlearn.nn import output_shape

from ._finished import FinishedSweeps
from ._grid_program import GridProgram, compile_to_fit
from ._memory import free_memory
from ._result import Sweep
from ._sweep import train_sweep
from ._task import Contender, Scoring, Task, make_scoring
from ._width import measure_width


class Progress(NamedTuple):
    """How far a comparison is.

    Attributes:
      doing: what is being done now.
      done, total: epochs of runs.
      finished: the sweep that has just been finished, if one has.
    """

    doing: str
    done: int
    total: int
    finished: Sweep | None = None


class Comparison(NamedTuple):
    """What a comparison gave.

    Attributes:
      sweeps: one for each contender, in their order.
      epochs, batch_size, train, validation, test: of every run; numbers of examples.
      seconds: of this call, everything counted.
      kept: how many of the sweeps were there already.
      drop_last: of every run.
    """

    sweeps: list[Sweep]
    epochs: int
    batch_size: int
    train: int
    validation: int
    test: int
    seconds: float
    kept: int
    drop_last: bool = False


def compare(
    contenders: Sequence[Contender],
    train: Split,
    validation: Split,
    test: Split,
    *,
    seeds: Iterable[int] = range(5),
    epochs: int = 10,
    batch_size: int = 64,
    loss: Loss = losses.cross_entropy,
    width: int | None = None,
    max_memory: int | None = None,
    devices: Sequence[jax.Device] | None = None,
    drop_last: bool = False,
    folder: Path | None = None,
    report: Callable[[Progress], None] = lambda progress: None,
) -> Comparison:
    """Trains every contender at every point of its grid with every seed, and chooses a point for each.

    The point is the one with the best mean over the seeds on the validation examples; only its runs are
    scored on the test examples. The same seed gives every optimizer the same first weights and batches.
    All runs of a contender are one compiled program, as far as memory allows.

    Args:
      contenders: what is compared; each optimizer and model once.
      train, validation, test: examples. Targets that are integers are classes, and runs are judged by
        accuracy; otherwise by the loss.
      seeds: of the runs.
      epochs, batch_size: of every run.
      loss: `loss(outputs, targets)` of a batch.
      width: runs of one seed that `vmap` computes side by side at most; by default what a short
        measurement finds the fastest. It changes results by rounding only.
      max_memory: bytes that a program may take (default: most of what is free).
      devices: that share the runs out among them (default: all).
      drop_last: whether every epoch leaves out a last batch that would be smaller.
      folder: keeps the sweeps that are finished; the same call with the same folder goes on after them.
      report: called with the progress.

    Raises:
      TypeError, ValueError: splits as `compile_run`.
      ValueError: no contender, seed or validation example, a contender twice, points that do not differ,
        or `max_memory` too small for one run.

    >>> from jaxlearn import data, nn, optim
    >>> digits = data.load("digits")
    >>> train, validation = data.hold_out(digits.train, 200)
    >>> model = nn.sequential(nn.flatten, nn.linear(10))
    >>> rates = {"learning_rate": [1e-4, 1e-2]}
    >>> result = compare(
    ...     [Contender("sgd", optim.sgd, rates, model), Contender("adam", optim.adam, rates, model)],
    ...     train, validation, digits.test, seeds=range(2), epochs=2,
    ... )
    >>> for sweep in result.sweeps:
    ...     print(sweep.name, sweep.points[sweep.chosen], sweep.test_scores.mean() > 0.8)
    sgd on model {'learning_rate': 0.01} False
    adam on model {'learning_rate': 0.01} True
    """
    began = time.perf_counter()
    devices = jax.devices() if devices is None else devices
    train, validation, test = check_together(train=train, validation=validation, test=test)
    epochs = check_whole("epochs", epochs, 1)
    batch_size = check_whole("batch_size", batch_size, 1, len(train.labels))
    seeds = tuple(check_whole("seed", seed, 0, 2**32 - 1) for seed in seeds)
    width = None if width is None else check_whole("width", width, 1)
    max_memory = None if max_memory is None else check_whole("max_memory", max_memory, 1)
    task = Task(train, validation, test, seeds, epochs, batch_size, loss, drop_last)
    _check(contenders, task)
    finished = FinishedSweeps(folder)
    memory = max_memory or finished.once("memory", lambda: free_memory(devices))
    costs = [len(contender.points) * len(task.seeds) * epochs for contender in contenders]
    kept = {contender.name: _load_kept(finished, contender, task) for contender in contenders}
    to_train = [contender for contender in contenders if kept[contender.name] is None]
    for contender in {contender.model_name: contender for contender in reversed(to_train)}.values():
        _check_model(contender, task)
    ready: dict[str, GridProgram] = {}
    sweeps: list[Sweep] = []
    done = 0

    @cache
    def scoring(model_name: str) -> Scoring:
        model = next(contender.model for contender in contenders if contender.model_name == model_name)
        return make_scoring(model, task)

    def compile_ahead(following: Sequence[Contender]) -> None:
        """Compiles for the next contenders on this model, one for each core, while none of them trains."""
        first, model_name = following[0], following[0].model_name
        some = [c for c in following if c.model_name == model_name and not kept[c.name]][: cores()]
        optimizers = ", ".join(contender.optimizer for contender in some)
        report(Progress(f"compiling {optimizers} on {model_name}", done, sum(costs)))
        start = scoring(model_name).start
        measure = partial(measure_width, first, task, start, devices)
        fitting = width or finished.once(f"width for {model_name}", measure)
        compiled = compile_to_fit(some, task, start, fitting, devices, memory)
        ready.update(zip((contender.name for contender in some), compiled, strict=True))

    def count(runs: int) -> None:
        nonlocal done
        done += runs
        report(Progress(contender.name, done, sum(costs)))

    for number, contender in enumerate(contenders):
        done = sum(costs[:number])
        sweep = kept[contender.name]
        if sweep is None:
            if contender.name not in ready:
                compile_ahead(contenders[number:])
            programs, common = ready.pop(contender.name), scoring(contender.model_name)
            sweep = finished.save(train_sweep(contender, task, programs, common, count))
        sweeps.append(sweep)
        report(Progress(contender.name, sum(costs[: number + 1]), sum(costs), sweep))
    sizes = [len(split.labels) for split in (train, validation, test)]
    seconds = time.perf_counter() - began
    number = sum(sweep is not None for sweep in kept.values())
    return Comparison(sweeps, epochs, batch_size, sizes[0], sizes[1], sizes[2], seconds, number, drop_last)


def _check(contenders: Sequence[Contender], task: Task) -> None:
    if not contenders or not task.seeds or len(set(task.seeds)) < len(task.seeds):
        raise ValueError(
            f"contenders and seeds must each be at least one, got {len(contenders)} and {task.seeds}"
        )
    if not len(task.validation.labels):
        raise ValueError("validation must hold examples, by which hyperparameters are chosen; got none")
    names = [contender.name for contender in contenders]
    if twice := [name for name in names if names.count(name) > 1]:
        raise ValueError(f"contenders must have names of their own, got {twice[0]} twice")
    for contender in contenders:
        for name, values in contender.axes.items():
            if not len(values) or len(set(values)) < len(values):
                raise ValueError(f"{name} must be values to try, each once, got {list(values)}")


def _check_model(contender: Contender, task: Task) -> None:
    """Says what is wrong with a model for these data before minutes are spent on measuring and compiling."""
    model = contender.model
    start = jax.eval_shape(partial(task.draw_start, model), jax.random.key(0))
    outputs = output_shape(model, start.params, start.model_state, task.train.images.shape[1:])
    check_outputs(outputs, train=task.train, validation=task.validation, test=task.test)
    run = task.make_run(model, contender.make(**contender.points[0]))
    jax.eval_shape(lambda start: run.advance(run.init(start, task.train), task.train), start)


def _load_kept(finished: FinishedSweeps, contender: Contender, task: Task) -> Sweep | None:
    """The sweep of a contender that an earlier call has finished, or None.

    Raises:
      CheckpointError: what is there is not what would be trained here, or cannot be read.
    """
    sweep = finished.load(contender.model_name, contender.optimizer)
    if sweep is None:
        return None
    for what, there, here in (
        ("hyperparameters", sweep.points, contender.points),
        ("seeds", sweep.seeds, list(task.seeds)),
        ("epochs", sweep.epochs, task.epochs),
    ):
        if there != here:
            raise CheckpointError(
                f"{finished.folder} has {sweep.name} with other {what}: {show(there)}, not {show(here)}"
            )
    return sweep
