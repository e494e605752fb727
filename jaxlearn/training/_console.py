"""What a person sees while a run trains."""

import statistics
import sys
from collections.abc import Iterator
from datetime import timedelta

import numpy as np

from ._evaluate import Evaluation
from ._fit import EpochReport, Program, fit
from ._run import RunState


def fit_with_progress(program: Program, epochs: int) -> Iterator[tuple[RunState, EpochReport]]:
    """`fit`, with a line for each epoch and, in a terminal, a progress bar below them."""
    if not sys.stdout.isatty():
        seconds: list[float] = []
        for state, report in fit(program, epochs):
            seconds.append(report.seconds)
            print(describe(report, program.examples, epochs, seconds), flush=True)
            yield state, report
        return

    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = [TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()]
    with Progress(*columns, transient=True) as progress:
        task = progress.add_task("epochs", total=epochs)
        seconds = []
        for state, report in fit(program, epochs):
            seconds.append(report.seconds)
            progress.print(describe(report, program.examples, epochs, seconds), highlight=False)
            progress.advance(task)
            yield state, report


def describe(report: EpochReport, examples: int, epochs: int, seconds: list[float]) -> str:
    """One epoch in one line.

    >>> print(describe(EpochReport(2, 0.5, 0.9, None, None, 0.001, 2.0), 60_000, 9, [2.5, 2.0]))
    epoch 2/9  loss 0.5000  accuracy 0.9000  30,000 examples/s  0:00:16 left
    """
    validation = ""
    if report.val_loss is not None:
        validation = f"  val loss {report.val_loss:.4f}  val accuracy {report.val_accuracy:.4f}"
    left = timedelta(seconds=round(statistics.median(seconds) * (epochs - report.epoch)))
    return (
        f"epoch {report.epoch:{len(str(epochs))}}/{epochs}  "
        f"loss {report.train_loss:.4f}  accuracy {report.train_accuracy:.4f}{validation}  "
        f"{examples / report.seconds:,.0f} examples/s  {left} left"
    )


def confusion_table(evaluation: Evaluation) -> str:
    """The confusion matrix as text: a row for each right class, a column for each answer.

    >>> import jax.numpy as jnp
    >>> print(confusion_table(Evaluation(jnp.array(0.0), jnp.array([[10, 2], [0, 7]]))))
    class    0    1
        0   10    2
        1    .    7
    """
    counts = np.asarray(evaluation.confusion)
    width = max(5, len(str(counts.max())) + 1)
    rows = ["class" + "".join(f"{j:{width}}" for j in range(len(counts)))]
    for i, row in enumerate(counts):
        rows.append(f"{i:5}" + "".join(f"{n or '.':>{width}}" for n in row))
    return "\n".join(rows)
