"""An experiment as a value: from a command line, to a file and back, and what may change when it goes on."""

import json

import msgspec
import pytest

from jaxlearn import cli, nn, optim
from jaxlearn._files import CheckpointError
from jaxlearn.cli import CompareConfig, RunConfig
from jaxlearn.cli._arguments import App, parse_arguments
from jaxlearn.cli._build import build_optimizer, check_config
from jaxlearn.cli._config import from_json
from jaxlearn.cli._difference import first_difference
from jaxlearn.cli._process import pick_precision
from jaxlearn.cli._terminal import UsageError


def mlp(classes: int, hidden: int = 9) -> nn.Layer:
    return nn.sequential(nn.flatten, nn.linear(hidden), nn.relu, nn.linear(classes))


APP = App(
    "mine.py",
    {"mlp": mlp, "wide": mlp},
    {
        "adam": cli.Recipe(optim.adam, search=(1e-4, 1e-1)),
        "sgd": cli.Recipe(optim.sgd, search=(1e-2, 1.0), defaults={"learning_rate": 0.1}),
    },
)


def one(*argv, saved=None):
    return RunConfig.from_arguments(parse_arguments(APP, [*argv]), APP, saved)


def several(*argv, saved=None):
    return CompareConfig.from_arguments(parse_arguments(APP, [*argv]), APP, saved)


def through_a_file(config):
    return from_json(json.loads(json.dumps(config.to_json())), "config.json")


@pytest.mark.parametrize(
    "config",
    [
        one(),
        one("--opt", "sgd", "--lr", "0.5", "--set", "nesterov=true", "--set", "momentum=0.9", "--clip", "1"),
        one("--set", "hidden=5", "--drop-last", "--validation", "0", "--data-dir", "/data", "--log", "csv"),
        several("--opt", "sgd,adam", "--set", "hidden=5", "--seeds", "2", "--seed", "7"),
        several("--model", "mlp,wide", "--lr", "1e-3,1e-2", "--max-memory", "2GB", "--target", "0.9"),
        RunConfig(model="a", optimizer="b", shape=(8, 8, 1), classes=10, data_digest="00", precision="high"),
    ],
)
def test_a_configuration_comes_back_from_a_file(config):
    assert through_a_file(config) == config


def test_what_is_not_said_is_the_default():
    config = one()
    assert (config.optimizer, config.model, config.epochs, config.batch_size) == ("adam", "mlp", 10, 64)
    assert config.hyperparameters == APP.optimizers["adam"].hyperparameters
    assert config.sizes == {"hidden": 9}
    assert several().seeds == (0, 1, 2, 3, 4)
    assert several().optimizers["adam"]["learning_rate"] == [
        1e-4,
        3.162e-4,
        1e-3,
        3.162e-3,
        1e-2,
        3.162e-2,
        0.1,
    ]


def test_a_script_may_write_one():
    config = RunConfig(model="mlp", optimizer="sgd", hyperparameters={"learning_rate": 0.5}, epochs=2)
    assert through_a_file(config) == config
    with pytest.raises(AttributeError):
        config.epochs = 3


def test_what_goes_on_is_what_was_but_for_what_is_said():
    saved = one("--opt", "sgd", "--lr", "0.5", "--batch-size", "32", "--set", "hidden=4")
    longer = one("--epochs", "20", "--keep", "1", saved=saved)
    assert longer == msgspec.structs.replace(saved, epochs=20, keep=1)
    assert saved.difference(longer) is None
    for argv, different in {
        ("--lr", "0.1"): "learning_rate is 0.5 there, not 0.1",
        ("--set", "hidden=5"): "hidden is 4 there, not 5",
        ("--batch-size", "64"): "batch_size is 32 there, not 64",
        ("--opt", "adam"): "optimizer is sgd there, not adam",
        ("--drop-last",): "drop_last is False there, not True",
        ("--precision", "high"): "precision is None there, not high",
    }.items():
        config = one(*argv, saved=saved)
        assert different in (saved.difference(config) or "")


def test_an_optimizer_that_joins_a_comparison_has_the_settings_of_the_others():
    saved = several("--opt", "adam", "--lr", "1e-3,1e-2", "--set", "eps=1e-6", "--seeds", "3")
    joined = several("--opt", "adam,sgd", saved=several("--opt", "adam", "--lr", "1e-3,1e-2"))
    assert joined.optimizers["sgd"]["learning_rate"] == [1e-3, 1e-2]
    assert several("--opt", "adam", saved=saved) == saved
    assert saved.difference(several("--model", "mlp,wide", saved=saved)) is None
    assert (
        saved.difference(several("--seeds", "4", saved=saved)) == "seeds is [0, 1, 2] there, not [0, 1, 2, 3]"
    )
    assert "learning_rate of adam is" in (saved.difference(several("--lr", "0.1,1", saved=saved)) or "")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"epochs": "many"}, "epochs is many: Expected int, got str"),
        ({"epochs": 0}, "epochs is 0: Expected int >= 1"),
        ({"batch_size": 64.0}, "batch_size is 64.0: Expected int, got float"),
        ({"seed": 2**32}, "seed is 4294967296: Expected int <= 4294967295"),
        ({"nonfinite": "ignore"}, "nonfinite is ignore: Invalid enum value 'ignore'"),
        ({"hyperparameters": {"b1": None}}, "hyperparameters[...]: Expected"),
        ({"device": "/dev/sda"}, "device is /dev/sda: Invalid enum value"),
        ({"old": 1}, "unknown field old"),
        ({"kind": "sweep"}, "kind is sweep: Invalid value 'sweep'"),
        ({"kind": None}, "kind"),
        ({"model": None}, "model is None: Expected str, got"),
        ({"kind": "comparison", "seeds": []}, ""),
    ],
)
def test_what_is_none_is_refused_in_a_line(change, says):
    with pytest.raises(CheckpointError) as error:
        from_json(one().to_json() | change, "run/config.json")
    line = str(error.value)
    assert line.startswith("run/config.json is no configuration that jaxlearn ")
    assert says in line
    assert "\n" not in line


