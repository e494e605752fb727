"""What a person sees while a run trains."""

import statistics
import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, nullcontext
from datetime import timedelta

import numpy as np

from jaxlearn._check import check_whole

from ._evaluate import Evaluation
from ._fit import Position
from ._program import Program
from ._report import EpochReport, updates_skipped


def with_progress(
    positions: Iterator[Position], program: Program, epochs: int
) -> Generator[Position, None, None]:
    """Passes on what `run_parts` yields, with a line for each epoch and, in a terminal, a bar below them."""
    epochs = check_whole("epochs", epochs, 0)
    seconds: list[float] = []
    pace = ""
    with _bar(epochs) if sys.stdout.isatty() else nullcontext(_print) as show:
        for position in positions:
            done = len(position.reports) + position.done / program.updates
            line = None
            if not position.done:
                report = position.reports[-1]
                seconds.append(report.seconds)
                left = timedelta(seconds=round(statistics.median(seconds) * (epochs - report.epoch)))
                pace = f"{program.examples / report.seconds:,.0f} examples/s  {left} left"
                line = describe(report, epochs, updates_skipped(position.state))
            show(line, done, pace)
            yield position


def _print(line: str | None, done: float, pace: str) -> None:
    if line:
        print(f"{line}  {pace}", flush=True)


@contextmanager
def _bar(epochs: int) -> Iterator[Callable[[str | None, float, str], None]]:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = [TextColumn("epochs"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()]
    with Progress(*columns, TextColumn("{task.description}"), transient=True) as progress:
        task = progress.add_task("", total=epochs)

        def show(line: str | None, done: float, pace: str) -> None:
            if line:
                progress.print(line, highlight=False)
            progress.update(task, completed=done, description=pace)

        yield show


def describe(report: EpochReport, epochs: int, skipped: int | None = None) -> str:
    """What an epoch gave, in one line; with how many updates have been skipped so far.

    >>> describe(EpochReport(2, 0.5, 0.9, 0.25, 0.95, 0.001, 2.0), epochs=10)
    'epoch  2/10  loss 0.5000  accuracy 0.9000  val loss 0.2500  val accuracy 0.9500'
    """
    training = f"loss {report.train_loss:.4f}  accuracy {report.train_accuracy:.4f}"
    validation = ""
    if report.val_loss is not None:
        validation = f"  val loss {report.val_loss:.4f}  val accuracy {report.val_accuracy:.4f}"
    counted = f"  {skipped} updates skipped so far" if skipped else ""
    return f"epoch {report.epoch:{len(str(epochs))}}/{epochs}  {training}{validation}{counted}"


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
