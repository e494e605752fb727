"""Trains a model with an optimizer: `python train.py --opt adam`. See --help and --list."""

import argparse
import difflib
import math
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import jax

from jaxlearn import data, optim, schedules, training
from models import MODELS, sizes_of
from optimizers import OPTIMIZERS, Recipe


class UsageError(Exception):
    """A command line that cannot mean anything; exit status 2."""


class Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(message)


def parse_arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = Parser(prog="train.py", description=__doc__, allow_abbrev=False)
    add = parser.add_argument
    add("--opt", default="adam", metavar="NAME", help=f"{', '.join(OPTIMIZERS)} (default: adam)")
    add("--model", default="mlp", metavar="NAME", help=f"{', '.join(MODELS)} (default: mlp)")
    add("--dataset", default="auto", help="auto, mnist, fashion_mnist, digits or tfds:NAME (default: auto)")
    add("--data-dir", type=Path, metavar="DIR", help="folder with the dataset's original files")
    add("--epochs", type=whole(1), default=10, metavar="N", help="default: 10")
    add("--batch-size", type=whole(1), default=64, metavar="N", help="default: 64")
    add("--validation", type=whole(0), metavar="N",
        help="training examples held out to validate on (default: a tenth, at most 1000)")  # fmt: skip
    add("--lr", type=float, metavar="RATE", help="learning rate (default: the recipe's; see --list)")
    add("--schedule", default="constant", help="constant, cosine, linear, polynomial, step, exponential, "
        "warm_restarts, cyclic, one_cycle, inverse_sqrt or warmup_stable_decay; options after a colon, "
        "lengths in epochs: cosine:warmup=1,end=1e-5 (default: constant)")  # fmt: skip
    add("--weight-decay", type=float, metavar="X", help="weight decay (default: the recipe's)")
    add("--clip", type=float, metavar="NORM", help="largest norm of the gradient (default: none)")
    add("--set", action="append", default=[], metavar="NAME=VALUE",
        help="any hyperparameter of the optimizer or size of the model, such as b1=0.95 or hidden=64; "
        "may be repeated")  # fmt: skip
    add("--seed", type=whole(0), default=0, metavar="N", help="default: 0")
    add("--device", default="auto", choices=["auto", "cpu", "gpu", "tpu"], help="default: auto")
    add("--out", type=Path, metavar="DIR", help="new folder for the results "
        "(default: runs/<dataset>-<model>-<opt>-<seed>)")  # fmt: skip
    add("--list", action="store_true", help="show optimizers and models, then stop")
    return parser.parse_args(argv)


def whole(least: int) -> Callable[[str], int]:
    def convert(text: str) -> int:
        if not text.isascii() or not text.isdigit() or not least <= int(text) < 2**32:
            raise argparse.ArgumentTypeError(f"must be a whole number from {least} up, got {text!r}")
        return int(text)

    return convert


@contextmanager
def usage(argument: str) -> Iterator[None]:
    """Tells which argument a ValueError of the library is about."""
    try:
        yield
    except data.DataError:
        raise
    except (ValueError, TypeError) as error:
        raise UsageError(f"argument {argument}: {error}") from None


def pick(argument: str, name: str, known: dict[str, Any]) -> Any:
    if name in known:
        return known[name]
    close = difflib.get_close_matches(name, known, n=3)
    hint = f"did you mean {' or '.join(close)}?" if close else f"known are {', '.join(known)}"
    raise UsageError(f"argument {argument}: {name!r} is unknown; {hint}")