def test_that_of_an_older_version_is_refused_in_a_line():
    old = {"dataset": "mnist", "model": "mlp", "optimizer": "adam", "command": "python train.py"}
    with pytest.raises(CheckpointError, match="Object missing required field kind"):
        from_json(old, "config.json")


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (["--opt", "adam,adam"], "argument --opt: adam must be named once, got adam,adam"),
        (["--model", "mlp,mlp"], "argument --model: mlp must be named once, got mlp,mlp"),
        (["--lr", "0.1", "--set", "learning_rate=1"], "argument --lr: 0.1 contradicts --set learning_rate=1"),
        (["--opt", "adamm"], "argument --opt: 'adamm' is unknown; did you mean adam"),
        (["--opt", "sgd", "--set", "b1=0.5"], "argument --set: must be NAME=VALUE with a NAME out of"),
        (["--lr", "search:0"], "argument --lr: a grid must be"),
    ],
)
def test_wrong_settings_are_refused(argv, says):
    with pytest.raises(UsageError) as error:
        several(*argv)
    assert says in str(error.value)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"save_every": "0s"}, "argument --save-every: must be a time"),
        ({"schedule": "x"}, "argument --schedule: "),
        ({"sizes": {"hidden": 10**9}}, "argument --set: hidden must be at most"),
        ({"hyperparameters": {"momentum": 0.5}}, "argument --opt adam: "),
        ({"optimizer": "none"}, "argument --opt: 'none' is unknown"),
        ({"clip": -1.0}, "argument --clip: "),
    ],
)
def test_what_cannot_be_built_is_refused(change, says):
    with pytest.raises(UsageError) as error:
        check_config(APP, msgspec.structs.replace(one(), **change))
    assert says in str(error.value)


def test_a_precision_that_jax_does_not_know_is_refused():
    with pytest.raises(UsageError, match="argument --precision: "):
        pick_precision("double")


def test_what_a_script_leaves_out_is_the_recipe_s():
    config = RunConfig(model="mlp", optimizer="sgd", hyperparameters={"momentum": 0.5})
    check_config(APP, config)
    assert build_optimizer(APP, config, "sgd", config.hyperparameters, steps=1)


def test_seeds_stay_where_none_are_said():
    saved = msgspec.structs.replace(several(), seeds=(3, 1))
    assert several("--opt", "adam", saved=saved).seeds == (3, 1)
    assert several("--seed", "5", saved=saved).seeds == (5, 6)


def test_a_single_run_has_no_list():
    with pytest.raises(
        UsageError, match=r"learning_rate must be one number in a single run, got \[0.1, 1.0\]"
    ):
        one("--lr", "0.1,1", saved=one())


@pytest.mark.parametrize(
    ("saved", "now", "difference"),
    [
        ({"model": "mlp"}, {"model": "cnn"}, "model is mlp there, not cnn"),
        ({"model": "mlp", "free": 5}, {"model": "mlp", "free": 9}, None),
        ({"model": "mlp", "old": 1}, {"model": "mlp"}, None),
        ({}, {"seed": 0}, "seed is None there, not 0"),
        ({"sizes": {"hidden": 5, "x": 1}}, {"sizes": {"hidden": 5}}, "x is 1 there, not missing"),
        ({"sizes": {"x": None}}, {"sizes": {}}, "x is None there, not missing"),
        ({"sizes": []}, {"sizes": {}}, "sizes is [] there, not {}"),
        ({"seed": 0}, {"seed": False}, None),
        ({"lr": 1.0}, {"lr": 1}, None),
    ],
)
def test_what_keeps_a_run_from_going_on_is_named(saved, now, difference):
    told = first_difference(saved, now, ["free"])
    assert (told is None) == (difference is None)
    assert difference is None or difference in told


@pytest.mark.parametrize("value", ["a\nb", "x" * 10_000, [[]] * 10_000, {"a\nb": 1}, {"x" * 10_000: 1}])
def test_a_difference_is_a_short_line(value):
    told = first_difference({"model": value, "sizes": value}, {"model": "mlp", "sizes": {}})
    assert len(told.splitlines()) == 1
    assert len(told) < 500
    assert len(first_difference({"sizes": value}, {"sizes": {}}).splitlines()) == 1
