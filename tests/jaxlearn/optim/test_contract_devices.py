"""Every row of the contract's table on eight devices whose use is part of an array's type."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.jaxlearn.optim.contract import ROWS
from tests.jaxlearn.sample import sample

NAMES = list(ROWS)
PARTS = 6


@pytest.mark.parametrize("part", sample(6, range(PARTS)))
@pytest.mark.parametrize("where", ["mesh", "shard_map"])
def test_every_row_on_eight_devices(where, part):
    """On a mesh of explicit axes, and inside `shard_map` whose parameters differ by device."""
    names = NAMES[part::PARTS]
    program = [sys.executable, "-m", "tests.jaxlearn.optim.eight_devices", where, *names]
    done = subprocess.run(program, capture_output=True, text=True, cwd=Path(__file__).parents[3])
    told = dict(line.split("\t") for line in done.stdout.splitlines())
    assert list(told) == names, done.stderr
    assert {name: fault for name, fault in told.items() if fault} == {}