def read_settings(
    args: argparse.Namespace, recipe: Recipe, sizes: dict[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The hyperparameters of the optimizer and the sizes of the model, as the command line sets them."""
    with usage("--set"):
        settings = dict(training.parse_setting(text, recipe.hyperparameters | sizes) for text in args.set)
    for flag, name, value in (
        ("--lr", "learning_rate", args.lr),
        ("--weight-decay", "weight_decay", args.weight_decay),
    ):
        if value is not None:
            if name in settings:
                raise UsageError(f"argument {flag}: {value} contradicts --set {name}={settings[name]}")
            if name not in recipe.hyperparameters:
                raise UsageError(f"argument {flag}: {args.opt} has no {name}")
            settings[name] = value
    hyper = {name: settings.get(name, value) for name, value in recipe.hyperparameters.items()}
    return hyper, {name: settings.get(name, value) for name, value in sizes.items()}


def build_optimizer(args: argparse.Namespace, recipe: Recipe, hyper: dict[str, Any], steps: int) -> Any:
    """The optimizer of the command line, for epochs of `steps` updates."""
    with usage(f"--opt {args.opt}"):
        recipe.factory(**hyper)
    with usage("--schedule"):
        rate = schedules.parse(
            args.schedule, hyper["learning_rate"], steps_per_epoch=steps, epochs=args.epochs
        )
    clip = []
    if args.clip is not None:
        with usage("--clip"):
            clip = [optim.clip_by_global_norm(args.clip)]
    return optim.chain(*clip, recipe.factory(**hyper | {"learning_rate": rate}))


def pick_device(kind: str) -> jax.Device:
    try:
        device = jax.devices(None if kind == "auto" else kind)[0]
    except RuntimeError:
        found = ", ".join(sorted({d.platform for d in jax.devices()}))
        raise OSError(f"--device {kind}: there is none here; JAX finds {found}") from None
    jax.config.update("jax_default_device", device)
    return device


def print_list() -> None:
    from rich.console import Console
    from rich.table import Table

    models = {name: describe(factory) for name, factory in MODELS.items()}
    tables = {name: recipe.facts for name, recipe in OPTIMIZERS.items()} | {"models": models}
    for title, rows in tables.items():
        table = Table(title=title, title_justify="left", title_style="bold", show_header=False, box=None)
        for name, text in rows.items():
            table.add_row(name, text)
        Console(highlight=False).print(table, "")


def describe(make_model: Callable[..., Any]) -> str:
    """The first line of a model's docstring, and its sizes."""
    sizes = training.show_settings(sizes_of(make_model))
    return (make_model.__doc__ or "").splitlines()[0] + (f" --set {sizes}" if sizes else "")


def run(args: argparse.Namespace) -> None:
    recipe = pick("--opt", args.opt, OPTIMIZERS)
    make_model = pick("--model", args.model, MODELS)
    hyper, sizes = read_settings(args, recipe, sizes_of(make_model))
    build_optimizer(args, recipe, hyper, steps=1)  # wrong input is told before anything is loaded
    with usage(f"--model {args.model} --set"):
        make_model(**sizes)
    device = pick_device(args.device)
    if args.out:
        training.check_folder(args.out)

    with usage("--dataset"):
        dataset = data.load(args.dataset, args.data_dir)
    print(f"dataset: {dataset.origin}", flush=True)
    total = len(dataset.train.labels)
    with usage("--validation"):
        held_out = min(1000, total // 10) if args.validation is None else args.validation
        train, validation = data.hold_out(dataset.train, held_out)
    steps = math.ceil(len(train.labels) / args.batch_size)
    optimizer = build_optimizer(args, recipe, hyper, steps)
    name = f"{dataset.name}-{args.model}-{args.opt}-{args.seed}".replace(":", "-").replace("/", "-")
    folder = args.out or training.fresh_folder(Path("runs") / name)
    training.check_folder(folder)

    with usage(f"--model {args.model} --batch-size {args.batch_size}"):
        program = training.compile_run(
            make_model(dataset.classes, **sizes),
            optimizer,
            train,
            validation,
            dataset.test,
            batch_size=args.batch_size,
            seed=args.seed,
        )
    parameters = sum(leaf.size for leaf in jax.tree.leaves(program.state.params))
    shown = f" ({training.show_settings(sizes)})" if sizes else ""
    print(f"model: {args.model}{shown}, {parameters:,} parameters; "
        f"optimizer: {args.opt} ({training.show_settings(hyper)})")  # fmt: skip
    print(f"device: {device.device_kind}; compiled in {program.compile_seconds:.1f} s", flush=True)

    identity = {"dataset": dataset.name, "model": args.model, "optimizer": args.opt, "hyperparameters": hyper}
    identity |= {"seed": args.seed, "device": device.device_kind}
    config = identity | {
        option: getattr(args, option) for option in ("schedule", "clip", "batch_size", "epochs")
    }
    config |= {
        "sizes": sizes,
        "validation": held_out,
        "data_dir": args.data_dir and str(args.data_dir.resolve()),
    }
    result, summary = training.record_run(program, folder, args.epochs, config, identity)

    print(f"\ntest: loss {result.loss:.4f}  accuracy {summary['test_accuracy']:.4f}  "
        f"macro F1 {summary['macro_f1']:.4f}  micro F1 {summary['micro_f1']:.4f}\n")  # fmt: skip
    print("test examples by class (row) and answer (column):")
    print(training.confusion_table(result))
    print(f"\nresults in {folder} (params_digest {summary['params_digest'][:12]})")
    if not math.isfinite(float(result.loss)):
        print(f"the loss is {result.loss}: the run diverged; try a lower --lr than {hyper['learning_rate']}")


def main(argv: list[str] | None = None) -> int:
    try:
        args = parse_arguments(argv)
        print_list() if args.list else run(args)
    except UsageError as error:
        print(f"train.py: {error}", file=sys.stderr)
        return 2
    except (data.DataError, OSError) as error:
        print(f"train.py: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("train.py: interrupted", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
