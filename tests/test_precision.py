"""In which precision products are computed: what is asked for is used, and told wherever results are."""

import json
from pathlib import Path

import jax
import jax.numpy as jnp
import pytest

from jaxlearn import nn, optim, training
from tests.command import refused, run, summary

QUICK = ["--dataset", "digits", "--epochs", "1", "--model", "softmax"]


@pytest.fixture(autouse=True)
def usual_precision(empty_folder):
    before = jax.config.jax_default_matmul_precision
    jax.config.update("jax_default_matmul_precision", None)
    yield
    jax.config.update("jax_default_matmul_precision", before)


def products(model):
    """The precisions of the matrix products and convolutions of a step, as the compiler gets them."""
    run = training.make_run(model, optim.sgd(), batch_size=2)
    batch = jnp.zeros((2, 8, 8, 1)), jnp.zeros(2, int)
    state = jax.eval_shape(
        lambda key: run.init(training.draw_start(model, key, (8, 8, 1)), batch), jax.random.key(0)
    )
    lowered = jax.jit(run.advance).lower(state, batch)
    lines = [line for line in lowered.as_text().splitlines() if "stablehlo.dot_general" in line]
    return {line.partition("precision = [")[2].partition("]")[0] or "DEFAULT, DEFAULT" for line in lines}


@pytest.mark.parametrize(
    ("flag", "named"),
    [([], "default"), (["--precision", "high"], "high"), (["--precision=highest"], "highest")],
)
def test_what_is_asked_for_is_used_and_told(flag, named, capsys):
    assert run(*QUICK, *flag, "--out", "run") == 0
    assert f", precision {named}; compiling ..." in capsys.readouterr().out
    assert summary("run")["precision"] == named
    assert json.loads(Path("run/config.json").read_text())["precision"] == named
    assert products(nn.sequential(nn.conv2d(2, 3), nn.flatten, nn.linear(3))) == {
        f"{named.upper()}, {named.upper()}"
    }


def test_what_the_environment_asks_for_is_told():
    """As `JAX_DEFAULT_MATMUL_PRECISION` does."""
    jax.config.update("jax_default_matmul_precision", "tensorfloat32")
    assert run(*QUICK, "--out", "run") == 0
    assert summary("run")["precision"] == "tensorfloat32"


def test_a_run_goes_on_in_its_own_precision_alone(capsys):
    assert run(*QUICK, "--precision", "high", "--out", "run") == 0
    jax.config.update("jax_default_matmul_precision", None)
    assert run("--resume", "run", "--epochs", 2) == 0
    assert summary("run")["precision"] == "high"
    capsys.readouterr()
    difference = "run cannot go on with this: precision is high there, not highest"
    refused(["--resume", "run", "--epochs", "3", "--precision", "highest"], 2, difference, capsys)


def test_a_comparison_tells_it_too():
    flags = ["--opt", "sgd,adam", "--lr", "0.1", "--seeds", 2, "--precision", "highest", "--out", "run"]
    assert run(*QUICK, *flags) == 0
    assert json.loads(Path("run/config.json").read_text())["precision"] == "highest"
    assert "matrix products in precision highest" in Path("run/report.md").read_text()
