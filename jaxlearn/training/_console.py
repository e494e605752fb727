"""What a person sees while a run trains."""

import statistics
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from datetime import timedelta

import numpy as np

from ._evaluate import Evaluation
from ._fit import EpochReport, Program, fit
from ._run import RunState


def fit_with_progress(program: Program, epochs: int) -> Iterator[tuple[RunState, EpochReport]]:
    """`fit`, with a line for each epoch and, in a terminal, a progress bar below them."""
    seconds: list[float] = []
    with _bar(epochs) if sys.stdout.isatty() else nullcontext(_print) as show:
        for state, report in fit(program, epochs):
            seconds.append(report.seconds)
            left = timedelta(seconds=round(statistics.median(seconds) * (epochs - report.epoch)))
            show(
                describe(report, epochs), f"{program.examples / report.seconds:,.0f} examples/s  {left} left"
            )
            yield state, report


def _print(result: str, pace: str) -> None:
    print(f"{result}  {pace}", flush=True)


@contextmanager
def _bar(epochs: int) -> Iterator[Callable[[str, str], None]]:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = [TextColumn("epochs"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()]
    with Progress(*columns, TextColumn("{task.description}"), transient=True) as progress:
        task = progress.add_task("", total=epochs)

        def show(result: str, pace: str) -> None:
            progress.print(result, highlight=False)
            progress.update(task, advance=1, description=pace)

        yield show


def describe(report: EpochReport, epochs: int) -> str:
    """What an epoch gave, in one line.

    >>> describe(EpochReport(2, 0.5, 0.9, 0.25, 0.95, 0.001, 2.0), epochs=10)
    'epoch  2/10  loss 0.5000  accuracy 0.9000  val loss 0.2500  val accuracy 0.9500'
    """
    training = f"loss {report.train_loss:.4f}  accuracy {report.train_accuracy:.4f}"
    validation = ""
    if report.val_loss is not None:
        validation = f"  val loss {report.val_loss:.4f}  val accuracy {report.val_accuracy:.4f}"
    return f"epoch {report.epoch:{len(str(epochs))}}/{epochs}  {training}{validation}"


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
