"""The command line: its arguments, and what program they are of."""

import argparse
import shlex
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from jaxlearn.compare import functions
from jaxlearn.nn import Layer
from jaxlearn.recording import Saving

from ._recipe import Recipe
from ._settings import parse_size
from ._terminal import Parser, checked, whole_number

DESCRIPTION = """\
Trains a model with an optimizer: `python {prog} --opt adam`. See --help and --list.

A list makes a comparison: `python {prog} --opt sgd,momentum,rmsprop,adam --seeds 5`.
"""


class App(NamedTuple):
    """A program that trains.

    Attributes:
      prog: its name, by which it speaks of itself.
      models: what `--model NAME` means: `make_model(classes, **sizes)`.
      optimizers: what `--opt NAME` means.
    """

    prog: str
    models: Mapping[str, Callable[..., Layer]]
    optimizers: Mapping[str, Recipe]

    @property
    def default_model(self) -> str:
        """The model that is trained unless another is named."""
        return _default(self.models, "mlp")

    @property
    def default_optimizer(self) -> str:
        """The optimizer that is used unless another is named."""
        return _default(self.optimizers, "adam")


def parse_arguments(app: App, argv: list[str]) -> argparse.Namespace:
    """What a command line says. What belongs to a configuration is there only where it was said.

    Raises:
      UsageError: it cannot mean anything.
    """
    parser = Parser(
        prog=app.prog,
        description=DESCRIPTION.format(prog=app.prog),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    _add_run(parser, app)
    _add_saved(parser)
    _add_comparison(parser)
    return parser.parse_args(argv)


def _add_run(parser: Parser, app: App) -> None:
    def add(name: str, **options: Any) -> None:
        parser.add_argument(name, default=argparse.SUPPRESS, **options)

    add("--opt", metavar="NAME,...",
        help=f"{', '.join(app.optimizers)} (default: {app.default_optimizer})")  # fmt: skip
    add("--model", metavar="NAME,...", help=f"{', '.join(app.models)} (default: {app.default_model})")
    add("--dataset", help="auto, mnist, fashion_mnist, digits or tfds:NAME (default: auto)")
    add("--data-dir", metavar="DIR", help="folder with the dataset's original files")
    add("--epochs", type=whole_number(1), metavar="N", help="default: 10")
    add("--batch-size", type=whole_number(1), metavar="N", help="default: 64")
    add("--drop-last", action="store_true", help="leave out an epoch's last batch where it would be smaller")
    add("--validation", type=whole_number(0), metavar="N",
        help="training examples held out to validate on (default: a tenth, at most 1000)")  # fmt: skip
    add("--lr", metavar="RATE", help="learning rate (default: the recipe's; see --list); several: 1e-3,1e-2 "
        "or, 9 from 1e-4 to 1, 1e-4:1:9; search:N for N out of the recipe's range (default in a comparison: "
        "search:7)")  # fmt: skip
    add("--schedule", help="constant, cosine, linear, polynomial, step, exponential, "
        "warm_restarts, cyclic, one_cycle, inverse_sqrt or warmup_stable_decay; options after a colon, "
        "lengths in epochs: cosine:warmup=1,end=1e-5 (default: constant)")  # fmt: skip
    add("--weight-decay", metavar="X", help="weight decay (default: the recipe's)")
    add("--clip", type=float, metavar="NORM", help="largest norm of the gradient (default: none)")
    add("--set", action="append", metavar="NAME=VALUE",
        help="any hyperparameter of the optimizer or size of the model, such as b1=0.95 or hidden=64; "
        "may be repeated; several real numbers as b1=0.9,0.95")  # fmt: skip
    add("--seed", type=whole_number(0), metavar="N", help="default: 0")
    add("--device", choices=["auto", "cpu", "gpu", "tpu"], help="default: auto")
    add("--precision", choices=["default", "high", "highest"], help="of products of float32 matrices: "
        "highest is float32, as on a CPU always, the others TF32 on a GPU (default: JAX's)")  # fmt: skip
    parser.add_argument("--out", type=Path, metavar="DIR", help="new folder for the results, or that of a "
        "comparison to go on with (default: runs/<dataset>-<model>-<opt>-<seed>)")  # fmt: skip
    parser.add_argument("--resume", type=Path, metavar="DIR", help="go on with the run or comparison in this "
        "folder, as it was asked for where this command line is silent; more --epochs make a run "
        "longer")  # fmt: skip
    add("--save-every", type=checked(lambda text: Saving.parse(text) and text), metavar="TIME",
        help="how often a run is saved: 30s, 500steps or 1epochs (default: 30s)")  # fmt: skip
    add("--keep", type=whole_number(1), metavar="N",
        help="checkpoints that stay, besides that of the best epoch by validation (default: 3)")  # fmt: skip
    add("--nonfinite", choices=["stop", "skip"],
        help="at a loss or gradient of NaN or infinity: stop or skip the update (default: stop)")  # fmt: skip
    add("--patience", type=whole_number(1), metavar="N",
        help="stop a run after N epochs that were no better than its best by validation, and keep that one "
        "(default: never)")  # fmt: skip
    add("--log", choices=["csv", "tensorboard"], help="write what each epoch gave to metrics.csv or into "
        "the folder tensorboard, too")  # fmt: skip
    parser.add_argument("--list", action="store_true", help="show optimizers and models, then stop")


def _add_saved(parser: Parser) -> None:
    add = parser.add_argument_group("saved runs").add_argument
    add("--eval", type=Path, metavar="DIR", help="score the trained model in this folder on the test "
        "examples of its dataset, or of --dataset, and draw its mistakes")  # fmt: skip
    add("--predict", type=Path, nargs="+", metavar="FILE",
        help="with --eval: classify these image files instead, and draw what the model saw")  # fmt: skip
    add("--format", default="table", choices=["table", "json"],
        help="of what --predict prints (default: table)")  # fmt: skip


def _add_comparison(parser: Parser) -> None:
    group = parser.add_argument_group("comparisons")

    def add(name: str, **options: Any) -> None:
        group.add_argument(name, default=argparse.SUPPRESS, **options)

    add(
        "--seeds",
        type=whole_number(1),
        metavar="N",
        help="runs of each kind, seeds from --seed up (default: 5)",
    )
    add("--target", type=float, metavar="ACCURACY",
        help="how soon is this validation accuracy reached? (default: 99%% of the best)")  # fmt: skip
    add("--max-memory", type=checked(parse_size), metavar="SIZE",
        help="for the runs trained together, such as 2GB (default: most of what is free)")  # fmt: skip
    add("--width", type=whole_number(1), metavar="N",
        help="runs side by side by vmap, at most (default: what is faster here)")  # fmt: skip
    group.add_argument("--function", metavar="NAME", help="compare on a function of two numbers instead of a "
        f"model, at rates 1e-5:1:11 unless told: {', '.join(functions.SURFACES)}")  # fmt: skip
    group.add_argument("--steps", type=whole_number(1), default=500, metavar="N",
                       help="with --function: updates (default: 500)")  # fmt: skip


def write_command(prog: str, argv: list[str], before: str | None = None) -> str:
    """A command line for people to read.

    Args:
      prog: name of the program.
      argv: its arguments.
      before: the command line of what goes on with these.

    >>> write_command("train.py", ["--resume", "run", "--epochs", "5"], "python train.py --opt sgd")
    'python train.py --opt sgd --epochs 5'
    """
    if before is None:
        return shlex.join(["python", prog, *argv])
    pairs = zip(["", *argv], argv, strict=False)
    said = [word for last, word in pairs if "--resume" not in (last, word.partition("=")[0])]
    return f"{before} {shlex.join(said)}".rstrip()


def _default(known: Mapping[str, object], name: str) -> str:
    """`name` where it is known, else the first one.

    >>> _default({"sgd": 1, "adam": 2}, "adam"), _default({"mine": 1}, "adam")
    ('adam', 'mine')
    """
    return name if name in known else next(iter(known))
