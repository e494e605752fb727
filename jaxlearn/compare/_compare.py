"""The whole comparison: every optimizer with the same budget, one after another."""

import time
from collections.abc import Callable, Iterable, Sequence
from functools import cache, partial
from pathlib import Path
from typing import NamedTuple

import jax

from jaxlearn import losses
from jaxlearn._check import check_whole
from jaxlearn.data import Split
from jaxlearn.nn import Layer
from jaxlearn.nn._layer import output_shape
from jaxlearn.training import CheckpointError
from jaxlearn.training._fit import check_classes
from jaxlearn.training._run import Loss
from jaxlearn.training._settings import show

from ._grid import grid_points
from ._layout import measure_width
from ._memory import free_memory
from ._programs import compile_to_fit
from ._result import Sweep
from ._store import Store
from ._sweep import train_sweep
from ._task import Contender, Scoring, Task, make_scoring


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
    """

    sweeps: list[Sweep]
    epochs: int
    batch_size: int
    train: int
    validation: int
    test: int
    seconds: float
    kept: int


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
      folder: keeps the sweeps that are finished; the same call with the same folder goes on after them.
      report: called with the progress.

    Raises:
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
    task = Task(train, validation, test, tuple(seeds), epochs, batch_size, loss)
    _check(contenders, task)
    store = Store(folder)
    memory = max_memory or store.once("memory", lambda: free_memory(devices))
    costs = [len(grid_points(contender.axes)) * len(task.seeds) * epochs for contender in contenders]
    sweeps: list[Sweep] = []
    kept = 0

    @cache
    def scoring(model_name: str) -> Scoring:
        model = next(contender.model for contender in contenders if contender.model_name == model_name)
        return make_scoring(model, task)

    for number, contender in enumerate(contenders):
        name = contender.name
        done = sum(costs[:number])
        sweep = store.load(contender.model_name, contender.optimizer)
        if sweep:
            _check_kept(sweep, contender, task, folder)
            kept += 1
        else:
            report(Progress(f"{name}: compiling", done, sum(costs)))
            common = scoring(contender.model_name)
            measure = partial(measure_width, contender, task, common.start, devices)
            fitting = width or store.once(f"width for {contender.model_name}", measure)
            programs = compile_to_fit(contender, task, common.start, fitting, devices, memory)

            def count(runs: int, doing: str = name) -> None:
                nonlocal done
                done += runs
                report(Progress(doing, done, sum(costs)))

            sweep = store.save(train_sweep(contender, task, programs, common, count))
        sweeps.append(sweep)
        report(Progress(name, sum(costs[: number + 1]), sum(costs), sweep))
    examples = [len(split.labels) for split in (train, validation, test)]
    seconds = time.perf_counter() - began
    return Comparison(sweeps, epochs, batch_size, examples[0], examples[1], examples[2], seconds, kept)


def _check(contenders: Sequence[Contender], task: Task) -> None:
    check_whole("epochs", task.epochs, 1)
    check_whole("batch_size", task.batch_size, 1, len(task.train.labels))
    for seed in task.seeds:
        check_whole("seed", seed, 0, 2**32 - 1)
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
        _check_labels(contender.model, task)
        for name, values in contender.axes.items():
            if not len(values) or len(set(values)) < len(values):
                raise ValueError(f"{name} must be values to try, each once, got {list(values)}")


def _check_labels(model: Layer, task: Task) -> None:
    shape = task.train.images.shape[1:]
    parts = jax.eval_shape(lambda key: model.init(key, shape), jax.random.key(0))
    outputs = output_shape(model, parts[0], parts[1], shape)
    for split in (task.train, task.validation, task.test):
        check_classes(split, outputs)


def _check_kept(sweep: Sweep, contender: Contender, task: Task, folder: Path | None) -> None:
    for what, there, here in (
        ("hyperparameters", sweep.points, grid_points(contender.axes)),
        ("seeds", sweep.seeds, list(task.seeds)),
        ("epochs", sweep.epochs, task.epochs),
    ):
        if there != here:
            raise CheckpointError(
                f"{folder} has {sweep.name} with other {what}: {show(there)}, not {show(here)}"
            )
