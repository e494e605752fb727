"""One run, from its configuration to its folder."""

import shlex
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import msgspec

from jaxlearn import data, metrics, recording, report, schedules, training
from jaxlearn._text import show_settings

from ._arguments import App
from ._build import build_model, build_optimizer, load_data, updates_of
from ._config import RunConfig
from ._folder import claim_folder, claim_fresh_folder, default_folder
from ._process import import_meanwhile, matmul_precision, pick_devices, pick_precision
from ._terminal import Ended, UsageError, tell, usage


def run_one(app: App, config: RunConfig, out: Path | None = None, saved: RunConfig | None = None) -> None:
    """Trains what `config` asks for.

    Args:
      app: what its names mean.
      config: the run.
      out: its folder; by default a new one is named after it.
      saved: what the run that goes on in `out` was.
    """
    with ExitStack() as claims:
        folder = out and claims.enter_context(claim_folder(out, with_run=bool(saved)))
        device = pick_devices(config.device)[0]
        pick_precision(config.precision)
        config, dataset, train, validation = load_data(config)
        config = msgspec.structs.replace(config, precision=matmul_precision())
        if saved and folder and (different := saved.difference(config)):
            raise UsageError(f"argument --resume: {folder} cannot go on with this: {different}")
        if config.patience and not len(validation.labels):
            raise UsageError(f"argument --patience: {config.patience} needs validation examples, got none")
        import_meanwhile("safetensors.numpy", "matplotlib.figure")
        if folder is None:
            name = default_folder(dataset.name, config.model, config.optimizer, str(config.seed))
            folder = claims.enter_context(claim_fresh_folder(name))
        print(f"device: {device.device_kind}, precision {config.precision}; compiling ...", flush=True)
        program = compile_program(app, config, dataset, train, validation)
        print_program(config, program)
        start = go_on(app, folder, config, saved, program) if saved else None
        about = {name: getattr(config, name) for name in
                 ("dataset", "model", "optimizer", "hyperparameters", "seed", "precision")}  # fmt: skip
        with advice(app, config, folder):
            result, summary = recording.record_run(
                program, folder, config.epochs, start=start, nonfinite=config.nonfinite,
                saving=recording.Saving.parse(config.save_every, config.keep), patience=config.patience,
                callbacks=make_log(config, folder), config=config.to_json(),
                about=about | {"device": device.device_kind},
                title=f"{config.dataset}, {config.model}, {config.optimizer}, seed {config.seed}",
            )  # fmt: skip
    print_scores(result)
    print(f"\nresults in {folder} (params_digest {summary['params_digest'][:12]})")


def make_log(config: RunConfig, folder: Path) -> list[Any]:
    """What is called with the report of each epoch, besides what writes `metrics.jsonl`."""
    if config.log == "csv":
        return [report.log_csv(folder / "metrics.csv")]
    return [report.log_tensorboard(folder / "tensorboard")] if config.log else []


def print_program(config: RunConfig, program: training.Program) -> None:
    parameters = sum(leaf.size for leaf in jax.tree.leaves(program.state.params))
    shown = f" ({show_settings(config.sizes)})" if config.sizes else ""
    print(f"model: {config.model}{shown}, {parameters:,} parameters; "
        f"optimizer: {config.optimizer} ({show_settings(config.hyperparameters)}); "
        f"compiled in {program.compile_seconds:.1f} s", flush=True)  # fmt: skip


def print_scores(result: training.Evaluation) -> None:
    confusion = result.confusion
    macro, micro = (metrics.f1(confusion, average) for average in ("macro", "micro"))
    print(f"\ntest: loss {result.loss:.4f}  accuracy {metrics.accuracy(confusion):.4f}  "
        f"macro F1 {macro:.4f}  micro F1 {micro:.4f}\n")  # fmt: skip
    print("test examples by class (row) and answer (column):")
    print(report.confusion_table(result))


def compile_program(
    app: App, config: RunConfig, dataset: data.Dataset, train: data.Split, validation: data.Split
) -> training.Program:
    steps = updates_of(config, train)
    with usage(f"--model {config.model} --batch-size {config.batch_size}"):
        return training.compile_run(
            build_model(app, config.model, config.sizes, dataset.classes),
            build_optimizer(app, config, config.optimizer, config.hyperparameters, steps),
            train,
            validation,
            dataset.test,
            batch_size=config.batch_size,
            seed=config.seed,
            drop_last=config.drop_last,
        )


@contextmanager
def advice(app: App, config: RunConfig, folder: Path) -> Iterator[None]:
    """Says how to go on after a run that has ended too early."""
    try:
        yield
    except recording.Stopped as stop:
        resume = f"python {app.prog} --resume {shlex.quote(str(folder))}"
        raise Ended(f"{stop}; go on with: {resume}", 128 + stop.signum) from None
    except recording.NonFiniteError as error:
        saved = folder / "checkpoints"
        kept = f"checkpoints from before are in {saved}; " if any(saved.glob("*")) else ""
        tips = ["a lower --lr"] + (["--clip 1"] if config.clip is None else [])
        tips += ["--nonfinite skip"] if config.nonfinite == "stop" else []
        raise Ended(f"{error}; {kept}try {' or '.join(tips)}", 1) from None


def go_on(
    app: App, folder: Path, config: RunConfig, saved: RunConfig, program: training.Program
) -> training.Position | None:
    """Where the run in a folder goes on; None is the beginning."""
    start, wrong = recording.restore(folder / "checkpoints", program)
    for line in wrong:
        tell(app.prog, line)
    if start is None:
        print(f"no checkpoint in {folder} yet: from the beginning", flush=True)
        return None
    done, updates = len(start.reports), int(start.state.step)
    if config.epochs * program.updates < updates:
        more = f" and {start.done} updates" if start.done else ""
        raise UsageError(f"argument --epochs: {folder} has trained {done} epochs{more}, got {config.epochs}")
    check_schedule(config, saved, program.updates, updates)
    print(f"going on after {done} epochs, step {updates}", flush=True)
    return start


def check_schedule(config: RunConfig, saved: RunConfig, steps: int, done: int) -> None:
    """Makes sure that a longer run would have had the learning rates of the one that goes on."""
    peak: Any = config.hyperparameters["learning_rate"]
    rates = [
        schedules.parse(config.schedule, peak, steps_per_epoch=steps, epochs=epochs)
        for epochs in (config.epochs, saved.epochs)
    ]
    if callable(rates[0]) and not jnp.array_equal(*(jax.vmap(rate)(jnp.arange(done)) for rate in rates)):
        raise UsageError(f"argument --epochs: with {config.epochs} in place of {saved.epochs}, --schedule "
                         f"{config.schedule} would have begun otherwise; start a new run")  # fmt: skip
