"""The command line: what it prints and writes, and one line for whatever is wrong."""

import gzip
import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

import jax
import pytest

from optimizers import OPTIMIZERS
from tests.command import refused, run, summary
from tests.jaxlearn.sample import sample, small_first

ROOT = Path(__file__).parents[1]
QUICK = ["--dataset", "digits", "--epochs", "1"]
pytestmark = pytest.mark.usefixtures("empty_folder")


@pytest.mark.parametrize("name", sample(14, OPTIMIZERS))
def test_every_optimizer_trains(name, capsys):
    assert run("--opt", name, *QUICK, "--out", "run") == 0
    out = capsys.readouterr().out.splitlines()
    assert out[0] == "dataset: digits (1,797 images, bundled with scikit-learn)"
    assert out[1].endswith("; compiling ...")
    assert name in out[2]
    assert summary("run")["optimizer"] == name
    assert summary("run")["hyperparameters"] == OPTIMIZERS[name].hyperparameters


def test_auto_says_what_it_took_and_why(capsys):
    assert run("--epochs", "1") == 0
    first = capsys.readouterr().out.splitlines()[0]
    assert first.startswith("dataset: digits (1,797 images")
    assert "because MNIST cannot be had: http://127.0.0.1:9/mnist/" in first
    assert summary("runs/digits-mlp-adam-0")["dataset"] == "digits"


def test_the_same_command_twice_gives_the_same_parameters_another_seed_others():
    for seed in (0, 0, 1):
        assert run(*QUICK, "--seed", seed) == 0
    folders = ["runs/digits-mlp-adam-0", "runs/digits-mlp-adam-0-2", "runs/digits-mlp-adam-1"]
    first, again, other = (summary(folder)["params_digest"] for folder in folders)
    assert first == again != other


def test_every_option_reaches_the_run():
    options = ["--model", "mlp-relu", "--batch-size", 100, "--lr", 0.002, "--schedule", "linear:end=0.001"]
    options += ["--weight-decay", 0.01, "--clip", 1.0, "--set", "b1=0.8", "--set", "amsgrad=true"]
    options += ["--seed", 3, "--validation", 37, "--device", "cpu", "--out", "run"]
    assert run("--dataset", "digits", "--epochs", 2, *options) == 0
    config = json.loads(Path("run/config.json").read_text())
    hyper = {"learning_rate": 0.002, "weight_decay": 0.01, "b1": 0.8, "amsgrad": True}
    assert config["hyperparameters"] == OPTIMIZERS["adam"].hyperparameters | hyper
    wanted = {"model": "mlp-relu", "batch_size": 100, "schedule": "linear:end=0.001", "clip": 1.0, "seed": 3}
    assert wanted.items() <= config.items()
    assert (config["validation"], config["epochs"], config["dataset"]) == (37, 2, "digits")
    rates = [json.loads(line)["learning_rate"] for line in Path("run/metrics.jsonl").read_text().splitlines()]
    # 14 steps an epoch, 28 in all; each line tells the last rate that was used
    assert rates == pytest.approx([0.002 - 0.001 * 13 / 28, 0.002 - 0.001 * 27 / 28])


CHANGES = ["--clip 0.001", "--batch-size 32", "--weight-decay 0.1", "--schedule cosine", "--lr 0.01"]
CHANGES += ["--set hidden=50", "--set activation=tanh"]


@pytest.mark.parametrize("changes", small_first(CHANGES[::3], CHANGES), ids=["some", "all"])
def test_every_option_changes_the_result(changes):
    for options in ["", *changes]:
        assert run(*QUICK, *options.split()) == 0
    assert len({summary(folder)["params_digest"] for folder in Path("runs").iterdir()}) == 1 + len(changes)


def test_sizes_of_the_model_are_set_shown_and_kept(capsys):
    sizes = ["--model", "lstm", "--set", "hidden=5", "--set", "layers=2", "--set", "b1=0.8"]
    assert run(*QUICK, *sizes, "--out", "run") == 0
    assert "model: lstm (hidden=5, layers=2), 1,000 parameters; optimizer: adam" in capsys.readouterr().out
    config = json.loads(Path("run/config.json").read_text())
    assert config["sizes"] == {"hidden": 5, "layers": 2}
    assert config["hyperparameters"]["b1"] == 0.8
    assert "hidden" not in config["hyperparameters"]


