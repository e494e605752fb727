"""The command line in this process, and what it leaves behind."""

import csv
import json
from pathlib import Path

import train


def run(*arguments):
    return train.main([str(a) for a in arguments])


def summary(folder):
    return json.loads((Path(folder) / "summary.json").read_text())


def refused(arguments, status, message, capsys):
    before = sorted(Path().rglob("*"))
    assert run(*arguments) == status
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.err.startswith("train.py: ")
    assert captured.err.count("\n") == 1
    assert sorted(Path().rglob("*")) == before


def left(kind, folder):
    """What must be equal: all numbers but the seconds."""
    if kind == "comparison":
        rows = list(csv.DictReader((folder / "results.csv").read_text().splitlines()))
        return [{name: value for name, value in row.items() if "seconds" not in name} for row in rows]
    summary = json.loads((folder / "summary.json").read_text())
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return summary["params_digest"], [line | {"seconds": 0} for line in lines]
