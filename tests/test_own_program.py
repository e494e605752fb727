"""GridProgram of a user's own, in a folder outside of the repository."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
TINY = """
from jaxlearn import cli, nn, optim

def tiny(classes, hidden=8):
    return nn.sequential(nn.flatten, nn.linear(hidden), nn.relu, nn.linear(classes))

def mine(learning_rate=0.05, momentum=0.8):
    return optim.sgd(learning_rate, momentum=momentum)

recipes = {"mine": cli.Recipe(mine, search=(1e-3, 1)), "plain": cli.Recipe(optim.sgd, search=(1e-2, 1))}
cli.main({"tiny": tiny}, recipes)
"""


def start(folder, arguments):
    """What a program prints, its standard error and its status."""
    env = {**os.environ, "PYTHONPATH": str(ROOT), "JAXLEARN_CACHE": str(folder / "cache")}
    command = [sys.executable, "mine.py", *shlex.split(arguments)]
    ended = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)
    return ended.stdout, ended.stderr, ended.returncode


def test_the_program_of_the_readme_sees_its_optimizer_beside_the_others(tmp_path):
    (block,) = re.findall(r"```python\n(# mine\.py.*?)```", README, re.DOTALL)
    assert len([line for line in block.splitlines() if line]) <= 10
    (tmp_path / "mine.py").write_text(block, encoding="utf-8")
    options = "--dataset digits --model softmax --epochs 1 --seeds 2 --lr 1e-3,1e-2"
    assert start(tmp_path, f"--opt mine,adam {options} --out run")[1:] == ("", 0)
    results = (tmp_path / "run" / "results.csv").read_text(encoding="utf-8")
    assert "mine" in results
    assert "adam" in results


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("own")
    (folder / "mine.py").write_text(TINY, encoding="utf-8")
    return folder


def test_a_run_of_ones_own_model_goes_on_and_is_scored(folder):
    out, err, status = start(folder, "--dataset digits --epochs 2 --out run")
    assert (err, status) == ("", 0)
    assert "model: tiny (hidden=8)" in out
    assert "optimizer: mine (learning_rate=0.05, momentum=0.8)" in out
    assert json.loads((folder / "run" / "config.json").read_text())["command"].startswith("python mine.py ")
    out, err, status = start(folder, "--resume run --epochs 4")
    assert (err, status) == ("", 0)
    assert "going on after 2 epochs" in out
    out, err, status = start(folder, "--eval run")
    assert (err, status) == ("", 0)
    accuracy = float(re.search(r"test: loss .* accuracy ([\d.]+)", out)[1])
    assert accuracy == pytest.approx(
        json.loads((folder / "run/summary.json").read_text())["test_accuracy"], abs=1e-4
    )


def test_a_comparison_goes_on_and_messages_name_the_program(folder):
    arguments = "--opt mine,plain --dataset digits --epochs 1 --seeds 2 --lr 0.01,0.1 --out both"
    assert start(folder, arguments)[1:] == ("", 0)
    assert start(folder, "--resume both")[1:] == ("", 0)
    assert start(folder, "--opt yours")[1:] == (
        "mine.py: argument --opt: 'yours' is unknown; known are mine, plain\n",
        2,
    )
    assert start(folder, "--help")[0].startswith("usage: mine.py ")
    assert "tiny --set hidden=8" in " ".join(start(folder, "--list")[0].split())
