"""Training for good: a run that is shown while it goes on, and saved so that it can go on later."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from jaxlearn import metrics
from jaxlearn._check import check, check_choice, check_whole
from jaxlearn._checkpoint import params_digest
from jaxlearn._dtype import shortest
from jaxlearn._files import to_json, write_json, write_signed, write_text
from jaxlearn._saved import save
from jaxlearn._version import __version__
from jaxlearn.optim import evaluation_parameters
from jaxlearn.report import plot_curves
from jaxlearn.training import EpochReport, Evaluation, Position, Program, run_parts

from ._console import with_progress
from ._keeper import Keeper, Saving
from ._signals import Stopped, stop_requests


def record_run(
    program: Program,
    folder: Path,
    epochs: int,
    *,
    start: Position | None = None,
    saving: Saving | None = None,
    nonfinite: str = "stop",
    patience: int | None = None,
    callbacks: Sequence[Callable[[EpochReport], Any]] = (),
    config: Mapping[str, Any] = {},
    about: Mapping[str, Any] = {},
    title: str = "",
) -> tuple[Evaluation, dict[str, Any]]:
    """Trains, shows the progress, looks at the test examples once and writes the folder of the run.

    The folder gets `config.json`, `metrics.jsonl` (a line after each epoch), `checkpoints/` with the last
    states and the best one, `curves.png`, `model.safetensors` with the trained model and, at the very end,
    `summary.json`.

    Args:
      program: what to run.
      folder: where all of this goes; it is made if need be.
      epochs: how many, those before `start` counted.
      start: where to begin, such as `restore` finds; default: at the beginning.
      saving: when to save; default: every 30 seconds.
      nonfinite: "stop" at a loss that is not finite, or "skip" where the optimizer skips such updates.
      patience: as of `training.fit`. The run that is evaluated and kept is that of the best epoch then.
      callbacks: each is called with the report of every epoch that is trained here, such as
        `report.log_tensorboard(folder)`.
      config: goes into `config.json`, the checkpoints and the model: all that is needed to run this again.
      about: the first entries of the summary.
      title: of the picture.

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
    check_choice("nonfinite", nonfinite, ("stop", "skip"))
    config = {**config, "version": __version__}
    folder.mkdir(parents=True, exist_ok=True)
    write_signed(folder / "config.json", config)
    position = start or Position(program.state)
    keeper = Keeper(folder / "checkpoints", program, saving, config, position, stop=nonfinite == "stop")
    every = int(saving.every) if saving.unit == "steps" else None
    write_metrics(folder, position.reports)
    epochs = len(position.reports) if position.is_out_of_patience(patience) else epochs
    positions = with_progress(run_parts(program, position, epochs, every), program, epochs)
    with stop_requests() as requested, closing(positions):
        for position in positions:
            if not position.done:
                write_metrics(folder, position.reports)
                for callback in callbacks:
                    callback(position.reports[-1])
            keeper.offer(position)
            if requested():
                keeper.save(position)
                epoch = len(position.reports) + bool(position.done)
                raise Stopped(requested(), epoch, int(position.state.step))
            if position.is_out_of_patience(patience):
                break
    keeper.save(position)
    if patience is not None:
        position = position._replace(state=keeper.best_before(position).state)
    result = program.test(position.state)
    summary = {**about, **summarize(program, position, result)}
    heading = f"{title}: " if title else ""
    accuracy = f"{heading}test accuracy {summary['test_accuracy']:.4f}"
    plot_curves(folder / "curves.png", position.reports, accuracy)
    params = evaluation_parameters(position.state.opt_state, position.state.params)
    save(folder / "model.safetensors", params, position.state.model_state, config)
    write_json(folder / "summary.json", summary)
    return result, summary


def write_metrics(folder: Path, reports: Iterable[EpochReport]) -> None:
    lines = [to_json(report._asdict()) + "\n" for report in reports]
    write_text(folder / "metrics.jsonl", "".join(lines))


def summarize(program: Program, position: Position, result: Evaluation) -> dict[str, Any]:
    """What there is to know of a run that is over."""
    scores = {
        "test_loss": result.loss,
        "test_accuracy": metrics.accuracy(result.confusion),
        "macro_f1": metrics.f1(result.confusion, "macro"),
        "micro_f1": metrics.f1(result.confusion, "micro"),
    }
    return {
        "epochs": len(position.reports),
        **{name: float(shortest(score)) for name, score in scores.items()},
        "confusion_matrix": result.confusion.tolist(),
        "best_epoch": position.best_epoch,
        "updates_skipped": position.updates_skipped,
        "compile_seconds": program.compile_seconds,
        "train_seconds": sum(report.seconds for report in position.reports),
        "params_digest": params_digest(position.state.params),
        "version": __version__,
    }