def test_list_shows_every_optimizer_and_model(capsys):
    assert run("--list") == 0
    out = capsys.readouterr().out
    for word in [
        "sgd",
        "momentum",
        "rmsprop",
        "adam",
        "update rule",
        "memory",
        "pros",
        "cons",
        "when",
        "cnn-large",
    ]:
        assert word in out
    assert not list(Path().iterdir())


def test_help_names_every_option(capsys):
    with pytest.raises(SystemExit) as stop:
        run("--help")
    assert stop.value.code == 0
    out = capsys.readouterr().out
    for option in ["model", "dataset", "data-dir", "epochs", "batch-size", "lr", "schedule", "weight-decay"]:
        assert f"--{option}" in out


USAGE = {
    "unknown optimizer": (
        ["--opt", "adma"],
        "argument --opt: 'adma' is unknown; did you mean adamax or adan or adam?",
    ),
    "nothing like it": (["--opt", "xyz"], "known are sgd, momentum, rmsprop, adam"),
    "unknown model": (["--model", "cnn-larg"], "did you mean cnn-large?"),
    "unknown dataset": (["--dataset", "minst"], "dataset 'minst' is unknown"),
    "unknown option": (["--epoch", "3"], "unrecognized arguments: --epoch 3"),
    "negative rate": (["--lr", "-0.1"], "learning_rate must be in [0, inf), got -0.1"),
    "rate not a number": (["--lr", "nan"], "learning_rate must be in [0, inf), got nan"),
    "rate no number": (["--lr", "fast"], "argument --lr: must be a number, numbers with commas"),
    "batch size 0": (
        ["--batch-size", "0"],
        "argument --batch-size: must be a whole number from 1 up, got '0'",
    ),
    "batch size too large": (
        ["--batch-size", "5000"],
        "batch_size must be at most the 1294 examples, got 5000",
    ),
    "epochs 0": (["--epochs", "0"], "argument --epochs: must be a whole number from 1 up, got '0'"),
    "negative seed": (["--seed", "-1"], "argument --seed: must be a whole number from 0 up, got '-1'"),
    "nesterov alone": (["--opt", "sgd", "--set", "nesterov=true"], "nesterov needs momentum above 0"),
    "unknown setting": (["--set", "b3=0.9"], "a NAME out of learning_rate, b1, b2, eps"),
    "unknown activation": (
        ["--set", "activation=rleu"],
        "argument --model mlp --set: activation 'rleu' is unknown; did you mean relu?",
    ),
    "size out of range": (
        ["--model", "cnn-bn", "--set", "channels=0"],
        "argument --model cnn-bn --set: conv2d: features must be in [1, inf), got 0",
    ),
    "size of another model": (["--model", "cnn", "--set", "hidden=5"], "maximize; got 'hidden=5'"),
    "size no number": (["--set", "hidden=many"], "hidden must be a whole number, got 'many'"),
    "setting out of range": (["--set", "b1=1.5"], "b1 must be in [0, 1), got 1.5"),
    "setting twice": (
        ["--lr", "0.1", "--set", "learning_rate=0.2"],
        "--lr: 0.1 contradicts --set learning_rate",
    ),
    "negative decay": (["--weight-decay", "-1"], "weight_decay must be in [0, inf), got -1"),
    "clip 0": (["--clip", "0"], "max_norm must be in (0, inf), got 0"),
    "unknown schedule": (["--schedule", "cosin"], "schedule 'cosin' is unknown"),
    "unknown device": (["--device", "npu"], "argument --device: invalid choice: 'npu'"),
    "all held out": (["--validation", "1437"], "examples to hold out must be in [0, 1436], got 1437"),
    "digits from a folder": (["--data-dir", "."], "digits come with scikit-learn and take no data_dir"),
}


@pytest.mark.parametrize("fault", USAGE)
def test_a_wrong_command_line_is_told_in_one_line(fault, capsys):
    arguments, message = USAGE[fault]
    refused([*QUICK, *arguments], 2, message, capsys)


def test_places_that_cannot_be_written_are_told(capsys):
    Path("file").touch()
    Path("run").mkdir()
    Path("run/config.json").touch()
    for out, message in [
        ("file", "file is a file"),
        ("file/run", "file/run cannot be written"),
        ("/proc/run", "/proc/run cannot be written"),
        ("run", "run holds a run already; a new or empty folder is needed"),
    ]:
        refused([*QUICK, "--out", out], 1, message, capsys)


