"""Which optimizer did how well: what is in every table of a report is written here, once."""

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from jaxlearn.compare import Comparison, Estimate, Pair, Sweep, compare_pairs, estimate


class Entry(NamedTuple):
    """What an optimizer reached on a model.

    Attributes:
      sweep: all its runs.
      test: score of the chosen point on the test examples, over its seeds.
      epochs_to: epochs of the chosen point until the target was reached, for each seed; None: never.
    """

    sweep: Sweep
    test: Estimate
    epochs_to: list[int | None]

    @property
    def optimizer(self) -> str:
        return self.sweep.optimizer

    @property
    def point(self) -> dict[str, float]:
        """The chosen hyperparameters."""
        return self.sweep.points[self.sweep.chosen]

    @property
    def validation(self) -> float:
        """What the point was chosen by: its mean validation score after the last epoch."""
        score = float(self.sweep.scores[self.sweep.chosen])
        return score if self.sweep.by_accuracy else -score

    @property
    def reached(self) -> list[int]:
        """Epochs to the target, of the seeds that reached it."""
        return [epochs for epochs in self.epochs_to if epochs is not None]


class Ranking(NamedTuple):
    """The optimizers on one model.

    Attributes:
      model: its name.
      rows: the best mean test score first.
      pairs: every two of them, the better mean first.
      target: validation score whose first reaching is counted; NaN where no run ended with a finite one.
      reason: where the target comes from, in words.
    """

    model: str
    rows: list[Entry]
    pairs: list[Pair]
    target: float
    reason: str

    @property
    def by_accuracy(self) -> bool:
        return self.rows[0].sweep.by_accuracy

    @property
    def measure(self) -> str:
        return "accuracy" if self.by_accuracy else "loss"

    def show(self, score: float) -> str:
        """A score, or a difference of two, with the digits that it deserves."""
        if not math.isfinite(score):
            return "-"
        # a loss may be small by its nature, where four decimals would leave nothing of it
        return f"{score:.4f}" if self.by_accuracy or abs(score) >= 0.001 else f"{score:.3g}"


def ranking(comparison: Comparison, target: float | None = None) -> list[Ranking]:
    """Puts the optimizers in order, for each model by itself.

    Args:
      comparison: what `compare` gave.
      target: validation score to reach; see `default_target`.
    """
    models = dict.fromkeys(sweep.model for sweep in comparison.sweeps)
    groups = [[sweep for sweep in comparison.sweeps if sweep.model == model] for model in models]
    with np.errstate(invalid="ignore", over="ignore"):  # losses of diverged runs
        return [_rank(sweeps, comparison.test, target) for sweeps in groups]


def _rank(sweeps: list[Sweep], examples: int, target: float | None) -> Ranking:
    by_accuracy = sweeps[0].by_accuracy
    resolution = 1 / examples if by_accuracy else 0.0
    goal, reason = (target, "as given") if target is not None else default_target(sweeps)
    rows = [Entry(s, estimate(s.test_scores, resolution), s.epochs_to(goal)) for s in sweeps]

    def badness(row: Entry) -> float:
        mean = row.test.mean
        return math.inf if not math.isfinite(mean) else -mean if by_accuracy else mean

    rows.sort(key=badness)
    pairs = compare_pairs({row.optimizer: row.sweep.test_scores for row in rows}, resolution)
    return Ranking(sweeps[0].model, rows, pairs, goal, reason)


def default_target(sweeps: list[Sweep]) -> tuple[float, str]:
    """The target where none is given, and where it comes from.

    That is 99% of the best mean validation accuracy after the last epoch, rounded down to 3 decimals; for
    losses a tenth more than the best, to 4 digits.
    """
    best = max(sweep.scores.max() for sweep in sweeps)
    if not math.isfinite(best):
        return math.nan, "no run ended with a finite loss"
    if sweeps[0].by_accuracy:
        return math.floor(990 * best) / 1000, "99% of the best mean after the last epoch"
    return float(f"{abs(best) / 10 - best:.4g}"), "a tenth above the best mean after the last epoch"


class Column(NamedTuple):
    """How a column looks.

    Attributes:
      name: its head.
      number: whether it stands to the right and is never broken.
      spare: where there is no room, columns with a larger number are left out first; those with 0 never.
    """

    name: str
    number: bool = True
    spare: int = 0


class Table(NamedTuple):
    """A table of plain text, for the terminal, Markdown and HTML alike."""

    title: str
    columns: list[Column]
    rows: list[list[str]]
    kind: str = "table"


Cells = list[tuple[Column, Callable[[Any], str]]]


