"""What the report of a comparison says, from top to bottom."""

from collections.abc import Mapping
from typing import Any

from jaxlearn.compare import Comparison

from ._page import Block, Code, Figure, Section, Warnings
from ._tables import Ranking, describe_target, facts_table, pair_table, ranking_table, show_seconds
from ._verdict import count, listing, verdict

PICTURES = {
    "curves.png": (
        "Validation {measure} over the epochs",
        "With the chosen hyperparameters: the mean over the seeds, and a band from the least to the largest.",
    ),
    "sensitivity.png": (
        "Sensitivity to the learning rate",
        "Validation {measure} after the last epoch for each learning rate, with the other hyperparameters as "
        "chosen: a line for the mean over the seeds, a dot for each run, a ring around what was chosen, a "
        "cross at the edge for each learning rate with which a run diverged.",
    ),
    "time_to_target.png": (
        "Time to the target",
        "With the chosen hyperparameters: a bar for the mean over the seeds that reached the target, a dot "
        "for each of them.",
    ),
    "classes.png": (
        "Errors of each class",
        "Share of the test examples of each class that were taken for another, in percent: the mean over the "
        "seeds with the chosen hyperparameters.",
    ),
}
ERROR_AXIS = " The axis is a logarithmic one of errors, so that 0.98 and 0.99 are far apart."


def make_title(about: Mapping[str, Any]) -> str:
    return f"Optimizers compared on {about['title']}" if about.get("title") else "Optimizers compared"


def make_sections(
    comparison: Comparison, rankings: list[Ranking], about: Mapping[str, Any], pictures: list[str]
) -> list[Section]:
    """The report.

    Args:
      comparison, about: as of `write_report`.
      rankings: as from `ranking`.
      pictures: names of the files that there are.
    """
    verdicts = [verdict(ranked, comparison) for ranked in rankings]
    pairs = [pair_table(ranked) for ranked in rankings if ranked.pairs]
    facts = about.get("facts")
    sections = [
        Section("Verdict", [block for v in verdicts for block in (v.found, v.basis, Warnings(v.warnings))]),
        Section("Ranking", [ranking_table(ranked) for ranked in rankings]),
        *(_picture(file, rankings[0]) for file in PICTURES if file in pictures),
        Section("Differences between every two", list(pairs)),
        Section(
            "What is said of them, beside what they reached", [facts_table(rankings, facts)] if facts else []
        ),
        Section("How it was measured", list(_describe_protocol(comparison, rankings))),
        Section("Repeat it", _describe_origin(about)),
    ]
    return [section for section in sections if section.blocks]


def _picture(file: str, ranked: Ranking) -> Section:
    heading, text = (part.format(measure=ranked.measure) for part in PICTURES[file])
    if file in ("curves.png", "sensitivity.png") and ranked.by_accuracy:
        text += ERROR_AXIS
    return Section(heading, [text, Figure(file, heading)])


def _describe_protocol(comparison: Comparison, rankings: list[Ranking]) -> list[str]:
    ranked, seeds = rankings[0], comparison.sweeps[0].seeds
    measure, better = ranked.measure, "highest" if ranked.by_accuracy else "lowest"
    named = f"{'seeds' if len(seeds) > 1 else 'seed'} {listing([str(seed) for seed in seeds])}"
    step, kept = "", ""
    if ranked.by_accuracy:
        step = f", with a deviation of at least {1 / comparison.test:.2g}, the step of an accuracy here"
    if comparison.kept:
        kept = (
            f" Of the sweeps {comparison.kept} of {len(comparison.sweeps)} were there from an earlier call."
        )
    dropped = ", the last smaller one of every epoch left out" if comparison.drop_last else ""
    return [
        f"Training: every optimizer at every point of its grid with {named}, for "
        f"{count(comparison.epochs, 'epoch')} over {count(comparison.train, 'example')} in batches of "
        f"{comparison.batch_size}{dropped}. "
        "The same seed gives every optimizer the same first weights and batches.",
        f"Choice: of each optimizer the point with the {better} mean validation {measure} "
        f"({count(comparison.validation, 'example')}) over the seeds after the last epoch; a loss that is "
        "not a number counts as the worst. Only the runs of that point were scored on the "
        f"{count(comparison.test, 'test example')}, once.",
        "Diverged: a run with a training or validation loss that was not finite after some epoch, or whose "
        "training loss in the last epoch was more than twice the validation loss before training.",
        f"Intervals: of the mean over the seeds, by Student's t{step}. They say how much the seeds matter, "
        "not how much the choice of examples does.",
        "Differences: between runs with the same seed. p is that of a paired t-test, corrected for the "
        "number of pairs on the model by Holm's method (1979). Two optimizers are tied where p is not below "
        "0.05; that they are equally good does not follow.",
        f"Target: {'; '.join(f'on {r.model} {describe_target(r)}' for r in rankings)}. Counted are whole "
        f"epochs until the validation {measure} of a run first reached it, at the chosen point.",
        "Seconds: the runs of a grid are trained together, so an epoch of one run is given the seconds of "
        "the whole grid divided by its runs and epochs; a run alone takes another time. Compiling is not "
        f"counted. The whole comparison took {show_seconds(comparison.seconds)} s, everything counted.{kept}",
    ]


def _describe_origin(about: Mapping[str, Any]) -> list[Block]:
    blocks: list[Block] = []
    if about.get("command"):
        blocks.append(Code(str(about["command"])))
    if about.get("device"):
        precision = f", matrix products in precision {about['precision']}" if about.get("precision") else ""
        blocks.append(f"Device: {about['device']}{precision}.")
    if about.get("versions"):
        blocks.append(f"Versions: {', '.join(f'{name} {v}' for name, v in about['versions'].items())}.")
    return blocks
