"""Digits as a camera shows them: what `data.read_picture` makes of them, and what a model then answers."""

import numpy as np
import pytest

import train
from jaxlearn import data
from tests import photographs

FEW = 5


@pytest.fixture(scope="module")
def digits(data_folder):
    test = data.load("mnist", data_folder("mnist")).test
    return data.Split(test.images[: photographs.DIGITS], test.labels[: photographs.DIGITS])


@pytest.mark.parametrize("kind", photographs.KINDS)
def test_a_photograph_becomes_the_digit_again(kind, digits):
    """Nearer to the digit than the digit to itself moved by one pixel."""
    few = digits.images[:FEW].astype(float)
    apart = np.abs(photographs.read(kind, digits.images[:FEW]) - few).mean()
    assert apart < (0.01 if kind == "original" else np.abs(np.roll(few, 1, axis=2) - few).mean())


@pytest.mark.slow
def test_a_model_reads_every_kind_of_photograph(digits, data_folder, tmp_path):
    command = f"--opt adam --model cnn --dataset mnist --data-dir {data_folder('mnist')} --epochs 5"
    assert train.main([*command.split(), "--out", str(tmp_path / "run")]) == 0
    table = photographs.accuracies(*photographs.load(tmp_path / "run"), digits)
    assert table["original"] >= photographs.LEAST_ORIGINALS
    assert min(table.values()) >= photographs.LEAST, table
