"""docs/architecture.md speaks of what is there."""

import re
from functools import reduce
from importlib import import_module
from pathlib import Path

import jax
import pytest

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "docs" / "architecture.md").read_text()
CODE = sorted(set(re.findall(r"`([^`\n]+)`", TEXT)))
PATHS = [code for code in CODE if re.fullmatch(r"[\w/]+(\.py|/)", code)]
# what a run and a comparison leave behind
FILES = {
    "metrics.jsonl",
    "summary.json",
    "model.safetensors",
    "config.json",
    "curves.png",
    "report.html",
    "report.md",
    "results.csv",
}
NAMES = [code for code in CODE if re.fullmatch(r"[A-Za-z]\w*(\.\w+)+", code) and code not in FILES | {*PATHS}]
SOURCE = "\n".join(path.read_text() for path in (ROOT / "jaxlearn").rglob("*.py"))


def find(name):
    """What a dotted name means: of jaxlearn, of JAX, or a member of a class of jaxlearn."""
    first, *rest = name.split(".")
    classes = {"Run": "training", "RunState": "training", "Program": "training"}
    if first in classes:
        return reduce(getattr, [first, *rest], import_module(f"jaxlearn.{classes[first]}"))
    return reduce(getattr, rest, jax if first == "jax" else import_module(f"jaxlearn.{first}"))


@pytest.mark.parametrize("path", PATHS)
def test_every_file_is_there(path):
    assert (ROOT / path).exists()


@pytest.mark.parametrize("name", NAMES)
def test_every_name_is_there(name):
    assert find(name) is not None


def test_every_function_and_file_that_it_speaks_of_is_there():
    single = {code for code in CODE if re.fullmatch(r"[a-z]+(_[a-z]+)+|[A-Z][a-z]+", code)}
    assert {"compile_all", "train_sweep", "Keeper", "Task"} <= single
    written = {name for name in single if not re.search(rf"(def|class) {name}\b|\b{name}:", SOURCE)}
    assert not written
    assert {name for name in FILES if f'"{name}"' not in SOURCE} == set()


def test_the_ways_have_ten_steps_each():
    ways = re.findall(r"## The way of .*?(?=\n## )", TEXT, re.DOTALL)
    assert [re.findall(r"^(\d+)\. ", way, re.MULTILINE) for way in ways] == [
        [str(n) for n in range(1, 11)]
    ] * 2


def test_it_shows_every_layer_in_order():
    """The same order as that which tests/jaxlearn/test_package.py holds."""
    rows = re.search(r"\| folder .*?\n\n", TEXT, re.DOTALL)[0]
    folders = re.findall(r"`jaxlearn/(\w+)/", rows)
    assert folders[:5] == ["cli", "recording", "report", "compare", "training"]
    packages = {path.parent.name for path in (ROOT / "jaxlearn").glob("*/__init__.py")}
    assert packages == {*folders}


def test_no_test_module_is_imported():
    """What several tests need is a module of its own, such as tests/command.py."""
    imported = re.compile(
        r"^\s*from tests[\w.]*(?:\.test_\w+ import|\w* import[^\n]*\btest_\w+)", re.MULTILINE
    )
    found = [path.name for path in (ROOT / "tests").rglob("*.py") if imported.search(path.read_text())]
    assert not found
