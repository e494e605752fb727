"""Training for good: a run that is shown while it goes on and leaves a folder behind."""

from pathlib import Path
from typing import Any

from jaxlearn import metrics
from jaxlearn._version import __version__

from ._checkpoint import params_digest, save_checkpoint
from ._console import fit_with_progress
from ._curves import plot_curves
from ._evaluate import Evaluation
from ._fit import EpochReport, Program, to_number
from ._folder import to_json, write_file, write_json


def record_run(
    program: Program, folder: Path, epochs: int, config: dict[str, Any], identity: dict[str, Any]
) -> tuple[Evaluation, dict[str, Any]]:
    """Trains, shows the progress, looks at the test examples once and writes the folder of the run.

    The folder gets `config.json`, `metrics.jsonl` (a line after each epoch), `curves.png`,
    `checkpoints/` with the last state, and at the very end `summary.json`.

    Args:
      program: what to run.
      folder: new or empty; see `check_folder`.
      epochs: how many.
      config: all that is needed to run this again.
      identity: the first entries of the summary: dataset, model, optimizer ...

    Returns:
      The evaluation on the test examples, and the content of `summary.json`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "config.json", config | {"version": __version__})
    state, reports = program.state, list[EpochReport]()
    for trained, report in fit_with_progress(program, epochs):
        state = trained
        reports.append(report)
        lines = [to_json(r._asdict()) + "\n" for r in reports]
        write_file(folder / "metrics.jsonl", "".join(lines).encode())
    result = program.test(state)
    save_checkpoint(folder / "checkpoints" / str(epochs), state)
    summary = identity | {
        "epochs": epochs,
        "test_loss": to_number(result.loss),
        "test_accuracy": to_number(metrics.accuracy(result.confusion)),
        "macro_f1": to_number(metrics.f1(result.confusion, "macro")),
        "micro_f1": to_number(metrics.f1(result.confusion, "micro")),
        "confusion_matrix": result.confusion.tolist(),
        "compile_seconds": program.compile_seconds,
        "train_seconds": sum(report.seconds for report in reports),
        "params_digest": params_digest(state.params),
        "version": __version__,
    }
    title = "{dataset}, {model}, {optimizer}, seed {seed}".format(**identity)
    plot_curves(folder / "curves.png", reports, f"{title}: test accuracy {summary['test_accuracy']:.4f}")
    write_json(folder / "summary.json", summary)
    return result, summary
