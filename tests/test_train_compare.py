"""Comparisons from the command line: a list makes one, its folder says all, and it can be gone on with."""

import csv
import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

import train
from jaxlearn import compare
from tests.command import run, summary

ROOT = Path(__file__).parents[1]
QUICK = ["--dataset", "digits", "--model", "softmax", "--epochs", "2", "--batch-size", "128", "--width", "1"]
FILES = ["classes.png", "config.json", "curves.png", "report.html", "report.md", "results.csv"]
FILES += ["sensitivity.png", "summary.json", "sweeps", "time_to_target.png"]


pytestmark = pytest.mark.usefixtures("empty_folder", "wide_terminal")


@pytest.fixture
def wide_terminal(monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")


def read_csv(path):
    return list(csv.DictReader(Path(path).read_text().splitlines()))


def results(folder):
    return read_csv(f"{folder}/results.csv")


def test_a_list_makes_a_comparison_that_leaves_everything(capsys):
    lists = ["--opt", "sgd,adam", "--lr", "1e-3:0.1:3", "--seeds", 2, "--seed", 5, "--target", 0.9]
    assert run(*lists, *QUICK) == 0
    out = capsys.readouterr().out
    folder = Path("runs/digits-softmax-sgd+adam")
    assert sorted(path.name for path in folder.iterdir()) == FILES
    lines = out.splitlines()
    assert lines[0] == "dataset: digits (1,797 images, bundled with scikit-learn)"
    assert lines[1].startswith(
        "comparing sgd, adam on softmax: 2 seeds, 2 epochs a run; 2 x cpu; results in runs/"
    )
    assert lines[2:4] == ["compiling sgd, adam on softmax ...", "sgd on softmax ..."]
    assert lines[4].startswith("sgd on softmax: best with learning_rate=0.1, val accuracy 0.")
    assert "On softmax, adam is best" in out or "cannot be told apart" in out
    assert f"report in {folder}/report.html" in out
    rows = results(folder)
    assert len(rows) == 2 * 3 * 2 * 2
    assert {row["learning_rate"] for row in rows} == {"0.001", "0.01", "0.1"}
    assert {row["seed"] for row in rows} == {"5", "6"}
    about = summary(folder)["about"]
    assert about["command"].startswith("python train.py --opt sgd,adam --lr 1e-3:0.1:3")
    assert about["target"] == 0.9
    assert about["facts"]["adam"]["memory"].startswith("two numbers for each parameter")
    page = (folder / "report.html").read_text()
    for text in ("update rule", "adam", "--lr 1e-3:0.1:3", "jax"):
        assert text in page


def test_a_comparison_runs_as_the_same_run_alone():
    """Schedule, clipping, settings, sizes and seed reach every run of a grid."""
    same = [
        "--dataset",
        "digits",
        "--model",
        "mlp",
        "--epochs",
        2,
        "--batch-size",
        128,
        "--schedule",
        "cosine",
    ]
    same += ["--clip", 0.5, "--set", "hidden=7", "--weight-decay", 0.01]
    assert (
        run("--lr", "0.003,0.03", "--seeds", 1, "--seed", 3, "--set", "b1=0.8,0.9", *same, "--out", "grid")
        == 0
    )
    assert run("--lr", 0.03, "--seed", 3, "--set", "b1=0.8", *same, "--out", "one") == 0
    (end,) = [
        row for row in results("grid")
        if (row["learning_rate"], row["b1"], row["epoch"]) == ("0.03", "0.8", "2")
    ]  # fmt: skip
    alone = json.loads(Path("one/metrics.jsonl").read_text().splitlines()[-1])
    for name in ("train_loss", "train_accuracy", "val_loss", "val_accuracy"):
        assert float(end[name]) == pytest.approx(alone[name], rel=1e-5), name
    config = json.loads(Path("grid/config.json").read_text())
    assert config["optimizers"]["adam"]["b1"] == [0.8, 0.9]
    assert config["models"] == {"mlp": {"hidden": 7, "activation": "sigmoid"}}


def test_the_recipe_says_where_to_search_unless_told():
    assert run("--opt", "sgd", "--seeds", 1, *QUICK, "--epochs", 1, "--out", "a") == 0
    least, most = train.OPTIMIZERS["sgd"].search
    assert {float(row["learning_rate"]) for row in results("a")} == set(compare.log_grid(least, most, 7))


def test_stopped_and_started_again_it_goes_on_and_ends_the_same(tmp_path):
    command = [sys.executable, str(ROOT / "train.py"), "--opt", "sgd,momentum,adam", "--lr", "1e-3:0.1:3"]
    command += ["--seeds", "2", *QUICK]
    process = subprocess.Popen([*command, "--out", "killed"], cwd=tmp_path, stdout=subprocess.DEVNULL)
    done = tmp_path / "killed/sweeps/softmax-sgd.safetensors"
    end = time.monotonic() + 120
    while not done.exists() and time.monotonic() < end:
        time.sleep(0.01)
    process.kill()
    process.wait()
    written = done.stat().st_mtime_ns
    assert not (tmp_path / "killed/results.csv").exists()
    for folder in ("killed", "whole"):
        subprocess.run([*command, "--out", folder], cwd=tmp_path, check=True, stdout=subprocess.DEVNULL)
    assert done.stat().st_mtime_ns == written
    assert Path("killed/results.csv").read_bytes() == Path("whole/results.csv").read_bytes()


def test_another_command_does_not_touch_the_folder(capsys):
    few = ["--opt", "sgd", "--lr", "0.1,1", *QUICK, "--seeds"]
    assert run(*few, 1, "--out", "a") == 0
    before = {path: path.read_bytes() for path in Path("a").rglob("*") if path.is_file()}
    assert run(*few, 2, "--out", "a") == 1
    assert "a holds another comparison: seeds is [0] there, not [0, 1]" in capsys.readouterr().err
    assert before == {path: path.read_bytes() for path in Path("a").rglob("*") if path.is_file()}
    # the same with one more optimizer keeps what there is
    made = Path("a/sweeps/softmax-sgd.safetensors").stat().st_mtime_ns
    assert run("--opt", "sgd,adam", *few[2:], 1, "--out", "a") == 0
    assert Path("a/sweeps/softmax-sgd.safetensors").stat().st_mtime_ns == made
    assert {row["optimizer"] for row in results("a")} == {"sgd", "adam"}


def test_refused_after_a_part_it_keeps_the_part(capsys):
    """The first optimizer fits into the memory, the second does not."""
    few = ["--opt", "sgd", "--lr", "0.1,1", *QUICK, "--seeds", 1, "--out", "a"]
    assert run(*few) == 0
    before = {path: path.read_bytes() for path in Path("a").rglob("*") if path.is_file()}
    assert run("--opt", "sgd,adam", *few[2:], "--max-memory", "1KB") == 2
    assert "max_memory must be at least" in capsys.readouterr().err
    assert before == {path: path.read_bytes() for path in Path("a").rglob("*") if path.is_file()}
    assert run("--opt", "sgd,adam", *few[2:]) == 0


def test_the_last_smaller_batch_can_be_left_out(capsys):
    few = ["--opt", "sgd", "--lr", "0.1,1", *QUICK, "--seeds", 1, "--drop-last"]
    assert run(*few, "--out", "a") == 0
    assert json.loads(Path("a/config.json").read_text(encoding="utf-8"))["drop_last"] is True
    assert "the last smaller one of every epoch left out" in Path("a/report.md").read_text(encoding="utf-8")
    few.remove("--drop-last")
    assert run(*few, "--out", "a") == 1
    assert "a holds another comparison: drop_last is True there, not False" in capsys.readouterr().err


def test_functions_of_two_numbers(capsys):
    assert run("--function", "saddle", "--opt", "sgd,adam,lion", "--steps", 100) == 0
    out = capsys.readouterr().out
    assert "saddle: x² + (y² - 1)² / 2, 100 steps from (1.0, 0.001); 11 learning rates for each" in out
    assert sorted(path.name for path in Path("runs/saddle").iterdir()) == ["saddle.csv", "saddle.png"]
    ways = read_csv("runs/saddle/saddle.csv")
    assert [row["optimizer"] for row in ways].count("adam") == 101
    assert float(ways[100]["value"]) == min(float(row["value"]) for row in ways if row["step"] == "100")


WRONG = {
    "unknown in a list": (["--opt", "sgd,adma"], 2, "argument --opt: 'adma' is unknown; did you mean"),
    "model in a list": (["--model", "mlp,cnm"], 2, "argument --model: 'cnm' is unknown; did you mean cnn?"),
    "twice": (["--opt", "sgd,sgd"], 2, "argument --opt: sgd must be named once, got sgd,sgd"),
    "grid of one": (["--lr", "1e-3:1:1"], 2, "argument --lr: a grid must be LEAST:MOST:NUMBER"),
    "grid upside down": (["--lr", "1:1e-3:4"], 2, "with 0 < LEAST < MOST"),
    "no numbers": (["--lr", "low:high"], 2, "argument --lr: must be a number, numbers with commas between"),
    "a rate below 0": (["--lr", "0.1,-1"], 2, "learning_rate must be in [0, inf), got -1"),
    "same rate twice": (["--lr", "0.1,0.1"], 2, "must not hold the same number twice"),
    "axis out of range": (["--opt", "adam", "--set", "b1=0.9,1.5"], 2, "b1 must be in [0, 1), got 1.5"),
    "axis of words": (["--set", "amsgrad=true,false"], 2, "amsgrad must be true or false, got 'true,f"),
    "not for all": (["--opt", "sgd,adam", "--set", "b1=0.9"], 2, "must be NAME=VALUE with a NAME out of"),
    "no seeds": (["--seeds", "0"], 2, "argument --seeds: must be a whole number from 1 up, got '0'"),
    "no size": (["--seeds", "1", "--max-memory", "much"], 2, "a size such as 500MB or 2GB, got 'much'"),
    "too small": (["--seeds", "1", "--max-memory", "1KB"], 2, "what one run of adam on softmax takes"),
    "no validation": (["--seeds", "1", "--validation", "0"], 2, "validation must hold examples"),
    "large batch": (["--seeds", "1", "--batch-size", "5000"], 2, "batch_size must be in [1, 1294], got 5000"),
    "axis of a function": (["--function", "beale", "--set", "b1=0.8,0.9"], 2, "on a function, not b1"),
    "unknown function": (["--function", "rosen"], 2, "did you mean rosenbrock?"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_wrong_input_is_told_in_one_line(name, capsys):
    options, status, message = WRONG[name]
    assert run(*QUICK, *options) == status
    error = capsys.readouterr().err
    assert not list(Path().iterdir())
    assert error.startswith("train.py: ")
    assert message in error
    assert error.count("\n") == 1
