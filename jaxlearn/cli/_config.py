"""An experiment as a value: what a run or a comparison was asked to be, and what `config.json` holds."""

import argparse
import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import msgspec

from jaxlearn import data
from jaxlearn._files import CheckpointError, to_json
from jaxlearn._text import show
from jaxlearn._version import __version__

from ._arguments import App
from ._choice import Settings, axes_of, choose, settings_of, sizes_of
from ._difference import first_difference
from ._terminal import UsageError, pick

Positive = Annotated[int, msgspec.Meta(ge=1)]
Whole = Annotated[int, msgspec.Meta(ge=0)]
Seed = Annotated[int, msgspec.Meta(ge=0, lt=2**32)]
Values = dict[str, bool | int | float | str]
Grid = dict[str, bool | int | float | str | list[float]]
C = TypeVar("C", bound="Config")
SEEDS = tuple(range(5))
FREE = ("device", "command", "data_dir", "log", "version")  # another one goes on with the same numbers


class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind"):
    """What single runs and comparisons have in common.

    Attributes:
      dataset: "auto", "mnist", "fashion_mnist", "digits" or "tfds:NAME".
      data_dir: folder with its original files; None: the cache, or a download.
      data_digest: checksum of the examples; None until they are loaded.
      validation: training examples held out to validate on; None: a tenth, at most 1000.
      epochs, batch_size, drop_last: of every run.
      schedule: of the learning rate, as text; see `jaxlearn.schedules.parse`.
      clip: largest norm of the gradient; None: none.
      nonfinite: what happens at a loss or gradient of NaN or infinity.
      device: "auto" or a platform of JAX.
      precision: of products of float32 matrices, by JAX's name; None: as JAX has it.
      log: "csv" or "tensorboard", where reports are written to as well: a run's, or the chosen runs'.
      command: a command line that asks for this, for people to read.
      version: of jaxlearn.
    """

    dataset: str = "auto"
    data_dir: str | None = None
    data_digest: str | None = None
    validation: Whole | None = None
    epochs: Positive = 10
    batch_size: Positive = 64
    drop_last: bool = False
    schedule: str = "constant"
    clip: float | None = None
    nonfinite: Literal["stop", "skip"] = "stop"
    device: Literal["auto", "cpu", "gpu", "tpu"] = "auto"
    precision: str | None = None
    log: Literal["csv", "tensorboard"] | None = None
    command: str = ""
    version: str = __version__

    @property
    def grids(self) -> dict[str, Grid]:
        """For each optimizer its hyperparameters; those that are searched are lists."""
        raise NotImplementedError

    @property
    def sizes_of_models(self) -> dict[str, Values]:
        """For each model its sizes."""
        raise NotImplementedError

    def loaded(self: C, dataset: data.Dataset, validation: int) -> C:
        """The same, knowing its data, of which so many examples are held out."""
        folder = self.data_dir and str(Path(self.data_dir).expanduser().resolve())
        known = {"dataset": dataset.name, "data_dir": folder, "data_digest": data.digest(dataset)}
        return msgspec.structs.replace(self, **known, validation=validation)

    def to_json(self) -> dict[str, Any]:
        """As a dict of what JSON can say; `from_json` reads it."""
        return dict(json.loads(to_json(msgspec.to_builtins(self))))

    def difference(self: C, other: C) -> str | None:
        """What keeps a run or comparison of this configuration from going on with another one, or None.

        >>> adam, sgd = (RunConfig(optimizer=name, model="mlp") for name in ("adam", "sgd"))
        >>> adam.difference(msgspec.structs.replace(adam, epochs=20))
        >>> adam.difference(sgd)
        'optimizer is adam there, not sgd'
        """
        raise NotImplementedError


class RunConfig(Config, frozen=True, kw_only=True, tag="run"):
    """One run.

    Attributes:
      model, sizes: its name, and what may be said of it besides the number of classes.
      optimizer, hyperparameters: its name, and the value of each.
      seed: of the first parameters, the shuffling and dropout.
      save_every: how often it is saved: "30s", "500steps" or "1epochs".
      keep: checkpoints that stay, besides that of the best epoch.
      patience: epochs no better than the best one that end it; None: never.
      shape, classes: of the examples; empty and 0 until they are loaded.
    """

    model: str
    sizes: Values = {}
    optimizer: str
    hyperparameters: Values = {}
    seed: Seed = 0
    save_every: str = "30s"
    keep: Positive = 3
    patience: Positive | None = None
    shape: tuple[Positive, ...] = ()
    classes: Whole = 0

    @classmethod
    def from_arguments(
        cls, args: argparse.Namespace, app: App, saved: "RunConfig | None" = None
    ) -> "RunConfig":
        """What a command line asks for, and `saved` where it is silent.

        Raises:
          UsageError: a value that the optimizer or the model does not take, or several.
        """
        opt = getattr(args, "opt", saved.optimizer if saved else app.default_optimizer)
        model = getattr(args, "model", saved.model if saved else app.default_model)
        recipe, make_model = pick("--opt", opt, app.optimizers), pick("--model", model, app.models)
        hyper, sizes = recipe.hyperparameters, sizes_of(make_model)
        if saved and saved.optimizer == opt:
            hyper = hyper | saved.hyperparameters
        if saved and saved.model == model:
            sizes = saved.sizes
        hyper, sizes = choose(settings_of(args), opt, recipe, hyper, sizes)
        for name, values in axes_of(hyper).items():
            raise UsageError(f"argument --set: {name} must be one number in a single run, got {values}")
        asked: dict[str, Any] = {"model": model, "sizes": sizes, "optimizer": opt, "hyperparameters": hyper}
        return _replace(saved, args, cls, asked)

    @property
    def grids(self) -> dict[str, Grid]:
        return {self.optimizer: dict(self.hyperparameters)}

    @property
    def sizes_of_models(self) -> dict[str, Values]:
        return {self.model: self.sizes}

    def loaded(self, dataset: data.Dataset, validation: int) -> "RunConfig":
        config = super().loaded(dataset, validation)
        shape = dataset.train.images.shape[1:]
        return msgspec.structs.replace(config, shape=shape, classes=dataset.classes)

    def difference(self, other: "RunConfig") -> str | None:
        free = ("epochs", "patience", "save_every", "keep")
        return first_difference(self.to_json(), other.to_json(), (*FREE, *free))


