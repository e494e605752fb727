"""From a configuration to what it names: data, models, optimizers."""

import math
from collections.abc import Mapping
from functools import partial
from typing import Any, TypeVar, cast

import jax.numpy as jnp

from jaxlearn import data, optim, schedules
from jaxlearn.compare import Contender
from jaxlearn.nn import Layer
from jaxlearn.recording import Saving

from ._arguments import App
from ._choice import axes_of
from ._config import Config, RunConfig
from ._terminal import pick, usage

LARGEST_SIZE = 100_000
LARGEST = float(jnp.finfo(jnp.float32).max)
C = TypeVar("C", bound=Config)


def check_config(app: App, config: Config) -> None:
    """Makes sure that every model and optimizer can be made, before anything is loaded.

    Raises:
      UsageError: one cannot.
    """
    if isinstance(config, RunConfig):
        with usage("--save-every"):
            Saving.parse(config.save_every)
    contenders = make_contenders(app, config, classes=10, steps=1)
    with usage("--set"):
        points = {contender.optimizer: contender.points for contender in contenders}
    for contender in contenders[: len(points)]:  # those on the first model
        for point in points[contender.optimizer]:
            contender.make(**point)


def make_contenders(app: App, config: Config, classes: int, steps: int) -> list[Contender]:
    """Every optimizer on every model, for epochs of `steps` updates."""
    models = {name: build_model(app, name, sizes, classes) for name, sizes in config.sizes_of_models.items()}
    grids = {opt: complete(app, opt, grid) for opt, grid in config.grids.items()}
    return [
        Contender(
            opt,
            partial(build_optimizer, app, config, opt, grid, steps),
            axes_of(grid) or {"learning_rate": [cast(float, grid["learning_rate"])]},
            model,
            name,
        )
        for name, model in models.items()
        for opt, grid in grids.items()
    ]


def complete(app: App, opt: str, grid: Mapping[str, Any]) -> dict[str, Any]:
    """Hyperparameters of an optimizer, with the recipe's where there are none."""
    return {**pick("--opt", opt, app.optimizers).hyperparameters, **grid}


def build_model(app: App, name: str, sizes: Mapping[str, Any], classes: int) -> Layer:
    """A model by its name."""
    make_model = pick("--model", name, app.models)
    with usage("--set"):
        for size, value in sizes.items():
            if isinstance(value, int) and value > LARGEST_SIZE:
                raise ValueError(f"{size} must be at most {LARGEST_SIZE}, got {value}")
    with usage(f"--model {name} --set"):
        return make_model(classes, **sizes)


def build_optimizer(
    app: App, config: Config, opt: str, grid: Mapping[str, Any], steps: int, **point: Any
) -> optim.Transform:
    """An optimizer at a point of its grid, for epochs of `steps` updates."""
    hyper, factory = complete(app, opt, grid) | point, app.optimizers[opt].factory
    with usage(f"--opt {opt}"):
        for name, value in hyper.items():
            if isinstance(value, float) and LARGEST < abs(value) < math.inf:
                raise ValueError(f"{name} must be at most {LARGEST:.2g}, as float32 holds, got {value}")
        factory(**hyper)
    with usage("--schedule"):
        rate = schedules.parse(
            config.schedule, hyper["learning_rate"], steps_per_epoch=steps, epochs=config.epochs
        )
    clip = []
    if config.clip is not None:
        with usage("--clip"):
            clip = [optim.clip_by_global_norm(config.clip)]
    optimizer = optim.chain(*clip, factory(**hyper | {"learning_rate": rate}))
    return optim.skip_nonfinite(optimizer) if config.nonfinite == "skip" else optimizer


def load_dataset(name: str, data_dir: str | None) -> data.Dataset:
    """A dataset, and a line that says which it is."""
    with usage("--dataset"):
        dataset = data.load(name, data_dir)
    print(f"dataset: {dataset.origin}", flush=True)
    return dataset


def load_data(config: C) -> tuple[C, data.Dataset, data.Split, data.Split]:
    """The configuration knowing its data; these, and what of them is trained and validated on."""
    dataset = load_dataset(config.dataset, config.data_dir)
    total = len(dataset.train.labels)
    held_out = min(1000, total // 10) if config.validation is None else config.validation
    with usage("--validation"):
        train, validation = data.hold_out(dataset.train, held_out)
    return config.loaded(dataset, len(validation.labels)), dataset, train, validation


def updates_of(config: Config, train: data.Split) -> int:
    """Updates in an epoch."""
    return data.count_batches(len(train.labels), config.batch_size, config.drop_last)
