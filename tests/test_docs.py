"""What is written down is what is there."""

import itertools
import re
import textwrap
from pathlib import Path

import jax
import numpy as np
import pytest

import jaxlearn
from tests.jaxlearn.optim import cases
from tests.jaxlearn.optim.narrow import OPTIMIZERS, warned

ROOT = Path(__file__).parents[1]
PARITY = ROOT / "docs" / "parity.md"
PRECISION = (ROOT / "docs" / "precision.md").read_text()
PYTORCH = (ROOT / "docs" / "pytorch.md").read_text()
CONVOLUTIONS = (ROOT / "docs" / "convolutions.md").read_text()
CODE = re.compile(r"`([^`]*)`")
# item, PyTorch's names, jaxlearn's names, example
ROWS = [
    [cell.strip() for cell in line.split("|")[1:-1]]
    for line in PYTORCH.splitlines()
    if line.startswith("| ") and not line.startswith("| item |")
]


def test_the_parity_table_has_every_case():
    """`make parity` writes it anew."""
    rows = [[cell.strip() for cell in line.split("|")[1:4]] for line in PARITY.read_text().splitlines()]
    missing = [case.name for case in cases.CASES if [case.optimizer, case.flags, case.oracle] not in rows]
    assert not missing


def test_the_table_of_precision_has_every_optimizer_and_tells_who_warns():
    """What happens is measured in tests/jaxlearn/optim/test_narrow.py."""
    table = [
        [cell.strip() for cell in line.split("|")[1:-1]]
        for line in PRECISION.splitlines()
        if line.startswith(("| float16 ", "| bfloat16 "))
    ]
    rows = [(dtype, name, says) for dtype, _, says, names in table for name in names.split(", ")]
    every = itertools.product(["float16", "bfloat16"], OPTIMIZERS)
    assert sorted(row[:2] for row in rows) == sorted(every)
    wrong = [(dtype, name) for dtype, name, says in rows if warned(name, dtype) != (says == "yes")]
    assert not wrong
    exec(textwrap.dedent(PRECISION.split("```python\n")[1].split("```")[0]), {})


def test_no_file_of_the_library_is_long():
    files = (ROOT / "jaxlearn").rglob("*.py")
    assert not [file.name for file in files if len(file.read_text().splitlines()) > 300]


@pytest.fixture(scope="module")
def names():
    """What the table says is at hand."""
    namespace = {}
    exec(textwrap.dedent(PYTORCH.split("```python\n")[1].split("```")[0]), namespace)
    return namespace


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_every_name_is_there_and_every_example_runs(row, names):
    _, _, ours, example = row
    for name in CODE.findall(ours):
        found = names
        for part in name.split("."):
            found = found[part] if isinstance(found, dict) else getattr(found, part)
    (code,) = CODE.findall(example)
    assert eval(code, names) is not None
    used = [name.split(".")[-1] for name in CODE.findall(ours)]
    operators = {"__getitem__", "add", "multiply", "matmul"}
    assert any(name in code for name in used) or set(used) & operators, f"{code} shows none of {used}"


def test_the_table_leaves_out_nothing_of_layers_losses_initializers_and_metrics():
    named = {name for row in ROWS for name in CODE.findall(row[2])}
    for module, prefix in (("nn", "nn"), ("losses", "losses"), ("metrics", "metrics")):
        public = getattr(getattr(jaxlearn, module), "__all__", None) or _functions(getattr(jaxlearn, module))
        assert {f"{prefix}.{name}" for name in public if name != "init"} <= named
    assert {f"nn.init.{name}" for name in _functions(jaxlearn.nn.init)} <= named


@pytest.mark.parametrize("block", re.findall(r"```python\n(.*?)```", CONVOLUTIONS, re.DOTALL))
def test_the_programs_about_convolutions_run(block):
    namespace = {}
    with jax.enable_x64("fori_loop" in block):  # a sum of 200,000 numbers depends on its order in float32
        exec(block, namespace)
        if "train" in namespace:  # the same with JAX's own convolution
            wanted = exec_with_jax(block)
            assert wanted.dtype == np.float64
            np.testing.assert_allclose(namespace["kernel"], wanted, rtol=1e-10)


def exec_with_jax(block):
    namespace = {}
    exec(block.replace("nn.conv_general_dilated", "jax.lax.conv_general_dilated"), namespace)
    return namespace["kernel"]


def _functions(module):
    return [
        name
        for name, value in vars(module).items()
        if getattr(value, "__module__", None) == module.__name__ and not name.startswith("_")
    ]
