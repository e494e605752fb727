"""What a comparison leaves behind: a page, tables, pictures and every number."""

import csv
import io
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from jaxlearn._files import write_file, write_json, write_text
from jaxlearn.compare import Comparison

from ._figures import draw
from ._page import to_html, to_markdown
from ._sections import make_sections, make_title
from ._style import DARK, LIGHT
from ._tables import Column, Ranking, Table, pair_table, ranking, ranking_table, relation
from ._verdict import verdict

MEASURES = ["train_loss", "train_accuracy", "val_loss", "val_accuracy"]
GAP = 2  # characters between columns in the terminal
MOST = 24  # letters of a word that keep together there
FEW = 12  # of more optimizers not every difference is printed


def write_report(folder: Path, comparison: Comparison, about: Mapping[str, Any]) -> None:
    """Writes everything that there is to know of a comparison to `folder`, which is made if need be.

    - `report.html`: the whole report as one file that needs no other; `report.md`: the same as Markdown.
    - `curves.png`, `sensitivity.png`, `time_to_target.png`, and with classes `classes.png`.
    - `results.csv`: a line for every run and epoch. It holds no times, and so is the same, byte for byte,
      whenever the results are.
    - `summary.json`: ranking, differences, scores of each seed, times, and `about`.

    Args:
      folder: where to; files of these names are replaced, each at once.
      comparison: what `compare` gave.
      about: where it comes from, as far as known: `title`, `command`, `device` and `precision` (of matrix
        products) are strings, `versions` is a dict of strings, `target` the validation score to reach
        (default: 99% of the best accuracy, or a tenth more than the best loss), `facts` for each optimizer a
        dict of what is known about it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rankings = ranking(comparison, about.get("target"))
    light, dark = draw(rankings, LIGHT), draw(rankings, DARK)
    title, sections = make_title(about), make_sections(comparison, rankings, about, list(light))
    write_text(folder / "results.csv", results_csv(comparison))
    write_json(folder / "summary.json", _summary(comparison, rankings, about))
    for file, picture in light.items():
        write_file(folder / file, picture)
    write_text(folder / "report.md", to_markdown(title, sections))
    write_text(folder / "report.html", to_html(title, sections, light, dark))


def print_report(comparison: Comparison, about: Mapping[str, Any]) -> None:
    """Prints the verdict, the ranking and, for a dozen optimizers at most, the best beside the others.

    Where there is no room for the whole ranking some columns are left out; they are in the files.

    Args:
      comparison, about: as of `write_report`.
    """
    from rich.console import Console

    console = Console(highlight=False, markup=False, emoji=False)
    rankings = ranking(comparison, about.get("target"))
    for ranked in rankings:
        found = verdict(ranked, comparison)
        console.print("", f"{found.found} {found.basis}", sep="\n")
        for warning in found.warnings:
            console.print(f"beware: {warning}", style="yellow")
        console.print("", _to_terminal(ranking_table(ranked), console.width), sep="\n")
        if 1 < len(ranked.rows) <= FEW:
            console.print("", _to_terminal(pair_table(ranked, best_only=True), console.width), sep="\n")


def _to_terminal(table: Table, width: int) -> Any:
    """The table for rich, without the columns that can be spared and for which there is no room."""
    from rich import box
    from rich.table import Table as RichTable
    from rich.text import Text

    cells = list(zip(*table.rows, strict=True))
    least = [_least_width(column, cell) for column, cell in zip(table.columns, cells, strict=True)]
    shown = list(range(len(table.columns)))
    while sum(least[i] + GAP for i in shown) - GAP > width:
        spare = max(shown, key=lambda i: table.columns[i].spare)
        if not table.columns[spare].spare:
            break
        shown.remove(spare)
    grid = RichTable(
        title=Text(table.title),
        title_justify="left",
        title_style="",
        box=box.SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        padding=(0, GAP - 1, 0, 0),
    )
    for i in shown:
        column = table.columns[i]
        fixed = least[i] if column.number else None
        side: Any = "right" if column.number else "left"
        grid.add_column(Text(column.name), justify=side, width=fixed, min_width=least[i], overflow="fold")
    for row in table.rows:
        grid.add_row(*(Text(row[i]) for i in shown))
    return grid


def _least_width(column: Column, cells: tuple[str, ...]) -> int:
    """Characters that a column needs: numbers stay whole, text is broken between words or after `MOST`."""
    from rich.cells import cell_len

    head = max(map(cell_len, column.name.split()))
    if column.number:
        return max(head, *map(cell_len, cells))
    return max(head, min(MOST, max(cell_len(word) for cell in cells for word in cell.split())))


def results_csv(comparison: Comparison) -> str:
    """Every run and epoch, a line each; hyperparameters that an optimizer does not have are empty."""
    axes = list(dict.fromkeys(axis for sweep in comparison.sweeps for axis in sweep.points[0]))
    text = io.StringIO()
    write = csv.writer(text, lineterminator="\n").writerow
    write(["model", "optimizer", *axes, "seed", "epoch", *MEASURES, "diverged"])
    for sweep in comparison.sweeps:
        numbers = np.stack([getattr(sweep, measure) for measure in MEASURES], axis=-1).tolist()
        for point, seed in np.ndindex(sweep.diverged.shape):
            settings = [_number(sweep.points[point].get(axis)) for axis in axes]
            diverged = "true" if sweep.diverged[point, seed] else "false"
            for epoch, row in enumerate(numbers[point][seed], start=1):
                shown = [
                    "" if math.isnan(value) and measure.endswith("accuracy") else _number(value)
                    for measure, value in zip(MEASURES, row, strict=True)
                ]
                write([sweep.model, sweep.optimizer, *settings, sweep.seeds[seed], epoch, *shown, diverged])
    return text.getvalue()


def _number(value: float | None) -> str:
    return "" if value is None else repr(value)


def _summary(comparison: Comparison, rankings: list[Ranking], about: Mapping[str, Any]) -> dict[str, Any]:
    """What `summary.json` holds."""
    facts = {name: value for name, value in comparison._asdict().items() if name != "sweeps"}
    models = {ranked.model: _summarize(ranked) for ranked in rankings}
    return _plain(facts | {"models": models, "about": dict(about)})


def _summarize(ranked: Ranking) -> dict[str, Any]:
    rows = [
        {
            "optimizer": row.optimizer,
            "chosen": row.point,
            "at_edge": row.sweep.edges,
            f"test_{ranked.measure}": row.test._asdict(),
            "test_scores": dict(zip(map(str, row.sweep.seeds), row.sweep.test_scores, strict=True)),
            f"val_{ranked.measure}": row.validation,
            "diverged": row.sweep.diverged.sum(),
            "runs": row.sweep.diverged.size,
            "epochs_to_target": row.epochs_to,
            "epoch_seconds": row.sweep.epoch_seconds,
            "seconds": row.sweep.seconds,
            "compile_seconds": row.sweep.compile_seconds,
            "arrangement": dict(zip(("width", "groups", "devices"), row.sweep.arrangement, strict=True)),
        }
        for row in ranked.rows
    ]
    pairs = [pair._asdict() | {"first_is": relation(ranked, pair)} for pair in ranked.pairs]
    return {"target": ranked.target, "ranking": rows, "pairs": pairs}


def _plain(value: Any) -> Any:
    """Plain Python for JSON."""
    match value:
        case Mapping():
            return {str(key): _plain(item) for key, item in value.items()}
        case list() | tuple():
            return [_plain(item) for item in value]
        case np.generic() | np.ndarray():
            return _plain(value.tolist())
        case None | bool() | int() | float() | str():
            return value
    return str(value)
