"""What a command line says: an optimizer on a model, and the data."""

import argparse
import math
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import jax.numpy as jnp

from jaxlearn import compare, data, optim, schedules, training
from jaxlearn.nn import Layer

from ._process import matmul_precision
from ._recipe import Recipe
from ._settings import parse_setting, text_arguments
from ._terminal import UsageError, usage

LARGEST_SIZE = 100_000
LARGEST = float(jnp.finfo(jnp.float32).max)


class Choice(NamedTuple):
    """An optimizer on a model, with all that the command line says of them.

    Attributes:
      opt, model: names.
      recipe: what the optimizer's name means.
      make_model: `make_model(classes, **sizes)`.
      hyper: value of each hyperparameter; `axes` holds the values of those that have several.
      sizes: of the model.
    """

    opt: str
    model: str
    recipe: Recipe
    make_model: Callable[..., Layer]
    hyper: dict[str, Any]
    axes: dict[str, list[float]]
    sizes: dict[str, Any]


def sizes_of(make_model: Callable[..., Layer]) -> dict[str, Any]:
    """What `--set` may change of a model, with its default values: not the classes, which the data tell."""
    sizes = text_arguments(make_model)
    return {name: value for name, value in sizes.items() if name != "classes"}


def read_choice(
    args: argparse.Namespace, opt: str, recipe: Recipe, model: str, make_model: Callable[..., Layer]
) -> Choice:
    """What the command line says of an optimizer on a model; see `Choice`.

    Raises:
      UsageError: a value that the optimizer or the model does not take.
    """
    defaults, sizes = recipe.hyperparameters, sizes_of(make_model)
    settings: dict[str, Any] = {}
    with usage("--set"):
        for text in args.set:
            name, _, value = text.partition("=")
            if isinstance(defaults.get(name), float) and ("," in value or ":" in value):
                settings[name] = compare.parse_values(value)
            else:
                settings |= dict([parse_setting(text, defaults | sizes)])
    flags = [("--weight-decay", "weight_decay", args.weight_decay)]
    if args.lr is not None:
        with usage("--lr"):
            rates = parse_rates(args.lr, recipe)
        flags.append(("--lr", "learning_rate", rates if len(rates) > 1 else rates[0]))
    for flag, name, value in flags:
        if value is not None:
            if name in settings:
                raise UsageError(f"argument {flag}: {value} contradicts --set {name}={settings[name]}")
            if name not in defaults:
                raise UsageError(f"argument {flag}: {opt} has no {name}")
            settings[name] = value
    axes = {name: value for name, value in settings.items() if isinstance(value, list)}
    hyper = {name: settings.get(name, value) for name, value in defaults.items() if name not in axes}
    sizes = {name: settings.get(name, value) for name, value in sizes.items()}
    choice = Choice(opt, model, recipe, make_model, defaults | hyper, axes, sizes)
    with usage("--set"):
        points = compare.grid_points(axes)
        for name, value in sizes.items():
            if isinstance(value, int) and value > LARGEST_SIZE:
                raise ValueError(f"{name} must be at most {LARGEST_SIZE}, got {value}")
    for point in points:  # wrong input is told before anything is loaded
        build_optimizer(args, choice, steps=1, **point)
    with usage(f"--model {model} --set"):
        make_model(10, **sizes)
    return choice


def parse_rates(text: str, recipe: Recipe) -> list[float]:
    if text.partition(":")[0] == "search":
        return compare.parse_values(f"{recipe.search[0]}:{recipe.search[1]}:{text.partition(':')[2] or 7}")
    return compare.parse_values(text)


def build_optimizer(args: argparse.Namespace, choice: Choice, steps: int, **point: Any) -> Any:
    """The optimizer of the command line at a point of its grid, for epochs of `steps` updates."""
    hyper = choice.hyper | point
    with usage(f"--opt {choice.opt}"):
        for name, value in hyper.items():
            if isinstance(value, float) and LARGEST < abs(value) < math.inf:
                raise ValueError(f"{name} must be at most {LARGEST:.2g}, as float32 holds, got {value}")
        choice.recipe.factory(**hyper)
    with usage("--schedule"):
        rate = schedules.parse(
            args.schedule, hyper["learning_rate"], steps_per_epoch=steps, epochs=args.epochs
        )
    clip = []
    if args.clip is not None:
        with usage("--clip"):
            clip = [optim.clip_by_global_norm(args.clip)]
    optimizer = optim.chain(*clip, choice.recipe.factory(**hyper | {"learning_rate": rate}))
    return optim.skip_nonfinite(optimizer) if args.nonfinite == "skip" else optimizer


def load_data(args: argparse.Namespace) -> tuple[data.Dataset, data.Split, data.Split]:
    with usage("--dataset"):
        dataset = data.load(args.dataset, args.data_dir)
    print(f"dataset: {dataset.origin}", flush=True)
    total = len(dataset.train.labels)
    with usage("--validation"):
        held_out = min(1000, total // 10) if args.validation is None else args.validation
        return dataset, *data.hold_out(dataset.train, held_out)


def updates_of(args: argparse.Namespace, train: data.Split) -> int:
    """Updates in an epoch."""
    return training.count_updates(len(train.labels), args.batch_size, args.drop_last)


def default_folder(*parts: str) -> Path:
    return Path("runs") / "-".join(parts).replace(":", "-").replace("/", "-")


def describe_run(
    args: argparse.Namespace, command: list[str], dataset: data.Dataset, validation: data.Split
) -> dict[str, Any]:
    """What config.json says of every run and every comparison."""
    options = ("schedule", "clip", "batch_size", "drop_last", "epochs", "nonfinite")
    return {"dataset": dataset.name, "data_digest": data.digest(dataset)} | {
        **{option: getattr(args, option) for option in options},
        "validation": len(validation.labels),
        "precision": matmul_precision(),
        "data_dir": args.data_dir and str(args.data_dir.resolve()),
        "command": shlex.join(["python", args.prog, *command]),
    }
