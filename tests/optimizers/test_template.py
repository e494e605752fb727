"""The template of a new optimizer: it does what it says, and is seen beside the others."""

import subprocess
import sys
from pathlib import Path

import jax.numpy as jnp
import numpy as np

from jaxlearn import cli
from models import MODELS
from optimizers import OPTIMIZERS
from optimizers.template import RECIPES, root_momentum

ROOT = Path(__file__).parents[2]


def test_the_rule_is_what_its_recipe_says():
    grads = np.random.default_rng(0).normal(size=(20, 3))
    opt = root_momentum(0.5, decay=0.8)
    state, m, parameters, expected = opt.init(jnp.zeros(3)), np.zeros(3), np.zeros(3), np.zeros(3)
    for step, g in enumerate(grads, start=1):
        updates, state = opt.update(jnp.asarray(g, jnp.float32), state)
        m = 0.8 * m + 0.2 * g
        expected = expected - 0.5 * np.sign(m) * np.sqrt(np.abs(m / (1 - 0.8**step)))
        parameters = parameters + updates
    np.testing.assert_allclose(parameters, expected, rtol=1e-5)


def test_it_is_seen_beside_the_others(tmp_path, capsys):
    options = "--opt mine,sgd --dataset digits --model softmax --epochs 2 --seeds 2 --lr 0.01,0.1"
    arguments = [*options.split(), "--out", str(tmp_path / "run")]
    assert cli.main(MODELS, OPTIMIZERS | RECIPES, arguments, prog="mine.py") == 0
    report = (tmp_path / "run" / "report.md").read_text()
    for told in ("mine", "m = mean of g", "one number for each parameter", "small gradients count for more"):
        assert told in report
    capsys.readouterr()
    assert cli.main(MODELS, OPTIMIZERS | RECIPES, ["--opt", "mien"], prog="mine.py") == 2
    assert capsys.readouterr().err == "mine.py: argument --opt: 'mien' is unknown; did you mean mine?\n"


def test_it_is_a_program(tmp_path):
    command = [sys.executable, "-m", "optimizers.template", "--opt", "mine", "--dataset", "digits"]
    command += ["--model", "softmax", "--epochs", "1", "--out", tmp_path / "run"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert "optimizer: mine (learning_rate=0.02, decay=0.9)" in ended.stdout
    assert ended.stderr == ""
