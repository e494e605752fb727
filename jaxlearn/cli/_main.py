"""From a command line to a run, a comparison or an answer, and to the status of the process."""

import argparse
import inspect
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from jaxlearn import data, recording
from jaxlearn._files import CheckpointError
from jaxlearn._text import show_settings
from jaxlearn.compare import functions
from jaxlearn.nn import Layer

from ._arguments import App, parse_arguments, write_command
from ._build import check_config
from ._choice import sizes_of
from ._config import CompareConfig, RunConfig, asks_for_several, from_json
from ._eval import use_saved
from ._process import keep_compiled, leave, listen_for_signals, open_streams
from ._recipe import Recipe
from ._several import run_comparison, run_function
from ._single import run_one
from ._terminal import Ended, UsageError, in_flags, pick, tell


def main(
    models: Mapping[str, Callable[..., Layer]],
    optimizers: Mapping[str, Recipe],
    argv: list[str] | None = None,
    *,
    prog: str | None = None,
) -> int:
    """A program that trains, compares, goes on and scores: `train.py` is this with its models and optimizers.

    Args:
      models: what `--model NAME` means: a function `make_model(classes, **sizes)` for each name. The default
        is "mlp" or, without one, the first.
      optimizers: what `--opt NAME` means: a `Recipe` for each name. The default is "adam", or the first.
      argv: the arguments. Without them those of the process are taken, which then ends with the status;
        signals, streams that are closed, and the cache of compiled programs are seen to.
      prog: the program's name in its messages; that of the process unless told.

    Returns:
      The status: 0; 1 where a file or the numbers are wrong; 2 where the arguments are.

    >>> from jaxlearn import cli, nn, optim
    >>> def tiny(classes: int, hidden: int = 8) -> nn.Layer:
    ...     return nn.sequential(nn.flatten, nn.linear(hidden), nn.relu, nn.linear(classes))
    >>> mine = cli.Recipe(optim.sgd, search=(1e-2, 1.0), defaults={"learning_rate": 0.1})
    >>> cli.main({"tiny": tiny}, {"mine": mine}, ["--epochs", "none"])
    2
    """
    app = App(prog or Path(sys.argv[0]).name, models, optimizers)
    if argv is not None:
        return status_of(app, argv)
    open_streams()
    keep_compiled()
    listen_for_signals(app.prog)
    return leave(status_of(app, sys.argv[1:]))


def status_of(app: App, argv: list[str]) -> int:
    try:
        args = parse_arguments(app, argv)
        print_list(app) if args.list else run(app, args, argv)
    except UsageError as error:
        return end(app, error, 2)
    except data.DataError as error:
        return end(app, in_flags(str(error)), 1)
    except (CheckpointError, OSError) as error:
        return end(app, error, 1)
    except Ended as early:
        return end(app, early, early.status)
    except KeyboardInterrupt:
        return end(app, "interrupted", 130)
    return 0


def end(app: App, why: Any, status: int) -> int:
    if isinstance(why, OSError) and why.errno:  # the system's own, not one of ours
        why = f"{why.filename or 'standard output'}: {why.strerror}"
    tell(app.prog, why)
    return status


def run(app: App, args: argparse.Namespace, argv: list[str]) -> None:
    if args.predict and not args.eval:
        raise UsageError("argument --predict: needs --eval DIR, the folder of a finished run")
    if args.format != "table" and not args.predict:
        raise UsageError(f"argument --format: {args.format} needs --predict FILE")
    if args.eval:
        return use_saved(app, args)
    if args.resume:
        return resume(app, args, argv)
    command = write_command(app.prog, argv)
    if args.function is None and not asks_for_several(args, app):
        run = RunConfig.from_arguments(args, app)
        check_config(app, run)
        return run_one(app, msgspec.structs.replace(run, command=command), args.out)
    if "patience" in args:
        raise UsageError(f"argument --patience: {args.patience} is for a single run: budgets are equal here")
    rates = "search" if args.function is None else "1e-5:1:11"
    several = CompareConfig.from_arguments(args, app, rates=rates)
    check_config(app, several)
    if args.function is None:
        return run_comparison(app, msgspec.structs.replace(several, command=command), args.out)
    surface = pick("--function", args.function, functions.SURFACES)
    return run_function(app, several, surface, args.steps, args.out)


def resume(app: App, args: argparse.Namespace, argv: list[str]) -> None:
    """Goes on with what is in a folder, which the arguments may change a little."""
    folder = args.resume
    if args.out not in (None, folder):
        raise UsageError(f"argument --out: {args.out} contradicts --resume {folder}")
    if args.function:
        raise UsageError(f"argument --function: {args.function} contradicts --resume {folder}")
    content, wrong = recording.read_config(folder)
    if wrong:
        tell(app.prog, f"{wrong}; a checkpoint tells instead")
    saved = from_json(content, folder / "config.json")
    try:
        check_config(app, saved)
    except UsageError as error:
        raise CheckpointError(f"{folder / 'config.json'} asks for what is not here: {error}") from None
    if isinstance(saved, RunConfig) and ("seeds" in args or "," in getattr(args, "opt", "")):
        raise UsageError(f"argument --resume: {folder} cannot go on with this: it holds a single run")
    if isinstance(saved, CompareConfig) and "patience" in args:
        raise UsageError(f"argument --patience: {args.patience} is for a single run: budgets are equal here")
    config: Any = type(saved).from_arguments(args, app, saved)  # type: ignore[arg-type]
    if different := saved.difference(config):
        raise UsageError(f"argument --resume: {folder} cannot go on with this: {different}")
    check_config(app, config)
    config = msgspec.structs.replace(config, command=write_command(app.prog, argv, saved.command))
    if isinstance(saved, RunConfig):
        return run_one(app, config, folder, saved)
    return run_comparison(app, config, folder, saved)


def print_list(app: App) -> None:
    from rich.console import Console
    from rich.table import Table

    models = {name: describe(factory) for name, factory in app.models.items()}
    tables = {name: recipe.facts for name, recipe in app.optimizers.items()} | {"models": models}
    for title, rows in tables.items():
        table = Table(title=title, title_justify="left", title_style="bold", show_header=False, box=None)
        for name, text in rows.items():
            table.add_row(name, text)
        Console(highlight=False).print(table, "")


def describe(make_model: Callable[..., Any]) -> str:
    """The first line of a model's docstring, and its sizes."""
    sizes = show_settings(sizes_of(make_model))
    first, _, _ = (inspect.getdoc(make_model) or "").partition("\n")
    return " ".join(filter(None, [first, sizes and f"--set {sizes}"]))
