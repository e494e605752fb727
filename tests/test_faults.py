"""Faults end as docs/faults.md says, which `make faults` writes."""

from pathlib import Path

import pytest

from tests.faults import FAULTS
from tests.faults.bench import Place, set_up
from tests.faults.fault import row, try_out
from tests.jaxlearn.sample import sample

TABLE = Path(__file__).parents[1] / "docs" / "faults.md"
ROWS = [line for line in TABLE.read_text(encoding="utf-8").splitlines() if line.startswith("| ")][1:]


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    with set_up(tmp_path_factory.mktemp("faults")) as made:
        yield made


def test_the_table_has_every_fault():
    assert [line.split(" | ")[:2] for line in ROWS] == [
        row(group, fault.done, "").split(" | ")[:2] for group, fault in FAULTS
    ]


@pytest.mark.parametrize("number", sample(28, range(len(FAULTS))))
def test_what_happens_is_what_the_table_says(number, bench, tmp_path):
    group, fault = FAULTS[number]
    happened, wrong = try_out(fault, Place(bench, tmp_path / "place"))
    assert not wrong
    assert row(group, fault.done, happened) == ROWS[number]
