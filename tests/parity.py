"""Prints and writes how far every optimizer and schedule is from its oracle: `make parity`.

    python -m tests.parity docs/parity.md

Exits with 1 where a row is outside its bound.
"""

import io
import json
import sys
from pathlib import Path
from typing import NamedTuple

import jax
import numpy as np
from rich import box
from rich.console import Console
from rich.progress import track
from rich.table import Table

from tests.jaxlearn.optim import case as shared
from tests.jaxlearn.optim import cases, recorded_lbfgs
from tests.jaxlearn.schedules import recorded as recorded_schedules

INTRO = """\
# Parity

Written by `make parity`. Each row follows an optimizer over 50 steps, through a tree with a scalar, a
vector, a matrix and a 4-D kernel and random gradients of four sizes, and tells the largest difference of
any parameter after any step from an oracle that is not this project's code:

- **PyTorch**: trajectories recorded with PyTorch 2.13.0 by the scripts in `tests/golden/`, which make the
  precision of the parameters PyTorch's default: NAdam and ASGD keep scalars in it.
- **optax**: run beside ours, as installed.
- **paper**: the rule in plain numpy, `tests/jaxlearn/optim/papers*.py`; in float64 only.

Rows are held to 1e-12 in float64 and 1e-5 in float32; the tests hold every row in float64 too. Prodigy and
D-Adaptation, whose rate grows only where gradients agree, get gradients with a trend.

"""
NOTES = """
## Notes

- `ns_dtype=bfloat16`, Muon's default as in PyTorch: bfloat16 keeps 8 significant bits, so a rounding is off
  by up to 2^-9 = 0.2 %, and the products of the five Newton-Schulz iterations are rounded in another order
  by XLA than by PyTorch. Of 50 steps of 0.01 each, 2e-2 is 4 %: some twenty such roundings a step. The rows
  above it are the same rule in the precision of the parameters, in both libraries.
- `momentum` has no counterpart in PyTorch, whose SGD multiplies by the learning rate after the buffer.
- Where optax or a paper differ from ours the docstring says how, and
  `test_optax_differs_where_the_docstring_says_so` holds that they do.
"""
LBFGS = """
## L-BFGS

Differences from recorded PyTorch over all updates of `torch.optim.LBFGS`, up to 20 iterations each, on the
losses of `tests/golden/lbfgs.py`; iterations and evaluations are equal in number. Held to 1e-11 in float64.

"""
SCHEDULES = """
## Schedules

Differences from recorded PyTorch at every step in float64, held to 1e-12.

"""


class Row(NamedTuple):
    """A row of a table, and whether it is within its bound."""

    cells: list[str]
    good: bool


def show(difference):
    return "" if difference is None else "exact" if difference == 0 else f"{difference:.1e}"


def optimizer_rows():
    for case in track(cases.CASES, "optimizers", transient=True):
        double = case.difference("float64")
        single = None if case.single is None else case.difference("float32")
        good = double <= case.double and (single is None or single <= case.single)
        yield Row([case.optimizer, case.flags, case.oracle, show(double), show(single)], good)


def lbfgs_rows():
    arrays = dict(np.load(shared.GOLDEN_FOLDER / "lbfgs.npz"))
    for dtype, key in track(recorded_lbfgs.RECORDED, "L-BFGS", transient=True):
        if dtype == "float64":
            case = json.loads(key)
            with jax.enable_x64(True):
                path, counts, *_ = recorded_lbfgs.follow(arrays, key, dtype)
            double = np.abs(path - arrays[f"{dtype}/{key}"]).max()
            same = (counts == arrays[f"counts/{dtype}/{key}"]).all()
            updates = f"{len(path)} updates, {counts[-1][1]} evaluations"
            cells = [case["problem"], shared.show(case["options"]), updates, show(double)]
            yield Row(cells, double <= 1e-11 and same)


def schedule_rows():
    for key in track(recorded_schedules.RECORDED, "schedules", transient=True):
        case = json.loads(key)
        with jax.enable_x64(True):
            ours, theirs = recorded_schedules.ours_and_theirs(key)
        double = np.abs(ours - theirs).max()
        what = [case["schedule"], case["records"].replace("_", " "), shared.show(case["options"])]
        yield Row([*what, str(len(theirs)), show(double)], double <= 1e-12)


def table(columns, rows):
    """Prints a table, and gives it as Markdown."""
    markdown = io.StringIO()
    for console, style in ((Console(), box.SIMPLE), (Console(width=10_000, file=markdown), box.MARKDOWN)):
        grid = Table(*columns, box=style)
        for row in rows:
            grid.add_row(*row.cells, style=None if row.good else "red")
        console.print(grid)
    return "".join(f"{line.strip()}\n" for line in markdown.getvalue().splitlines() if line.strip())


def main(out):
    optimizers, lbfgs, schedules = list(optimizer_rows()), list(lbfgs_rows()), list(schedule_rows())
    text = (
        INTRO
        + table(["optimizer", "flags", "oracle", "float64", "float32"], optimizers)
        + NOTES
        + LBFGS
        + table(["loss", "options", "length", "float64"], lbfgs)
        + SCHEDULES
        + table(["class", "value", "options", "steps", "float64"], schedules)
    )
    bad = [row for row in (*optimizers, *lbfgs, *schedules) if not row.good]
    Path(out).parent.mkdir(exist_ok=True)
    Path(out).write_text(text)
    total = len(optimizers) + len(lbfgs) + len(schedules)
    print(f"{out}: {total} rows, {len(bad)} outside their bounds")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
