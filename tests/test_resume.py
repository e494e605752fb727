"""Every optimizer of `train.py --list`, and models that change or draw something, resume bit for bit."""

import json
from pathlib import Path

import pytest

from jaxlearn import nn
from models import MODELS
from optimizers import OPTIMIZERS
from tests.command import run, summary
from tests.jaxlearn.sample import sample, small_first
from tests.jaxlearn.training.small import (
    EXAMPLES,
    UPDATES,
    compile_small,
    compiled_once,
    make_split,
    resumes_bit_for_bit,
)

STEPS = (7, UPDATES + 1)  # in the middle of the first epoch, and in the second


@pytest.mark.parametrize("name", sample(14, list(OPTIMIZERS)))
def test_every_optimizer_resumes_bit_for_bit(name, tmp_path):
    recipe = OPTIMIZERS[name]
    model = nn.sequential(nn.flatten, nn.linear(5), nn.tanh, nn.linear(3))
    program = compile_small(recipe.factory(**recipe.hyperparameters), model)
    resumes_bit_for_bit(program, tmp_path, STEPS)


def test_a_run_that_leaves_out_last_batches_resumes_bit_for_bit(tmp_path):
    program = compile_small(drop_last=True)
    assert program.updates == UPDATES - 1
    resumes_bit_for_bit(program, tmp_path, STEPS)


SIZES = {
    "cnn-bn": {"channels": 4, "dropout": 0.5},
    "lstm": {"hidden": 8, "layers": 2},
    "resnet": {"channels": 4, "stages": 2},
}


@pytest.mark.slow
@pytest.mark.parametrize("name", SIZES)
def test_models_that_change_and_draw_resume_bit_for_bit(name, tmp_path):
    images = make_split(EXAMPLES, shape=(28, 28, 1))
    program = compile_small(model=MODELS[name](3, **SIZES[name]), train=images)
    resumes_bit_for_bit(program, tmp_path, STEPS)


OPTIONS = ["--dataset", "digits", "--model", "mlp", "--set", "hidden=7", "--clip", 1, "--nonfinite", "skip"]
OPTIONS += ["--schedule", "exponential", "--batch-size", 256, "--save-every", "1epochs"]


REFUSED = {
    ("--epochs", 2): "argument --epochs: run has trained 3 epochs, got 2",
    ("--out", "other"): "argument --out: other contradicts --resume run",
    ("--model", "mlp-relu"): "model is mlp there, not mlp-relu",
    ("--opt", "sgd"): "optimizer is adam there, not sgd",
    ("--set", "hidden=8"): "hidden is 7 there, not 8",
    ("--lr", 0.5): "learning_rate is 0.001 there, not 0.5",
    ("--batch-size", 128): "batch_size is 256 there, not 128",
    ("--schedule", "cosine"): "schedule is exponential there, not cosine",
    ("--seed", 1): "seed is 0 there, not 1",
    ("--nonfinite", "stop"): "nonfinite is skip there, not stop",
}


def metrics(folder):
    lines = [json.loads(line) for line in (Path(folder) / "metrics.jsonl").read_text().splitlines()]
    return [{name: value for name, value in line.items() if name != "seconds"} for line in lines]


@pytest.fixture
def quick(empty_folder, tmp_path):
    with compiled_once(tmp_path / "compiled"):
        yield


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("refused", small_first(3, 10))
def test_more_epochs_end_as_if_asked_for_at_once_and_other_runs_are_refused(refused, capsys):
    assert run(*OPTIONS, "--epochs", 3, "--out", "whole") == 0
    assert run(*OPTIONS, "--epochs", 1, "--out", "run") == 0
    capsys.readouterr()
    assert run("--resume", "run", "--epochs", 3) == 0
    assert "going on after 1 epochs, step 6\n" in capsys.readouterr().out
    assert summary("run")["params_digest"] == summary("whole")["params_digest"]
    assert metrics("run") == metrics("whole")
    config = json.loads(Path("run/config.json").read_text())
    assert config["epochs"] == 3
    before = {path: path.read_bytes() for path in Path("run").rglob("*") if path.is_file()}
    for options, message in list(REFUSED.items())[:refused]:
        status = run("--resume", "run", *options)
        error = capsys.readouterr().err
        assert (status, error.count("\n")) == (2, 1), error
        assert message in error
    assert before == {path: path.read_bytes() for path in Path("run").rglob("*") if path.is_file()}


@pytest.mark.slow
@pytest.mark.usefixtures("quick")
def test_a_schedule_that_would_have_begun_otherwise_is_refused(capsys):
    falling = ["--schedule", "cosine", "--epochs"]
    assert run(*OPTIONS, *falling, 2, "--out", "run") == 0
    assert run("--resume", "run", "--epochs", 3) == 2
    assert "with 3 in place of 2, --schedule cosine would have begun otherwise" in capsys.readouterr().err
    assert run("--resume", "run") == 0
