"""What a person sees while a comparison goes on."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from jaxlearn._text import show_settings
from jaxlearn.compare import Comparison, Progress, Sweep, compare


def compare_with_progress(*args: Any, **kwargs: Any) -> Comparison:
    """`compare`, with a line for each sweep and, in a terminal, a progress bar over all of them below.

    Elsewhere there are lines for what it begins to compile and to train, too.
    """
    with _bar() if sys.stdout.isatty() else _lines() as show:
        return compare(*args, report=show, **kwargs)


def describe(sweep: Sweep) -> str:
    """What a sweep gave, in one line."""
    chosen, score = sweep.points[sweep.chosen], sweep.scores[sweep.chosen]
    measure = f"accuracy {score:.4f}" if sweep.by_accuracy else f"loss {-score:.4f}"
    diverged = (
        f"  {sweep.diverged.sum()} of {sweep.diverged.size} runs diverged" if sweep.diverged.any() else ""
    )
    seconds = f"{sweep.seconds:.1f} s + {sweep.compile_seconds:.1f} s compiling"
    return f"{sweep.name}: best with {show_settings(chosen)}, val {measure}{diverged}  ({seconds})"


@contextmanager
def _lines() -> Iterator[Callable[[Progress], None]]:
    doing = ""

    def show(progress: Progress) -> None:
        nonlocal doing
        if progress.finished:
            print(describe(progress.finished), flush=True)
        elif progress.doing != doing:
            print(f"{progress.doing} ...", flush=True)
        doing = progress.doing

    yield show


@contextmanager
def _bar() -> Iterator[Callable[[Progress], None]]:
    from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = [TextColumn("{task.description}"), BarColumn(), TaskProgressColumn()]
    left = [TimeRemainingColumn(elapsed_when_finished=True), TextColumn("left")]
    with Bar(*columns, *left, transient=True, speed_estimate_period=600) as bar:
        task = bar.add_task("")

        def show(progress: Progress) -> None:
            if progress.finished:
                bar.print(describe(progress.finished), highlight=False)
            bar.update(task, completed=progress.done, total=progress.total, description=progress.doing)

        yield show
