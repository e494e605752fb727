"""What is written down is what is there."""

from pathlib import Path

from tests.jaxlearn.optim import cases

PARITY = Path(__file__).parents[1] / "docs" / "parity.md"


def test_the_parity_table_has_every_case():
    """`make parity` writes it anew."""
    rows = [[cell.strip() for cell in line.split("|")[1:4]] for line in PARITY.read_text().splitlines()]
    missing = [case.name for case in cases.CASES if [case.optimizer, case.flags, case.oracle] not in rows]
    assert not missing


def test_no_file_of_an_optimizer_is_long():
    files = (Path(__file__).parents[1] / "jaxlearn" / "optim").glob("*.py")
    assert not [file.name for file in files if len(file.read_text().splitlines()) > 300]
