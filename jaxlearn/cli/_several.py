"""A comparison, from its configuration to its report."""

import math
import shlex
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from jaxlearn import report
from jaxlearn.compare import functions

from ._arguments import App
from ._build import build_optimizer, load_data, make_contenders, updates_of
from ._choice import axes_of
from ._config import CompareConfig
from ._folder import claim_folder, claim_fresh_folder, default_folder, find_folder, open_folder
from ._process import (
    import_meanwhile,
    last_words,
    matmul_precision,
    pick_devices,
    pick_precision,
    use_every_core,
)
from ._progress import compare_with_progress
from ._terminal import Ended, UsageError, print_table, usage
from ._versions import versions

FACTS = ("update rule", "memory", "hyperparameters", "pros", "cons")  # of a recipe, in a report


def run_comparison(
    app: App, config: CompareConfig, out: Path | None = None, saved: CompareConfig | None = None
) -> None:
    """Trains and reports what `config` asks for.

    Args:
      app: what its names mean.
      config: the comparison.
      out: its folder, new or that of a part of the same comparison; by default one is named after it.
      saved: what the comparison that goes on in `out` was.
    """
    use_every_core()
    devices = pick_devices(config.device)
    pick_precision(config.precision)
    config, dataset, train, validation = load_data(config)
    config = msgspec.structs.replace(config, precision=matmul_precision(), versions=versions())
    import_meanwhile("scipy.stats", "matplotlib.figure")
    if saved and (different := saved.difference(config)):
        raise UsageError(f"argument --resume: {out} cannot go on with this: {different}")
    models, opts = list(config.models), list(config.optimizers)
    names = "+".join(opts) if len(opts) < 9 else f"{len(opts)}-optimizers"
    folder = out or find_folder(default_folder(dataset.name, "+".join(models), names), config)
    again = f"python {app.prog} --resume {shlex.quote(str(folder))}"
    stopped = f"stopped; what is finished is saved; go on with: {again}"
    limit = f" --max-memory {config.max_memory}" if config.max_memory else ""
    try:
        with (
            claim_folder(folder, with_run=True),
            last_words(stopped),
            open_folder(folder, config, bool(saved)),
            usage(f"--model {','.join(models)} --batch-size {config.batch_size}{limit}"),
        ):
            what = f"{', '.join(opts)} on {', '.join(models)}"
            print(f"comparing {what}: {len(config.seeds)} seeds, {config.epochs} epochs a run; "
                f"{len(devices)} x {devices[0].device_kind}; results in {folder}", flush=True)  # fmt: skip
            result = compare_with_progress(
                make_contenders(app, config, dataset.classes, updates_of(config, train)),
                train, validation, dataset.test, seeds=config.seeds, epochs=config.epochs,
                batch_size=config.batch_size, drop_last=config.drop_last, width=config.width,
                max_memory=config.max_memory, devices=devices, folder=folder / "sweeps",
            )  # fmt: skip
    except KeyboardInterrupt:
        raise Ended(stopped, 130) from None
    about = describe(app, config) | {"device": devices[0].device_kind}
    report.print_report(result, about)
    report.write_report(folder, result, about)
    if config.log:
        report.log_sweeps(folder, result.sweeps, config.log)
    print(f"\nreport in {folder / 'report.html'}")


def describe(app: App, config: CompareConfig) -> dict[str, Any]:
    """What a report says of a comparison."""
    facts = {
        opt: {name: fact for name, fact in app.optimizers[opt].facts.items() if name in FACTS}
        for opt in config.optimizers
    }
    return config.to_json() | {"title": config.dataset, "facts": facts}


def run_function(
    app: App, config: CompareConfig, surface: functions.Surface, steps: int, out: Path | None
) -> None:
    """Compares optimizers on a function of two numbers."""
    pick_devices(config.device)
    pick_precision(config.precision)
    config = msgspec.structs.replace(config, epochs=1)  # a schedule is as long as the descent
    for grid in config.optimizers.values():
        for name in axes_of(grid):
            if name != "learning_rate":
                raise UsageError(
                    f"argument --set: only the learning rate is searched on a function, not {name}"
                )
    with claim_folder(out) if out else claim_fresh_folder(Path("runs") / surface.name) as folder:
        descents = [descend(app, config, opt, surface, steps) for opt in config.optimizers]
        print(f"{surface.name}: {surface.formula}, {steps} steps from {surface.start}; "
            f"{len(descents[-1].rates)} learning rates for each, the one that ends lowest")  # fmt: skip
        descents.sort(key=lambda d: math.inf if d.diverged == len(d.rates) else d.final[d.chosen])
        print_table(report.descents_table(surface, descents))
        report.write_descents(folder, surface, descents)
    print(f"\npicture in {folder / surface.name}.png")


def descend(
    app: App, config: CompareConfig, opt: str, surface: functions.Surface, steps: int
) -> functions.Descent:
    """An optimizer at each of its learning rates on a function."""
    grid = config.optimizers[opt]
    rates: Any = axes_of(grid).get("learning_rate", [grid["learning_rate"]])
    with usage(f"--function {surface.name} --opt {opt}"):
        return functions.tune(
            surface, opt, partial(build_optimizer, app, config, opt, grid, steps), rates, steps
        )