def test_no_gpu_here_is_told(capsys):
    if any(d.platform == "gpu" for d in jax.devices()):
        pytest.skip("there is a GPU here")
    refused([*QUICK, "--device", "gpu"], 1, "--device gpu: there is none here; JAX finds cpu", capsys)


def test_offline_is_told_with_what_to_do(capsys):
    start = time.monotonic()
    refused(["--dataset", "mnist"], 1, "pass it as --data-dir, or use --dataset digits", capsys)
    assert time.monotonic() - start < 5


def swap(folder):
    images, labels = folder / "train-images-idx3-ubyte.gz", folder / "train-labels-idx1-ubyte.gz"
    images.rename(folder / "other")
    labels.rename(images)
    (folder / "other").rename(labels)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda f: (f / "t10k-labels-idx1-ubyte.gz").unlink(), "t10k-labels-idx1-ubyte.gz is missing"),
        (lambda f: (f / "train-images-idx3-ubyte.gz").write_bytes(b"no gzip"), "is not a whole gzip file"),
        (
            lambda f: (f / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(b"\0\0\x08\x03")),
            "cut short",
        ),
        (swap, "holds labels where images (magic 2051) must be; are two files swapped?"),
        (shutil.rmtree, "is not a folder"),
    ],
)
def test_a_broken_data_folder_is_told(spoil, message, capsys, data_folder, tmp_path):
    folder = tmp_path / "data"
    shutil.copytree(data_folder("mnist"), folder, copy_function=lambda a, b: Path(b).symlink_to(a))
    for link in list(folder.glob("train-images*")):
        link.unlink()
        shutil.copy(data_folder("mnist") / link.name, link)
        link.chmod(0o644)
    spoil(folder)
    for dataset in ("auto", "mnist"):
        refused(["--dataset", dataset, "--data-dir", "data"], 1, message, capsys)


def test_a_truncated_image_file_is_told(capsys, data_folder, tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    for path in data_folder("mnist").iterdir():
        (folder / path.name).write_bytes(path.read_bytes()[: 1000 if "train-images" in path.name else None])
    message = "it claims 47040000 bytes of images, more than a gzip file of 1000 bytes can hold"
    refused(["--data-dir", "data"], 1, message, capsys)


def test_mnist_from_its_folder(data_folder, capsys):
    """A small form of the accuracy that ten epochs must reach."""
    assert run("--opt", "adam", "--data-dir", data_folder("mnist"), "--epochs", 2, "--out", "run") == 0
    assert capsys.readouterr().out.startswith("dataset: MNIST (60,000 + 10,000 images, from ")
    assert summary("run")["test_accuracy"] > 0.93
    assert summary("run")["dataset"] == "mnist"


def test_the_script_runs_as_a_process_and_ends_with_its_status():
    command = [sys.executable, str(ROOT / "train.py")]
    good = subprocess.run([*command, *QUICK, "--out", "run"], capture_output=True, text=True, check=False)
    assert (good.returncode, good.stderr) == (0, "")
    bad = subprocess.run([*command, "--opt", "adma"], capture_output=True, text=True, check=False)
    assert (bad.returncode, bad.stdout) == (2, "")
    assert bad.stderr == "train.py: argument --opt: 'adma' is unknown; did you mean adamax or adan or adam?\n"


def test_a_run_that_gets_no_better_is_stopped_and_goes_on_with_more_patience(capsys):
    options = ["--opt", "sgd", "--lr", "0.1", "--dataset", "digits", "--model", "softmax", "--out", "run"]
    options += ["--schedule", "exponential:epochs=1,factor=1e-9"]  # nothing changes after the first epoch
    assert run(*options, "--epochs", 30, "--patience", 2) == 0
    summary = json.loads(Path("run/summary.json").read_text())
    assert summary["epochs"] - summary["best_epoch"] == 2
    assert summary["epochs"] < 30
    capsys.readouterr()
    assert run("--resume", "run", "--patience", 4) == 0
    assert json.loads(Path("run/summary.json").read_text())["epochs"] == summary["epochs"] + 2
    assert run(*options[:-4], "--out", "other", "--patience", 2, "--validation", 0) == 2
    assert "argument --patience: 2 needs validation examples, got none" in capsys.readouterr().err
    assert run("--opt", "sgd,adam", "--dataset", "digits", "--patience", 2) == 2
    assert "argument --patience: 2 is for a single run" in capsys.readouterr().err
