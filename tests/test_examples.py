"""Each example prints what it says that it prints, and the documents' numbers come out of it."""

import runpy
import textwrap
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest

EXAMPLES = sorted((Path(__file__).parents[1] / "examples").glob("*.py"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_it_prints_what_it_says(path, capsys):
    runpy.run_path(str(path), run_name="__main__")
    module = runpy.run_path(str(path))
    told = textwrap.dedent(module["__doc__"].split("Prints:\n")[1]).strip().splitlines()
    assert capsys.readouterr().out.splitlines() == told


def test_linear_regression_gives_the_numbers_of_the_document():
    """They are printed with four digits, and so was the start."""
    example = runpy.run_path(str(EXAMPLES[0].parent / "linear_regression.py"))
    runs = list(example["descend"](300))
    document = {
        100: (
            [
                [0.1990, 0.0359, 0.0625],
                [-0.1593, -0.1740, -0.0153],
                [0.1798, 0.2816, -0.0652],
                [0.1953, -0.1513, 0.2564],
            ],
            [-0.3213, 0.1058, -0.1891],
            0.0074,
        ),
        200: (
            [
                [0.1810, 0.0170, 0.0530],
                [-0.1773, -0.1930, -0.0248],
                [0.1617, 0.2627, -0.0747],
                [0.1772, -0.1703, 0.2469],
            ],
            [-0.3394, 0.0868, -0.1986],
            8.4124e-06,
        ),
    }
    for count, (weight, bias, loss) in document.items():
        params, measured = runs[count - 1]
        np.testing.assert_allclose(params["W"], jnp.array(weight), rtol=0, atol=1.5e-4)
        np.testing.assert_allclose(params["b"], jnp.array(bias), rtol=0, atol=1.5e-4)
        assert measured == pytest.approx(loss, rel=0.01)
    # the loss before the first update, of which the document knows more than the weights say
    contraction = 1 - 0.01 * 2 / 3 * 5
    assert runs[0][1] / contraction**2 == pytest.approx(6.5196, rel=1e-3)


def test_polynomial_by_hand_is_the_optimizer():
    example = runpy.run_path(str(EXAMPLES[0].parent / "polynomial_regression.py"))
    start = (jnp.zeros(()),) * 4
    by_hand = example["fit_by_hand"](start, 1e-3, 100)
    fitted = example["fit"](start, example["optim"].sgd(1e-3), 100)
    np.testing.assert_allclose(by_hand, fitted, rtol=1e-6)
