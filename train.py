"""Trains a model with an optimizer: `python train.py --opt adam`. See --help and --list.

A list makes a comparison: `python train.py --opt sgd,momentum,rmsprop,adam --seeds 5`.
"""

import signal

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # importing takes a second, and Ctrl-C ends that, too

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jaxlearn import cli, compare, data, training
from models import MODELS
from optimizers import OPTIMIZERS


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
    add("--drop-last", action="store_true", help="leave out an epoch's last batch where it would be smaller")
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
    add("--precision", choices=["default", "high", "highest"], help="of products of float32 matrices: "
        "highest is float32, as on a CPU always, the others TF32 on a GPU (default: JAX's)")  # fmt: skip
    add("--out", type=Path, metavar="DIR", help="new folder for the results, or that of a comparison to go "
        "on with (default: runs/<dataset>-<model>-<opt>-<seed>)")  # fmt: skip
    add("--resume", type=Path, metavar="DIR", help="go on with the run or comparison in this folder, whose "
        "command line counts where this one is silent; more --epochs make a run longer")  # fmt: skip
    add("--save-every", type=checked(training.parse_saving), default="30s", metavar="TIME",
        help="how often a run is saved: 30s, 500steps or 1epochs (default: 30s)")  # fmt: skip
    add("--keep", type=whole(1), default=3, metavar="N",
        help="checkpoints that stay, besides that of the best epoch by validation (default: 3)")  # fmt: skip
    add("--nonfinite", default="stop", choices=["stop", "skip"],
        help="at a loss or gradient of NaN or infinity: stop or skip the update (default: stop)")  # fmt: skip
    of = parser.add_argument_group("saved runs").add_argument
    of("--eval", type=Path, metavar="DIR", help="score the trained model in this folder on the test examples "
        "of its dataset, or of --dataset, and draw its mistakes")  # fmt: skip
    of("--predict", type=Path, nargs="+", metavar="FILE",
        help="with --eval: classify these image files instead, and draw what the model saw")  # fmt: skip
    of("--format", default="table", choices=["table", "json"],
        help="of what --predict prints (default: table)")  # fmt: skip
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


def run(args: argparse.Namespace, command: list[str]) -> None:
    if args.predict and not args.eval:
        raise cli.UsageError("argument --predict: needs --eval DIR, the folder of a finished run")
    if args.format != "table" and not args.predict:
        raise cli.UsageError(f"argument --format: {args.format} needs --predict FILE")
    if args.eval:
        return cli.use_saved(args, MODELS)
    if args.resume:
        args, command = resume(args.resume, command)
    opts, models = args.opt.split(","), args.model.split(",")
    choices = [
        cli.read_choice(
            args, opt, cli.pick("--opt", opt, OPTIMIZERS), model, cli.pick("--model", model, MODELS)
        )
        for model in models
        for opt in opts
    ]
    if len(choices) == 1 and not choices[0].axes and args.seeds is None and args.function is None:
        return cli.run_one(args, choices[0], command)
    if args.lr is None and not any(text.startswith("learning_rate=") for text in args.set):
        rates = "search" if args.function is None else "1e-5:1:11"
        choices = [
            choice._replace(axes=choice.axes | {"learning_rate": cli.parse_rates(rates, choice.recipe)})
            for choice in choices
        ]
    if args.function is not None:
        return cli.run_function(args, choices)
    return cli.run_comparison(args, choices, command)


def resume(folder: Path, command: list[str]) -> tuple[argparse.Namespace, list[str]]:
    """The arguments of the run in a folder, where `command` does not say otherwise."""
    saved = cli.saved_command(folder)
    try:
        parse_arguments(saved)
    except cli.UsageError as error:
        raise training.CheckpointError(
            f"{folder / 'config.json'} holds another command: {training.show(str(error))}"
        ) from None
    command = saved + cli.without("--resume", command)
    args = parse_arguments(command)
    if args.out not in (None, folder):
        raise cli.UsageError(f"argument --out: {args.out} contradicts --resume {folder}")
    if args.function:
        raise cli.UsageError(f"argument --function: {args.function} contradicts --resume {folder}")
    args.out = args.resume = folder
    return args, command


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
    sizes = training.show_settings(cli.sizes_of(make_model))
    return (make_model.__doc__ or "").splitlines()[0] + (f" --set {sizes}" if sizes else "")


def main(argv: list[str] | None = None) -> int:
    try:
        args = parse_arguments(argv)
        print_list() if args.list else run(args, sys.argv[1:] if argv is None else argv)
    except cli.UsageError as error:
        return end(error, 2)
    except (data.DataError, training.CheckpointError, OSError) as error:
        return end(error, 1)
    except cli.Ended as early:
        return end(early, early.status)
    except KeyboardInterrupt:
        return end("interrupted", 130)
    return 0


def end(why: Any, status: int) -> int:
    if isinstance(why, OSError) and why.errno:  # the system's own, not one of ours
        why = f"{why.filename or 'standard output'}: {why.strerror}"
    cli.tell(why)
    return status


if __name__ == "__main__":
    cli.open_streams()
    cli.keep_compiled()
    cli.listen_for_signals()
    cli.leave(main())
