"""What a comparison says, in plain words."""

import math
from typing import NamedTuple

from jaxlearn.compare import Comparison, Sweep

from ._tables import Entry, Ranking, describe_target, show_interval, show_point

MANY = 8  # more than these are not named one by one


class Verdict(NamedTuple):
    """What a comparison says of one model.

    Attributes:
      found: who is best, tied with it, behind it.
      basis: what that rests on.
      warnings: what to beware of.
    """

    found: str
    basis: str
    warnings: list[str]


def verdict(ranked: Ranking, comparison: Comparison) -> Verdict:
    """Says who is best, who is tied with it and who is behind, and what that rests on.

    Args:
      ranked: the optimizers on one model, as from `ranking`.
      comparison: where they come from.
    """
    found = [_say_best(ranked), *_say_others(ranked)]
    basis = [
        _say_choice(ranked, comparison),
        *_say_budget(ranked),
        _say_diverged(ranked),
        _say_target(ranked),
        *_say_test_set(ranked, comparison.test),
    ]
    warnings = [*_warn_of_budgets(ranked), *_warn_of_points(ranked)]
    return Verdict(" ".join(found), " ".join(basis), warnings)


def count(number: int, noun: str) -> str:
    """
    >>> count(1, "run"), count(2000, "run")
    ('1 run', '2,000 runs')
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def listing(words: list[str]) -> str:
    """
    >>> listing(["a"]), listing(["a", "b"]), listing(["a", "b", "c"])
    ('a', 'a and b', 'a, b and c')
    """
    return " and ".join(part for part in (", ".join(words[:-1]), words[-1]) if part)


def _some(words: list[str]) -> str:
    """The optimizers or, where they are many, their number with the first and the last.

    >>> _some(["adam", "sgd"]), _some([f"a{i}" for i in range(9)])
    ('adam and sgd', '9 optimizers, from a0 to a8,')
    """
    if len(words) <= MANY:
        return listing(words)
    return f"{len(words)} optimizers, from {words[0]} to {words[-1]},"


def _groups(ranked: Ranking) -> tuple[list[Entry], list[Entry], list[Entry]]:
    """Those tied with the best, those behind it, and those without a finite score."""
    best, *others = ranked.rows
    finite = [row for row in others if math.isfinite(row.test.mean)]
    ties = {pair.second for pair in ranked.pairs if pair.first == best.optimizer and pair.tied}
    tied = [row for row in finite if row.optimizer in ties]
    behind = [row for row in finite if row.optimizer not in ties]
    return tied, behind, [row for row in others if not math.isfinite(row.test.mean)]


def _say_best(ranked: Ranking) -> str:
    best, *others = ranked.rows
    on, name, mean = f"On {ranked.model},", best.optimizer, ranked.show(best.test.mean)
    if not math.isfinite(best.test.mean):
        return f"{on} no optimizer ended with a finite test loss, so that none is best."
    with_point = f" with {show_point(best.point)}" if best.point else ""
    most = "highest" if ranked.by_accuracy else "lowest"
    if best.test.n == 1:
        value = f"{mean}{with_point} (n = 1, no interval)"
        if not others:
            return f"{on} {name} reaches test {ranked.measure} {value}; nothing is compared with it."
        return (
            f"{on} {name} has the {most} test {ranked.measure}, {value}, but one seed can tell nothing apart."
        )
    spread = f"(95% interval {show_interval(ranked, best.test)}, n = {best.test.n}){with_point}"
    if not others:
        return f"{on} {name} reaches mean test {ranked.measure} {mean} {spread}; nothing is compared with it."
    if _groups(ranked)[0]:
        return f"{on} {name} has the {most} mean test {ranked.measure}, {mean} {spread}."
    return f"{on} {name} is best: mean test {ranked.measure} {mean} {spread}."


def _say_others(ranked: Ranking) -> list[str]:
    best = ranked.rows[0].test
    if not math.isfinite(best.mean):
        return []
    tied, behind, failed = _groups(ranked)
    said = []

    def gap(row: Entry) -> str:
        return ranked.show(abs(row.test.mean - best.mean))

    if tied and best.n > 1:
        said.append(f"{_some([f'{row.optimizer} ({gap(row)} behind)' for row in tied])} "
            f"cannot be told apart from it with {best.n} seeds.")  # fmt: skip
    if behind:
        verb = "is" if len(behind) == 1 else "are"
        names = _some([f"{row.optimizer} by {gap(row)}" for row in behind])
        said.append(f"Behind it {verb} {names.rstrip(',')}.")
    if failed:
        verb = "has" if len(failed) == 1 else "have"
        said.append(f"{_some([row.optimizer for row in failed])} {verb} no finite test {ranked.measure}.")
    return said


def _say_choice(ranked: Ranking, comparison: Comparison) -> str:
    looked = f"the {count(comparison.test, 'test example')} were looked at once"
    if all(len(row.sweep.points) == 1 for row in ranked.rows):
        return f"Nothing was searched; {looked}."
    seeds = len(ranked.rows[0].sweep.seeds)
    most = "highest" if ranked.by_accuracy else "lowest"
    has = f"has the {most} mean over {seeds} seeds" if seeds > 1 else f"is the {most}"
    return (
        f"For each optimizer that point was chosen whose validation {ranked.measure} after the last epoch "
        f"{has}; {looked}, with it alone."
    )


def _budget(sweep: Sweep) -> str:
    points, seeds, epochs = len(sweep.points), len(sweep.seeds), sweep.epochs
    parts = f"{count(points, 'point')} x {count(seeds, 'seed')} x {count(epochs, 'epoch')}"
    return f"{parts} = {count(points * seeds * epochs, 'epoch')}"


def _budgets(ranked: Ranking) -> dict[str, list[str]]:
    """The optimizers that had each budget."""
    found: dict[str, list[str]] = {}
    for row in ranked.rows:
        found.setdefault(_budget(row.sweep), []).append(row.optimizer)
    return found


def _say_budget(ranked: Ranking) -> list[str]:
    budgets = list(_budgets(ranked))
    if len(budgets) > 1:
        return []
    return [f"{'The budget of each' if len(ranked.rows) > 1 else 'Its budget'} was {budgets[0]}."]


def _say_diverged(ranked: Ranking) -> str:
    runs = sum(row.sweep.diverged.size for row in ranked.rows)
    diverged = {row.optimizer: int(row.sweep.diverged.sum()) for row in ranked.rows}
    total = sum(diverged.values())
    if not total:
        return f"None of the {count(runs, 'run')} diverged." if runs > 1 else "The run did not diverge."
    names = [f"{number} of {name}" for name, number in diverged.items() if number]
    return f"{total:,} of {count(runs, 'run')} diverged: {listing(names)}."


def _say_target(ranked: Ranking) -> str:
    about = describe_target(ranked)
    about = about[0].upper() + about[1:]
    if math.isnan(ranked.target):
        return f"{about}."
    never = [row.optimizer for row in ranked.rows if not row.reached]
    partly = [
        f"{row.optimizer} with {len(row.epochs_to) - len(row.reached)} of {count(len(row.epochs_to), 'seed')}"
        for row in ranked.rows
        if row.reached and None in row.epochs_to
    ]
    missed = [f"{_some(never)} never reached it"] if never else []
    missed += [f"{_some(partly)} did not"] if partly else []
    return f"{about}: {'; '.join(missed) or 'every run of a chosen point reached it'}."


def _say_test_set(ranked: Ranking, examples: int) -> list[str]:
    p = ranked.rows[0].test.mean
    if not ranked.by_accuracy or not math.isfinite(p):
        return []
    error = math.sqrt(p * (1 - p) / examples)
    return [
        f"The test set is a sample, too: the binomial standard error of {p:.4f} with "
        f"{count(examples, 'example')} is {error:.4f}, which the intervals over seeds do not hold."
    ]


def _warn_of_budgets(ranked: Ranking) -> list[str]:
    budgets = _budgets(ranked)
    if len(budgets) < 2:
        return []
    each = "; ".join(f"{_some(names)} had {budget}" for budget, names in budgets.items())
    return [f"the budgets on {ranked.model} differ, and more points give more chances to be good: {each}."]


def _warn_of_points(ranked: Ranking) -> list[str]:
    warnings = []
    for row in ranked.rows:
        sweep, where = row.sweep, f"{row.optimizer} on {ranked.model}"
        for name, side in sweep.edges.items():
            warnings.append(
                f"{where}: the chosen {show_point({name: row.point[name]})} is the {side} that was tried; "
                "its best may lie beyond: try a wider range."
            )
        diverged = int(sweep.diverged[sweep.chosen].sum())
        if diverged:
            runs = count(len(sweep.seeds), "run")
            warnings.append(f"{where}: {diverged} of {runs} at the chosen point diverged.")
    return warnings
