"""A comparison, from its command line to its report."""

import argparse
import math
import shlex
from functools import partial
from pathlib import Path

from jaxlearn import compare, report, training

from ._choice import Choice, build_optimizer, default_folder, describe_run, load_data, updates_of
from ._process import import_meanwhile, last_words, pick_devices, pick_precision, use_every_core
from ._resume import check_dataset
from ._terminal import Ended, UsageError, pick, print_table, usage

FACTS = ("update rule", "memory", "hyperparameters", "pros", "cons")  # of a recipe, in a report


def run_comparison(args: argparse.Namespace, choices: list[Choice], command: list[str]) -> None:
    use_every_core()
    devices = pick_devices(args.device)
    pick_precision(args.precision)
    if args.resume:
        check_dataset(args.resume, args.dataset)
    dataset, train, validation = load_data(args)
    import_meanwhile("scipy.stats", "matplotlib.figure")
    steps = updates_of(args, train)
    contenders = [
        compare.Contender(
            choice.opt,
            partial(build_optimizer, args, choice, steps),
            choice.axes or {"learning_rate": [choice.hyper["learning_rate"]]},
            choice.make_model(dataset.classes, **choice.sizes),
            choice.model,
        )
        for choice in choices
    ]
    seeds = range(args.seed, args.seed + (args.seeds or 5))
    config = describe_run(args, command, dataset, validation) | {"seeds": list(seeds)}
    config |= {"width": args.width, "target": args.target, "device": devices[0].device_kind}
    config["models"] = {choice.model: choice.sizes for choice in choices}
    config["optimizers"] = {choice.opt: choice.hyper | choice.axes for choice in choices}
    config |= {"versions": compare.versions()}
    models, opts = list(config["models"]), list(config["optimizers"])
    default = default_folder(
        dataset.name, "+".join(models), "+".join(opts) if len(opts) < 9 else f"{len(opts)}-optimizers"
    )
    if args.resume and (different := compare.difference(training.read_config(args.resume)[0], config)):
        raise UsageError(f"argument --resume: {args.resume} cannot go on with this: {different}")
    folder = args.out or compare.find_folder(default, config)
    resume = f"python {args.prog} --resume {shlex.quote(str(folder))}"
    stopped = f"stopped; what is finished is saved; go on with: {resume}"
    limit = f" --max-memory {args.max_memory}" if args.max_memory else ""
    try:
        with (
            training.claim_folder(folder, with_run=True),
            last_words(stopped),
            compare.open_folder(folder, config, bool(args.resume)),
            usage(f"--model {args.model} --batch-size {args.batch_size}{limit}"),
        ):
            what = f"{', '.join(opts)} on {', '.join(models)}"
            print(f"comparing {what}: {len(seeds)} seeds, {args.epochs} epochs a run; "
                f"{len(devices)} x {devices[0].device_kind}; results in {folder}", flush=True)  # fmt: skip
            result = compare.compare_with_progress(
                contenders, train, validation, dataset.test, seeds=seeds, epochs=args.epochs,
                batch_size=args.batch_size, drop_last=args.drop_last, width=args.width,
                max_memory=args.max_memory, devices=devices, folder=folder / "sweeps",
            )  # fmt: skip
    except KeyboardInterrupt:
        raise Ended(stopped, 130) from None
    facts = {
        choice.opt: {name: fact for name, fact in choice.recipe.facts.items() if name in FACTS}
        for choice in choices
    }
    about = config | {"title": dataset.name, "facts": facts}
    report.print_report(result, about)
    report.write_report(folder, result, about)
    print(f"\nreport in {folder / 'report.html'}")


def run_function(args: argparse.Namespace, choices: list[Choice]) -> None:
    surface = pick("--function", args.function, compare.SURFACES)
    pick_devices(args.device)
    pick_precision(args.precision)
    name = Path("runs") / surface.name
    if several := [name for choice in choices for name in choice.axes if name != "learning_rate"]:
        raise UsageError(
            f"argument --set: only the learning rate is searched on a function, not {several[0]}"
        )
    args.epochs = 1  # a schedule is as long as the descent
    with training.claim_folder(args.out) if args.out else training.claim_fresh_folder(name) as folder:
        descents = [descend(args, choice, surface) for choice in choices]
        print(f"{surface.name}: {surface.formula}, {args.steps} steps from {surface.start}; "
            f"{len(descents[-1].rates)} learning rates for each, the one that ends lowest")  # fmt: skip
        descents.sort(key=lambda d: math.inf if d.diverged == len(d.rates) else d.final[d.chosen])
        print_table(report.descents_table(surface, descents))
        report.write_descents(folder, surface, descents)
    print(f"\npicture in {folder / surface.name}.png")


def descend(args: argparse.Namespace, choice: Choice, surface: compare.Surface) -> compare.Descent:
    """An optimizer at each of its learning rates on a function."""
    rates = choice.axes.get("learning_rate", [choice.hyper["learning_rate"]])
    make = partial(build_optimizer, args, choice, args.steps)
    with usage(f"--function {args.function} --opt {choice.opt}"):
        return compare.tune(surface, choice.opt, make, rates, args.steps)
