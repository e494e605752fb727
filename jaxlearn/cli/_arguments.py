"""The command line: its arguments, and what program they are of."""

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from jaxlearn import compare, training
from jaxlearn.nn import Layer

from ._recipe import Recipe
from ._terminal import Parser, checked, whole

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


def parse_arguments(app: App, argv: list[str]) -> argparse.Namespace:
    """What a command line says, and `prog`, the name of the program.

    Raises:
      UsageError: it cannot mean anything.
    """
    parser = Parser(
        prog=app.prog,
        description=DESCRIPTION.format(prog=app.prog),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.set_defaults(prog=app.prog)
    add = parser.add_argument
    opt, model = default(app.optimizers, "adam"), default(app.models, "mlp")
    add("--opt", default=opt, metavar="NAME,...", help=f"{', '.join(app.optimizers)} (default: {opt})")
    add("--model", default=model, metavar="NAME,...", help=f"{', '.join(app.models)} (default: {model})")
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
    add("--patience", type=whole(1), metavar="N",
        help="stop a run after N epochs that were no better than its best by validation, and keep that one "
        "(default: never)")  # fmt: skip
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


def default(known: Mapping[str, object], name: str) -> str:
    """`name` where it is known, else the first one.

    >>> default({"sgd": 1, "adam": 2}, "adam"), default({"mine": 1}, "adam")
    ('adam', 'mine')
    """
    return name if name in known else next(iter(known))