def ranking_table(ranked: Ranking) -> Table:
    """A row for each optimizer, the best first."""
    show, measure = ranked.show, ranked.measure
    axes = dict.fromkeys(axis for row in ranked.rows for axis in row.point)
    cells: Cells = [
        (Column("optimizer", number=False), lambda row: row.optimizer),
        *((Column(axis.replace("_", " ")), partial(_show_value, axis)) for axis in axes),
        (Column(f"test {measure}"), lambda row: show(row.test.mean)),
        (Column("sd", spare=6), lambda row: show(row.test.sd)),
        (Column("95% interval", spare=1), lambda row: show_interval(ranked, row.test)),
        (Column("n", spare=7), lambda row: str(row.test.n)),
        (Column(f"validation {measure}", spare=8), lambda row: show(row.validation)),
        (Column("diverged", spare=2), lambda row: f"{row.sweep.diverged.sum()}/{row.sweep.diverged.size}"),
        (Column("epochs to target", number=False, spare=3), _show_epochs),
        (Column("seconds to target", spare=5), _show_seconds_to),
        (Column("seconds in all", spare=4), lambda row: show_seconds(row.sweep.seconds)),
    ]
    return _fill(f"{ranked.model}: {describe_target(ranked)}", cells, ranked.rows)


def pair_table(ranked: Ranking, best_only: bool = False) -> Table:
    """A row for every two optimizers, or for the best with each of the others."""
    cells: Cells = [
        (Column("first", number=False), lambda pair: pair.first),
        (Column("second", number=False), lambda pair: pair.second),
        (Column("difference"), lambda pair: ranked.show(pair.difference)),
        (Column("95% interval", spare=2), lambda pair: show_interval(ranked, pair)),
        (Column("p (Holm)", spare=1), lambda pair: _show_p(pair.p)),
        (Column("the first is", number=False), lambda pair: relation(ranked, pair)),
    ]
    best = ranked.rows[0].optimizer
    pairs = [pair for pair in ranked.pairs if not best_only or pair.first == best]
    return _fill(f"{ranked.model}: test {ranked.measure} of the first minus that of the second", cells, pairs)


def facts_table(ranked: list[Ranking], facts: Mapping[str, Mapping[str, str]]) -> Table:
    """What is said of each optimizer beside what it reached here."""
    optimizers = list(dict.fromkeys(row.optimizer for r in ranked for row in r.rows))
    subjects = list(dict.fromkeys(subject for name in optimizers for subject in facts.get(name, {})))
    columns = [Column("optimizer", number=False)]
    measured: list[dict[str, list[str]]] = []
    for r in ranked:
        columns += [
            Column(f"test {r.measure} of {r.model}"),
            Column(f"epochs to target of {r.model}", number=False),
        ]
        measured.append({row.optimizer: [r.show(row.test.mean), _show_epochs(row)] for row in r.rows})
    columns += [Column(subject, number=False) for subject in subjects]
    rows = []
    for name in optimizers:
        known = facts.get(name, {})
        reached = [cell for found in measured for cell in found.get(name, ["-", "-"])]
        rows.append([name, *reached, *(str(known.get(subject, "-")) for subject in subjects)])
    return Table("", columns, rows)


def _fill(title: str, cells: Cells, rows: list[Any]) -> Table:
    return Table(title, [column for column, _ in cells], [[show(row) for _, show in cells] for row in rows])


def relation(ranked: Ranking, pair: Pair) -> str:
    """What the first of a pair is beside the second, in a word."""
    if not math.isfinite(pair.difference):
        return "not comparable"
    if pair.tied:
        return "tied"
    return "better" if (pair.difference > 0) == ranked.by_accuracy else "worse"


def describe_target(ranked: Ranking) -> str:
    """The target in words."""
    if math.isnan(ranked.target):
        return f"no target, as {ranked.reason}"
    return f"the target is validation {ranked.measure} {ranked.target:g} ({ranked.reason})"


def show_interval(ranked: Ranking, interval: Estimate | Pair) -> str:
    if not math.isfinite(interval.low):
        return "-"
    return f"{ranked.show(interval.low)} to {ranked.show(interval.high)}"


def show_point(point: Mapping[str, float]) -> str:
    """Hyperparameters in words.

    >>> show_point({"learning_rate": 0.010, "b1": 0.9})
    'learning rate 0.01, b1 0.9'
    """
    return ", ".join(f"{name.replace('_', ' ')} {value:g}" for name, value in point.items())


def show_seconds(seconds: float) -> str:
    """Three digits, or as many as there are before the point.

    >>> show_seconds(0.0123), show_seconds(48), show_seconds(1234.5)
    ('0.0123', '48.0', '1234')
    """
    return f"{seconds:.{max(0, 2 - math.floor(math.log10(seconds)))}f}" if seconds > 0 else "0"


def _show_value(axis: str, row: Entry) -> str:
    return f"{row.point[axis]:g}" if axis in row.point else "-"


def _show_epochs(row: Entry) -> str:
    """The mean over the seeds that reached the target, and how many did not."""
    misses = len(row.epochs_to) - len(row.reached)
    if not row.reached:
        return "never"
    mean = f"{np.mean(row.reached):.1f}"
    return f"{mean}, {misses} of {len(row.epochs_to)} never" if misses else mean


def _show_seconds_to(row: Entry) -> str:
    return show_seconds(float(np.mean(row.reached)) * row.sweep.epoch_seconds) if row.reached else "never"


def _show_p(p: float) -> str:
    return "-" if math.isnan(p) else "< 0.0001" if p < 0.0001 else f"{p:.4f}"
