"""What a person sees while a run trains."""

import statistics
import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, nullcontext
from datetime import timedelta

from jaxlearn.training import EpochReport, Position, Program


def with_progress(
    positions: Iterator[Position], program: Program, epochs: int
) -> Generator[Position, None, None]:
    """Passes on what `run_parts` yields, with a line for each epoch and, in a terminal, a bar below them."""
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
                line = describe(report, epochs, position.updates_skipped)
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
