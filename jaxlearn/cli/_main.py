"""From a command line to a run, a comparison or an answer, and to the status of the process."""

import argparse
import inspect
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from jaxlearn import data, training
from jaxlearn._text import show, show_settings
from jaxlearn.nn import Layer

from ._arguments import App, parse_arguments
from ._choice import parse_rates, read_choice, sizes_of
from ._process import keep_compiled, leave, listen_for_signals, open_streams
from ._recipe import Recipe
from ._resume import saved_command, without
from ._saved import use_saved
from ._several import run_comparison, run_function
from ._single import run_one
from ._terminal import Ended, UsageError, pick, tell


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
    except (data.DataError, training.CheckpointError, OSError) as error:
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


def run(app: App, args: argparse.Namespace, command: list[str]) -> None:
    if args.predict and not args.eval:
        raise UsageError("argument --predict: needs --eval DIR, the folder of a finished run")
    if args.format != "table" and not args.predict:
        raise UsageError(f"argument --format: {args.format} needs --predict FILE")
    if args.eval:
        return use_saved(args, app.models)
    if args.resume:
        args, command = resume(app, args.resume, command)
    opts, models = args.opt.split(","), args.model.split(",")
    choices = [
        read_choice(args, opt, pick("--opt", opt, app.optimizers), model, pick("--model", model, app.models))
        for model in models
        for opt in opts
    ]
    if len(choices) == 1 and not choices[0].axes and args.seeds is None and args.function is None:
        return run_one(args, choices[0], command)
    if args.patience is not None:
        raise UsageError(f"argument --patience: {args.patience} is for a single run: budgets are equal here")
    if args.lr is None and not any(text.startswith("learning_rate=") for text in args.set):
        rates = "search" if args.function is None else "1e-5:1:11"
        choices = [
            choice._replace(axes=choice.axes | {"learning_rate": parse_rates(rates, choice.recipe)})
            for choice in choices
        ]
    if args.function is not None:
        return run_function(args, choices)
    return run_comparison(args, choices, command)


def resume(app: App, folder: Path, command: list[str]) -> tuple[argparse.Namespace, list[str]]:
    """The arguments of the run in a folder, where `command` does not say otherwise."""
    saved = saved_command(folder, app.prog)
    try:
        parse_arguments(app, saved)
    except UsageError as error:
        raise training.CheckpointError(
            f"{folder / 'config.json'} holds another command: {show(str(error))}"
        ) from None
    command = saved + without("--resume", command)
    args = parse_arguments(app, command)
    if args.out not in (None, folder):
        raise UsageError(f"argument --out: {args.out} contradicts --resume {folder}")
    if args.function:
        raise UsageError(f"argument --function: {args.function} contradicts --resume {folder}")
    args.out = args.resume = folder
    return args, command


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
