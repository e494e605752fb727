"""One run, from its command line to its folder."""

import argparse
import shlex
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp

from jaxlearn import data, metrics, schedules, training
from jaxlearn._text import show, show_settings

from ._choice import Choice, build_optimizer, default_folder, describe_run, load_data, updates_of
from ._process import import_meanwhile, matmul_precision, pick_devices, pick_precision
from ._resume import check_dataset
from ._terminal import Ended, UsageError, tell, usage


def run_one(args: argparse.Namespace, choice: Choice, command: list[str]) -> None:
    with ExitStack() as claims:
        folder = args.out and claims.enter_context(training.claim_folder(args.out, bool(args.resume)))
        device = pick_devices(args.device)[0]
        pick_precision(args.precision)
        if args.resume:
            check_dataset(args.resume, args.dataset)
        dataset, train, validation = load_data(args)
        if args.patience and not len(validation.labels):
            raise UsageError(f"argument --patience: {args.patience} needs validation examples, got none")
        import_meanwhile("safetensors.numpy", "matplotlib.figure")
        identity: dict[str, Any] = {"dataset": dataset.name, "model": choice.model, "optimizer": choice.opt}
        identity |= {"hyperparameters": choice.hyper, "seed": args.seed, "device": device.device_kind}
        identity |= {"precision": matmul_precision()}
        config = (
            identity
            | describe_run(args, command, dataset, validation)
            | {"sizes": choice.sizes, "patience": args.patience}
        )
        config |= {"shape": dataset.train.images.shape[1:], "classes": dataset.classes}
        if args.resume:
            check_same(args.resume, config)
        name = default_folder(dataset.name, choice.model, choice.opt, str(args.seed))
        folder = folder or claims.enter_context(training.claim_fresh_folder(name))
        print(f"device: {device.device_kind}, precision {matmul_precision()}; compiling ...", flush=True)
        program = compile_program(args, choice, dataset, train, validation)
        print_program(choice, program)
        start = go_on(args, choice, program) if args.resume else None
        with advice(args, folder):
            result, summary = training.record_run(
                program, folder, args.epochs, config, identity, start=start,
                saving=args.save_every._replace(keep=args.keep), nonfinite=args.nonfinite,
                patience=args.patience,
            )  # fmt: skip
    print_scores(result)
    print(f"\nresults in {folder} (params_digest {summary['params_digest'][:12]})")


def check_same(folder: Path, config: dict[str, Any]) -> None:
    if different := training.config_difference(training.read_config(folder)[0], config):
        raise UsageError(f"argument --resume: {folder} cannot go on with this: {different}")


def print_program(choice: Choice, program: training.Program) -> None:
    parameters = sum(leaf.size for leaf in jax.tree.leaves(program.state.params))
    shown = f" ({show_settings(choice.sizes)})" if choice.sizes else ""
    print(f"model: {choice.model}{shown}, {parameters:,} parameters; "
        f"optimizer: {choice.opt} ({show_settings(choice.hyper)}); "
        f"compiled in {program.compile_seconds:.1f} s", flush=True)  # fmt: skip


def print_scores(result: training.Evaluation) -> None:
    confusion = result.confusion
    macro, micro = (metrics.f1(confusion, average) for average in ("macro", "micro"))
    print(f"\ntest: loss {result.loss:.4f}  accuracy {metrics.accuracy(confusion):.4f}  "
        f"macro F1 {macro:.4f}  micro F1 {micro:.4f}\n")  # fmt: skip
    print("test examples by class (row) and answer (column):")
    print(training.confusion_table(result))


def compile_program(
    args: argparse.Namespace, choice: Choice, dataset: data.Dataset, train: data.Split, validation: data.Split
) -> training.Program:
    with usage(f"--model {choice.model} --batch-size {args.batch_size}"):
        return training.compile_run(
            choice.make_model(dataset.classes, **choice.sizes),
            build_optimizer(args, choice, updates_of(args, train)),
            train,
            validation,
            dataset.test,
            batch_size=args.batch_size,
            seed=args.seed,
            drop_last=args.drop_last,
        )


@contextmanager
def advice(args: argparse.Namespace, folder: Path) -> Iterator[None]:
    """Says how to go on after a run that has ended too early."""
    try:
        yield
    except training.Stopped as stop:
        resume = f"python {args.prog} --resume {shlex.quote(str(folder))}"
        raise Ended(f"{stop}; go on with: {resume}", 128 + stop.signum) from None
    except training.NonFiniteError as error:
        saved = folder / "checkpoints"
        kept = f"checkpoints from before are in {saved}; " if any(saved.glob("*")) else ""
        tips = ["a lower --lr"] + (["--clip 1"] if args.clip is None else [])
        tips += ["--nonfinite skip"] if args.nonfinite == "stop" else []
        raise Ended(f"{error}; {kept}try {' or '.join(tips)}", 1) from None


def go_on(args: argparse.Namespace, choice: Choice, program: training.Program) -> training.Position | None:
    """Where the run in --resume goes on; None is the beginning."""
    start, wrong = training.restore(args.resume / "checkpoints", program)
    for line in wrong:
        tell(args.prog, line)
    if start is None:
        print(f"no checkpoint in {args.resume} yet: from the beginning", flush=True)
        return None
    done, updates = len(start.reports), int(start.state.step)
    if args.epochs * program.updates < updates:
        more = f" and {start.done} updates" if start.done else ""
        raise UsageError(
            f"argument --epochs: {args.resume} has trained {done} epochs{more}, got {args.epochs}"
        )
    check_schedule(args, choice, program.updates, updates)
    print(f"going on after {done} epochs, step {updates}", flush=True)
    return start


def check_schedule(args: argparse.Namespace, choice: Choice, steps: int, done: int) -> None:
    """Makes sure that a longer run would have had the learning rates of the one that goes on."""
    before: Any = training.read_config(args.resume)[0].get("epochs")
    try:
        rates = [
            schedules.parse(
                args.schedule, choice.hyper["learning_rate"], steps_per_epoch=steps, epochs=int(epochs)
            )
            for epochs in (args.epochs, before)
        ]
    except (TypeError, ValueError, OverflowError):
        raise training.CheckpointError(
            f"{args.resume / 'config.json'} does not tell the epochs of a run: {show(before)}"
        ) from None
    if callable(rates[0]) and not jnp.array_equal(*(jax.vmap(rate)(jnp.arange(done)) for rate in rates)):
        raise UsageError(f"argument --epochs: with {args.epochs} in place of {before}, --schedule "
                         f"{args.schedule} would have begun otherwise; start a new run")  # fmt: skip
