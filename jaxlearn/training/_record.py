"""Training for good: a run that is shown while it goes on, and saved so that it can go on later."""

from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

from jaxlearn import metrics
from jaxlearn._check import check, check_whole
from jaxlearn._files import to_json, write_json, write_text
from jaxlearn._saved import save
from jaxlearn._version import __version__
from jaxlearn.optim import evaluation_parameters

from ._checkpoint import params_digest
from ._console import with_progress
from ._curves import plot_curves
from ._evaluate import Evaluation
from ._fit import Position, first_position, run_parts
from ._keeper import Keeper, Saving
from ._program import Program
from ._report import EpochReport, best_epoch, is_out_of_patience, to_number, updates_skipped
from ._signals import Stopped, stop_requests


def record_run(
    program: Program,
    folder: Path,
    epochs: int,
    config: dict[str, Any],
    identity: dict[str, Any],
    *,
    start: Position | None = None,
    saving: Saving | None = None,
    nonfinite: str = "stop",
    patience: int | None = None,
) -> tuple[Evaluation, dict[str, Any]]:
    """Trains, shows the progress, looks at the test examples once and writes the folder of the run.

    The folder gets `config.json`, `metrics.jsonl` (a line after each epoch), `checkpoints/` with the last
    states and the best one, `curves.png`, `model.safetensors` with the trained model and, at the very end,
    `summary.json`.

    Args:
      program: what to run.
      folder: see `check_folder` and `claim_folder`.
      epochs: how many, those before `start` counted.
      config: all that is needed to run this again.
      identity: the first entries of the summary: dataset, model, optimizer ...
      start: where to begin, such as `restore` finds; default: at the beginning.
      saving: when to save; default: every 30 seconds.
      patience: as of `fit`. The run that is evaluated and kept is that of the best epoch then.
      nonfinite: "stop" at a loss that is not finite, or "skip" where the optimizer skips such updates.

    Returns:
      The evaluation on the test examples, and the content of `summary.json`.

    Raises:
      Stopped: Ctrl-C or SIGTERM; the run is saved.
      NonFiniteError: a loss or a parameter is NaN or infinite; the checkpoints are those from before.
      OSError: something cannot be written.
    """
    saving = saving or Saving()
    check("every", saving.every, "(0, inf)")
    saving = saving._replace(keep=check_whole("keep", saving.keep, 1))
    epochs = check_whole("epochs", epochs, 1)
    config = config | {"version": __version__}
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "config.json", config)
    position = first_position(program) if start is None else start
    checkpoints = folder / "checkpoints"
    keeper = Keeper(checkpoints, program, saving, config, position, losses=nonfinite == "stop")
    every = int(saving.every) if saving.unit == "steps" else None
    write_metrics(folder, position.reports)
    epochs = len(position.reports) if is_out_of_patience(position.reports, patience) else epochs
    positions = with_progress(run_parts(program, position, epochs, every), program, epochs)
    with stop_requests() as requested, closing(positions):
        for position in positions:
            if not position.done:
                write_metrics(folder, position.reports)
            keeper.offer(position)
            if requested():
                keeper.save(position)
                epoch = len(position.reports) + bool(position.done)
                raise Stopped(requested(), epoch, int(position.state.step))
            if is_out_of_patience(position.reports, patience):
                break
    keeper.save(position)
    if patience is not None:
        position = position._replace(state=keeper.best_before(position).state)
    return finish_run(program, folder, position, config, identity)


def write_metrics(folder: Path, reports: Iterable[EpochReport]) -> None:
    lines = [to_json(report._asdict()) + "\n" for report in reports]
    write_text(folder / "metrics.jsonl", "".join(lines))


def finish_run(
    program: Program, folder: Path, position: Position, config: dict[str, Any], identity: dict[str, Any]
) -> tuple[Evaluation, dict[str, Any]]:
    """Looks at the test examples, and writes what is told of a run that is over."""
    state, reports = position.state, position.reports
    result = program.test(state)
    summary = identity | {
        "epochs": len(reports),
        "test_loss": to_number(result.loss),
        "test_accuracy": to_number(metrics.accuracy(result.confusion)),
        "macro_f1": to_number(metrics.f1(result.confusion, "macro")),
        "micro_f1": to_number(metrics.f1(result.confusion, "micro")),
        "confusion_matrix": result.confusion.tolist(),
        "best_epoch": best_epoch(reports),
        "updates_skipped": updates_skipped(state),
        "compile_seconds": program.compile_seconds,
        "train_seconds": sum(report.seconds for report in reports),
        "params_digest": params_digest(state.params),
        "version": __version__,
    }
    title = "{dataset}, {model}, {optimizer}, seed {seed}".format(**identity)
    plot_curves(folder / "curves.png", reports, f"{title}: test accuracy {summary['test_accuracy']:.4f}")
    params = evaluation_parameters(state.opt_state, state.params)
    save(folder / "model.safetensors", params, state.model_state, config)
    write_json(folder / "summary.json", summary)
    return result, summary
