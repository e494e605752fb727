"""What `--set`, `--lr` and `--weight-decay` say of an optimizer on a model."""

import argparse
from collections.abc import Callable, Mapping
from typing import Any

from jaxlearn.nn import Layer

from ._recipe import Recipe
from ._settings import parse_setting, parse_values, text_arguments
from ._terminal import UsageError, usage

Settings = list[tuple[str, str]]  # the argument that says so, and NAME=VALUE
FLAGS = {"--weight-decay": "weight_decay", "--lr": "learning_rate"}


def sizes_of(make_model: Callable[..., Layer]) -> dict[str, Any]:
    """What `--set` may change of a model, with its default values: not the classes, which the data tell."""
    sizes = text_arguments(make_model)
    return {name: value for name, value in sizes.items() if name != "classes"}


def settings_of(args: argparse.Namespace) -> Settings:
    """What a command line sets.

    Raises:
      UsageError: two arguments that contradict each other.
    """
    settings = [("--set", text) for text in getattr(args, "set", [])]
    for flag, name in FLAGS.items():
        value = getattr(args, flag[2:].replace("-", "_"), None)
        if value is None:
            continue
        if other := next((text for _, text in settings if text.startswith(f"{name}=")), None):
            raise UsageError(f"argument {flag}: {value} contradicts --set {other}")
        settings.append((flag, f"{name}={value}"))
    return settings


def choose(
    settings: Settings, opt: str, recipe: Recipe, hyper: Mapping[str, Any], sizes: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Hyperparameters and sizes after what is said of them; several values of one make a list.

    Args:
      settings: what is said.
      opt, recipe: the optimizer's name, and what it means.
      hyper, sizes: values where nothing is said.

    Raises:
      UsageError: a value that the optimizer or the model does not take.
    """
    known = {**recipe.hyperparameters, **sizes}
    hyper, sizes = dict(hyper), dict(sizes)
    for flag, text in settings:
        name, _, value = text.partition("=")
        if flag != "--set" and name not in known:
            raise UsageError(f"argument {flag}: {opt} has no {name}")
        with usage(flag):
            if name == "learning_rate" and value.partition(":")[0] == "search":
                least, most = recipe.search
                read: Any = parse_values(f"{least}:{most}:{value.partition(':')[2] or 7}")
            elif name == "learning_rate" or (isinstance(known.get(name), float) and {",", ":"} & {*value}):
                read = parse_values(value)
                read = read if len(read) > 1 else read[0]
            else:
                _, read = parse_setting(text, known)
        (hyper if name in hyper else sizes)[name] = read
    return hyper, sizes


def axes_of(grid: Mapping[str, Any]) -> dict[str, list[float]]:
    """The hyperparameters of which several values are tried."""
    return {name: value for name, value in grid.items() if isinstance(value, list)}
