"""Trains a model with an optimizer: `python train.py --opt adam`. See --help and --list.

A list makes a comparison: `python train.py --opt sgd,momentum,rmsprop,adam --seeds 5`.
"""

import argparse
import math
import shlex
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax

from jaxlearn import cli, compare, data, optim, schedules, training
from models import MODELS, sizes_of
from optimizers import OPTIMIZERS, Recipe

FACTS = ("update rule", "memory", "hyperparameters", "pros", "cons")  # of a recipe, in a report


def parse_arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = cli.Parser(
        prog="train.py",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    whole, checked = cli.whole, cli.checked
    add = parser.add_argument
    add("--opt", default="adam", metavar="NAME,...", help=f"{', '.join(OPTIMIZERS)} (default: adam)")
    add("--model", default="mlp", metavar="NAME,...", help=f"{', '.join(MODELS)} (default: mlp)")
    add("--dataset", default="auto", help="auto, mnist, fashion_mnist, digits or tfds:NAME (default: auto)")
    add("--data-dir", type=Path, metavar="DIR", help="folder with the dataset's original files")
    add("--epochs", type=whole(1), default=10, metavar="N", help="default: 10")
    add("--batch-size", type=whole(1), default=64, metavar="N", help="default: 64")
    add("--validation", type=whole(0), metavar="N",
        help="training examples held out to validate on (default: a tenth, at most 1000)")  # fmt: skip
    add("--lr", metavar="RATE", help="learning rate (default: the recipe's; see --list); several: 1e-3,1e-2 "
        "or, 9 from 1e-4 to 1, 1e-4:1:9; search:N for N out of the recipe's range (default in a comparison: "
        "search:7)")  # fmt: skip
    add("--schedule", default="constant", help="constant, cosine, linear, polynomial, step, exponential, "
        "warm_restarts, cyclic, one_cycle, inverse_sqrt or warmup_stable_decay; options after a colon, "
        "lengths in epochs: cosine:warmup=1,end=1e-5 (default: constant)")  # fmt: skip
    add("--weight-decay", type=float, metavar="X", help="weight decay (default: the recipe's)")
    add("--clip", type=float, metavar="NORM", help="largest norm of the gradient (default: none)")
    add("--set", action="append", default=[], metavar="NAME=VALUE",
        help="any hyperparameter of the optimizer or size of the model, such as b1=0.95 or hidden=64; "
        "may be repeated; several real numbers as b1=0.9,0.95")  # fmt: skip
    add("--seed", type=whole(0), default=0, metavar="N", help="default: 0")
    add("--device", default="auto", choices=["auto", "cpu", "gpu", "tpu"], help="default: auto")
    add("--out", type=Path, metavar="DIR", help="new folder for the results, or that of a comparison to go "
        "on with (default: runs/<dataset>-<model>-<opt>-<seed>)")  # fmt: skip
    of = parser.add_argument_group("comparisons").add_argument
    of("--seeds", type=whole(1), metavar="N", help="runs of each kind, seeds from --seed up (default: 5)")
    of("--target", type=float, metavar="ACCURACY",
        help="how soon is this validation accuracy reached? (default: 99%% of the best)")  # fmt: skip
    of("--max-memory", type=checked(compare.parse_size), metavar="SIZE",
        help="for the runs trained together, such as 2GB (default: most of what is free)")  # fmt: skip
    of("--width", type=whole(1), metavar="N",
        help="runs side by side by vmap, at most (default: what is faster here)")  # fmt: skip
    of("--function", metavar="NAME", help="compare on a function of two numbers instead of a model, at rates "
        f"1e-5:1:11 unless told: {', '.join(compare.SURFACES)}")  # fmt: skip
    of("--steps", type=whole(1), default=500, metavar="N", help="with --function: updates (default: 500)")
    add("--list", action="store_true", help="show optimizers and models, then stop")
    return parser.parse_args(argv)


class Choice(NamedTuple):
    """An optimizer on a model, with all that the command line says of them.

    Attributes:
      opt, model: names.
      hyper: value of each hyperparameter; `axes` holds the values of those that have several.
      sizes: of the model.
    """

    opt: str
    model: str
    recipe: Recipe
    hyper: dict[str, Any]
    axes: dict[str, list[float]]
    sizes: dict[str, Any]


def read_choice(args: argparse.Namespace, opt: str, model: str) -> Choice:
    recipe = cli.pick("--opt", opt, OPTIMIZERS)
    defaults, sizes = recipe.hyperparameters, sizes_of(cli.pick("--model", model, MODELS))
    settings: dict[str, Any] = {}
    with cli.usage("--set"):
        for text in args.set:
            name, _, value = text.partition("=")
            if isinstance(defaults.get(name), float) and ("," in value or ":" in value):
                settings[name] = compare.parse_values(value)
            else:
                settings |= dict([training.parse_setting(text, defaults | sizes)])
    flags = [("--weight-decay", "weight_decay", args.weight_decay)]
    if args.lr is not None:
        with cli.usage("--lr"):
            rates = parse_rates(args.lr, recipe)
        flags.append(("--lr", "learning_rate", rates if len(rates) > 1 else rates[0]))
    for flag, name, value in flags:
        if value is not None:
            if name in settings:
                raise cli.UsageError(f"argument {flag}: {value} contradicts --set {name}={settings[name]}")
            if name not in defaults:
                raise cli.UsageError(f"argument {flag}: {opt} has no {name}")
            settings[name] = value
    axes = {name: value for name, value in settings.items() if isinstance(value, list)}
    hyper = {name: settings.get(name, value) for name, value in defaults.items() if name not in axes}
    sizes = {name: settings.get(name, value) for name, value in sizes.items()}
    choice = Choice(opt, model, recipe, defaults | hyper, axes, sizes)
    for point in compare.grid_points(axes):  # wrong input is told before anything is loaded
        build_optimizer(args, choice, steps=1, **point)
    with cli.usage(f"--model {model} --set"):
        MODELS[model](**sizes)
    return choice


def parse_rates(text: str, recipe: Recipe) -> list[float]:
    if text.partition(":")[0] == "search":
        return compare.parse_values(f"{recipe.search[0]}:{recipe.search[1]}:{text.partition(':')[2] or 7}")
    return compare.parse_values(text)


def build_optimizer(args: argparse.Namespace, choice: Choice, steps: int, **point: Any) -> Any:
    """The optimizer of the command line at a point of its grid, for epochs of `steps` updates."""
    hyper = choice.hyper | point
    with cli.usage(f"--opt {choice.opt}"):
        choice.recipe.factory(**hyper)
    with cli.usage("--schedule"):
        rate = schedules.parse(
            args.schedule, hyper["learning_rate"], steps_per_epoch=steps, epochs=args.epochs
        )
    clip = []
    if args.clip is not None:
        with cli.usage("--clip"):
            clip = [optim.clip_by_global_norm(args.clip)]
    return optim.chain(*clip, choice.recipe.factory(**hyper | {"learning_rate": rate}))


def load_data(args: argparse.Namespace) -> tuple[data.Dataset, data.Split, data.Split]:
    with cli.usage("--dataset"):
        dataset = data.load(args.dataset, args.data_dir)
    print(f"dataset: {dataset.origin}", flush=True)
    total = len(dataset.train.labels)
    with cli.usage("--validation"):
        held_out = min(1000, total // 10) if args.validation is None else args.validation
        return dataset, *data.hold_out(dataset.train, held_out)


def default_folder(*parts: str) -> Path:
    return Path("runs") / "-".join(parts).replace(":", "-").replace("/", "-")


def describe_run(args: argparse.Namespace, validation: data.Split) -> dict[str, Any]:
    """What config.json says of every run and every comparison."""
    same = {option: getattr(args, option) for option in ("schedule", "clip", "batch_size", "epochs")}
    folder = args.data_dir and str(args.data_dir.resolve())
    return same | {"validation": len(validation.labels), "data_dir": folder}


def run_one(args: argparse.Namespace, choice: Choice) -> None:
    device = cli.pick_devices(args.device)[0]
    if args.out:
        training.check_folder(args.out)
    dataset, train, validation = load_data(args)
    cli.import_meanwhile("orbax.checkpoint", "matplotlib.figure")
    name = default_folder(dataset.name, choice.model, choice.opt, str(args.seed))
    folder = args.out or training.fresh_folder(name)
    training.check_folder(folder)
    with cli.usage(f"--model {choice.model} --batch-size {args.batch_size}"):
        program = training.compile_run(
            MODELS[choice.model](dataset.classes, **choice.sizes),
            build_optimizer(args, choice, math.ceil(len(train.labels) / args.batch_size)),
            train,
            validation,
            dataset.test,
            batch_size=args.batch_size,
            seed=args.seed,
        )
    parameters = sum(leaf.size for leaf in jax.tree.leaves(program.state.params))
    shown = f" ({training.show_settings(choice.sizes)})" if choice.sizes else ""
    print(f"model: {choice.model}{shown}, {parameters:,} parameters; "
        f"optimizer: {choice.opt} ({training.show_settings(choice.hyper)})")  # fmt: skip
    print(f"device: {device.device_kind}; compiled in {program.compile_seconds:.1f} s", flush=True)

    identity: dict[str, Any] = {"dataset": dataset.name, "model": choice.model, "optimizer": choice.opt}
    identity |= {"hyperparameters": choice.hyper, "seed": args.seed, "device": device.device_kind}
    config = identity | describe_run(args, validation) | {"sizes": choice.sizes}
    result, summary = training.record_run(program, folder, args.epochs, config, identity)

    print(f"\ntest: loss {result.loss:.4f}  accuracy {summary['test_accuracy']:.4f}  "
        f"macro F1 {summary['macro_f1']:.4f}  micro F1 {summary['micro_f1']:.4f}\n")  # fmt: skip
    print("test examples by class (row) and answer (column):")
    print(training.confusion_table(result))
    print(f"\nresults in {folder} (params_digest {summary['params_digest'][:12]})")
    if not math.isfinite(float(result.loss)):
        rate = choice.hyper["learning_rate"]
        print(f"the loss is {result.loss}: the run diverged; try a lower --lr than {rate}")


def run_comparison(args: argparse.Namespace, choices: list[Choice], command: list[str]) -> None:
    cli.use_every_core()
    devices = cli.pick_devices(args.device)
    dataset, train, validation = load_data(args)
    cli.import_meanwhile("scipy.stats", "matplotlib.figure")
    steps = math.ceil(len(train.labels) / args.batch_size)
    contenders = [
        compare.Contender(
            choice.opt,
            partial(build_optimizer, args, choice, steps),
            choice.axes or {"learning_rate": [choice.hyper["learning_rate"]]},
            MODELS[choice.model](dataset.classes, **choice.sizes),
            choice.model,
        )
        for choice in choices
    ]
    seeds = range(args.seed, args.seed + (args.seeds or 5))
    config = {"dataset": dataset.name} | describe_run(args, validation) | {"seeds": list(seeds)}
    config |= {"width": args.width, "target": args.target, "device": devices[0].device_kind}
    config["models"] = {choice.model: choice.sizes for choice in choices}
    config["optimizers"] = {choice.opt: choice.hyper | choice.axes for choice in choices}
    config |= {"command": shlex.join(["python", "train.py", *command]), "versions": compare.versions()}
    models, opts = list(config["models"]), list(config["optimizers"])
    default = default_folder(
        dataset.name, "+".join(models), "+".join(opts) if len(opts) < 9 else f"{len(opts)}-optimizers"
    )
    folder = compare.open_folder(args.out, config) if args.out else compare.find_folder(default, config)
    print(f"comparing {', '.join(opts)} on {', '.join(models)}: {len(seeds)} seeds, {args.epochs} epochs a "
        f"run; {len(devices)} x {devices[0].device_kind}; results in {folder}", flush=True)  # fmt: skip
    limit = f" --max-memory {args.max_memory}" if args.max_memory else ""
    try:
        with cli.usage(f"--model {args.model} --batch-size {args.batch_size}{limit}"):
            result = compare.compare_with_progress(
                contenders, train, validation, dataset.test, seeds=seeds, epochs=args.epochs,
                batch_size=args.batch_size, width=args.width, max_memory=args.max_memory, devices=devices,
                folder=folder / "sweeps",
            )  # fmt: skip
    except KeyboardInterrupt:
        print(f"stopped; the same command goes on after what is finished in {folder}", file=sys.stderr)
        raise
    facts = {choice.opt: {fact: choice.recipe.facts[fact] for fact in FACTS} for choice in choices}
    about = config | {"title": dataset.name, "facts": facts}
    compare.print_report(result, about)
    compare.write_report(folder, result, about)
    print(f"\nreport in {folder / 'report.html'}")


def run_function(args: argparse.Namespace, choices: list[Choice]) -> None:
    surface = cli.pick("--function", args.function, compare.SURFACES)
    cli.pick_devices(args.device)
    folder = args.out or training.fresh_folder(Path("runs") / surface.name)
    training.check_folder(folder)
    if several := [name for choice in choices for name in choice.axes if name != "learning_rate"]:
        raise cli.UsageError(
            f"argument --set: only the learning rate is searched on a function, not {several[0]}"
        )
    args.epochs = 1  # a schedule is as long as the descent
    descents = []
    for choice in choices:
        rates = choice.axes.get("learning_rate", [choice.hyper["learning_rate"]])
        make = partial(build_optimizer, args, choice, args.steps)
        descents.append(compare.tune(surface, choice.opt, make, rates, args.steps))
    print(f"{surface.name}: {surface.formula}, {args.steps} steps from {surface.start}; "
        f"{len(rates)} learning rates for each, the one that ends lowest")  # fmt: skip
    descents.sort(key=lambda d: math.inf if d.diverged == len(d.rates) else d.final[d.chosen])
    cli.print_table(compare.descents_table(surface, descents))
    compare.write_descents(folder, surface, descents)
    print(f"\npicture in {folder / surface.name}.png")


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


def run(args: argparse.Namespace, command: list[str]) -> None:
    opts, models = args.opt.split(","), args.model.split(",")
    choices = [read_choice(args, opt, model) for model in models for opt in opts]
    if len(choices) == 1 and not choices[0].axes and args.seeds is None and args.function is None:
        return run_one(args, choices[0])
    if args.lr is None and not any(text.startswith("learning_rate=") for text in args.set):
        rates = "search" if args.function is None else "1e-5:1:11"
        choices = [
            choice._replace(axes=choice.axes | {"learning_rate": parse_rates(rates, choice.recipe)})
            for choice in choices
        ]
    if args.function is not None:
        return run_function(args, choices)
    return run_comparison(args, choices, command)


def main(argv: list[str] | None = None) -> int:
    try:
        args = parse_arguments(argv)
        print_list() if args.list else run(args, sys.argv[1:] if argv is None else argv)
    except cli.UsageError as error:
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
    cli.keep_compiled()
    sys.exit(main())