class CompareConfig(Config, frozen=True, kw_only=True, tag="comparison"):
    """A comparison.

    Attributes:
      models: for each its sizes.
      optimizers: for each its hyperparameters; those that are searched are lists.
      settings: what was said of all of them, for those that join later, as "NAME=VALUE".
      seeds: of the runs.
      target: the validation accuracy that is to be reached; None: 99% of the best.
      width: runs side by side by vmap, at most; None: what is faster.
      max_memory: bytes for the runs trained together; None: most of what is free.
      versions: what the numbers may depend on.
    """

    models: dict[str, Values]
    optimizers: dict[str, Grid]
    settings: tuple[str, ...] = ()
    seeds: Annotated[tuple[Seed, ...], msgspec.Meta(min_length=1)] = SEEDS
    target: float | None = None
    width: Positive | None = None
    max_memory: Positive | None = None
    versions: dict[str, str] = {}

    @classmethod
    def from_arguments(
        cls, args: argparse.Namespace, app: App, saved: "CompareConfig | None" = None, rates: str = "search"
    ) -> "CompareConfig":
        """What a command line asks for, and `saved` where it is silent.

        Args:
          args: the arguments.
          app: whose they are.
          saved: a comparison to go on with.
          rates: learning rates of optimizers of which none is said.

        Raises:
          UsageError: a value that an optimizer or a model does not take.
        """
        opts = _names(args, "opt", saved.optimizers if saved else None, app.default_optimizer)
        models = _names(args, "model", saved.models if saved else None, app.default_model)
        settings: Settings = [("--set", text) for text in saved.settings] if saved else []
        settings += settings_of(args)
        if not any(text.startswith("learning_rate=") for _, text in settings):
            settings.append(("--lr", f"learning_rate={rates}"))
        asked: dict[str, Any] = {
            "models": {},
            "optimizers": {},
            "settings": tuple(text for _, text in settings),
        }
        for model in models:
            make_model = pick("--model", model, app.models)
            for opt in opts:
                recipe = pick("--opt", opt, app.optimizers)
                hyper, sizes = choose(settings, opt, recipe, recipe.hyperparameters, sizes_of(make_model))
                asked["models"][model], asked["optimizers"][opt] = sizes, hyper
        seeds = saved.seeds if saved else SEEDS
        if "seed" in args or "seeds" in args:
            first, number = getattr(args, "seed", seeds[0]), getattr(args, "seeds", len(seeds))
            seeds = tuple(range(first, first + number))
        return _replace(saved, args, cls, asked | {"seeds": seeds})

    @property
    def grids(self) -> dict[str, Grid]:
        return self.optimizers

    @property
    def sizes_of_models(self) -> dict[str, Values]:
        return self.models

    def difference(self, other: "CompareConfig") -> str | None:
        free = ("target", "max_memory", "versions", "settings")
        return first_difference(self.to_json(), other.to_json(), (*FREE, *free), ("optimizers", "models"))


def asks_for_several(args: argparse.Namespace, app: App) -> bool:
    """Whether a command line asks for a comparison."""
    opt, model = getattr(args, "opt", app.default_optimizer), getattr(args, "model", app.default_model)
    if "seeds" in args or "," in opt or "," in model:
        return True
    recipe, make_model = pick("--opt", opt, app.optimizers), pick("--model", model, app.models)
    hyper, _ = choose(settings_of(args), opt, recipe, recipe.hyperparameters, sizes_of(make_model))
    return bool(axes_of(hyper))


def from_json(content: Mapping[str, Any], source: object) -> RunConfig | CompareConfig:
    """The configuration that `to_json` took apart.

    Args:
      content: what JSON says.
      source: where it is from, for the error.

    Raises:
      CheckpointError: it is none of this version.
    """
    try:
        return msgspec.convert(dict(content), RunConfig | CompareConfig)
    except (msgspec.ValidationError, UnicodeError) as error:
        reason, _, place = str(error).replace("`", "").partition(" - at $.")
        where = f"{place} is {show(content[place])}: " if place in content else f"{place}: " if place else ""
        raise CheckpointError(
            f"{source} is no configuration that jaxlearn {__version__} reads: {where}{reason}"
        ) from None


def _replace(saved: C | None, args: argparse.Namespace, cls: type[C], asked: dict[str, Any]) -> C:
    """`saved`, or the default values, changed by what a command line says and by what was made of it."""
    said = {name: value for name, value in vars(args).items() if name in cls.__struct_fields__} | asked
    if said.get("dataset") == "auto" and saved:
        del said["dataset"]
    said["version"] = __version__
    return msgspec.structs.replace(saved, **said) if saved else cls(**said)


def _names(args: argparse.Namespace, name: str, saved: Collection[str] | None, default: str) -> list[str]:
    """Those in an argument, each of which must be there once; else those saved, else the default one."""
    if name not in args:
        return list(saved or [default])
    names = str(getattr(args, name)).split(",")
    if twice := [each for each in names if names.count(each) > 1]:
        raise UsageError(f"argument --{name}: {twice[0]} must be named once, got {getattr(args, name)}")
    return names
