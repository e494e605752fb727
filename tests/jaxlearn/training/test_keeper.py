"""Which checkpoints are saved, when, which of them stay, and what is read when some are damaged."""

import json
import math
import shutil
import subprocess
import sys
from itertools import islice
from types import SimpleNamespace

import numpy as np
import pytest

from jaxlearn import training
from jaxlearn.training import EpochReport, Saving, _checkpoint, _keeper
from jaxlearn.training._keeper import Keeper, best_epoch, parse_saving
from tests.jaxlearn.slow import every
from tests.jaxlearn.training.small import (
    UPDATES,
    compile_small,
    fresh,
    run_to,
    same_state,
    save,
)


@pytest.fixture(scope="module")
def program():
    return compile_small()


def names(folder):
    return sorted((path.name for path in folder.iterdir()), key=lambda name: (len(name), name))


GOOD = {
    "30s": (30, "s"),
    "0.5s": (0.5, "s"),
    "1e3s": (1000, "s"),
    "500steps": (500, "steps"),
    "1epochs": (1, "epochs"),
}
BAD = ["", "s", "30", "0s", "-1s", "nans", "infs", "1e400s", "steps", "0steps", "1.5steps", "1e3steps"]
BAD += ["x steps", "30 m", "1epoch", "30S", "9" * 5000 + "steps", "5s5s"]


def test_how_often_is_read_or_told_to_be_wrong():
    assert {text: tuple(parse_saving(text)[:2]) for text in GOOD} == GOOD
    for text in BAD:
        with pytest.raises(ValueError, match="must be a time such as 30s, or 500steps, or 1epochs; got"):
            parse_saving(text)


def reports(accuracies, losses=None):
    losses = losses or [0.5] * len(accuracies)
    return tuple(
        EpochReport(number, 0.1, 0.9, loss, accuracy, 0.1, 1.0)
        for number, (accuracy, loss) in enumerate(zip(accuracies, losses, strict=True), start=1)
    )


@pytest.mark.parametrize(
    ("accuracies", "losses", "best"),
    [
        ([0.5, 0.9, 0.7], None, 2),
        ([0.9, 0.9, 0.9], [0.3, 0.1, 0.2], 2),  # where accuracies are equal the loss tells
        ([0.9, 0.9], [0.3, 0.3], 1),  # and then who was first
        ([0.9, 0.95], [0.1, 0.9], 2),
        ([math.nan, math.nan], [0.3, 0.2], 2),  # no classes
        ([0.9, 0.8, 1.0], [math.nan, 0.5, math.nan], 2),
        ([0.9], [math.nan], None),
        ([None, None], [None, None], None),
        ([], None, None),
        ([0.1, 0.9, 0.9], [0.5, math.inf, 0.7], 3),
    ],
)
def test_the_best_epoch_is_by_accuracy_then_loss(accuracies, losses, best):
    assert best_epoch(reports(accuracies, losses)) == best


def keep(program, folder, saving, accuracies):
    """What is in the folder after each epoch of a run that is said to have these accuracies."""
    keeper = Keeper(folder, program, saving, {}, training.first_position(program), losses=True)
    told, shown = reports(accuracies), []
    parts = int(saving.every) if saving.unit == "steps" else None
    for position in training.run_parts(program, training.first_position(fresh(program)), len(told), parts):
        keeper.offer(position._replace(reports=told[: len(position.reports)]))
        if not position.done:
            shown.append([int(name) // UPDATES for name in names(folder)] if folder.exists() else [])
    keeper.save(position._replace(reports=told))
    return shown, keeper


def test_the_last_ones_and_the_best_stay(program, tmp_path):
    accuracies = [0.2, 0.9, 0.3, 0.4, 0.5, 0.95, 0.6]
    shown, _ = keep(program, tmp_path, Saving(1, "epochs", keep=2), accuracies)
    assert shown == [[1], [1, 2], [2, 3], [2, 3, 4], [2, 4, 5], [5, 6], [6, 7]]
    start, _ = training.restore(tmp_path, program)
    assert [report.val_accuracy for report in start.reports] == accuracies


def test_one_and_the_best(program, tmp_path):
    shown, _ = keep(program, tmp_path, Saving(1, "epochs", keep=1), [0.5, 0.4, 0.6, 0.5])
    assert shown == [[1], [1, 2], [3], [3, 4]]


def test_the_best_is_saved_though_nothing_was_due_after_it(program, tmp_path):
    shown, _ = keep(program, tmp_path, Saving(1e9, "s"), [0.5, 0.9, 0.4, 0.6, 0.3])
    assert shown == [[]] * 5
    assert names(tmp_path) == [str(2 * UPDATES), str(5 * UPDATES)]
    (tmp_path / str(5 * UPDATES) / "SHA256SUMS").unlink()
    best, wrong = training.restore(tmp_path, program)
    assert len(wrong) == 1
    same_state(best.state, run_to(program, epochs=2).state)


def test_steps_and_epochs_that_are_due(program, tmp_path):
    for saving, due in (
        (Saving(5, "steps", keep=99), [5, 10, 12, 15, 20, 24]),  # 12 is the best, 24 the end
        (Saving(2, "epochs", keep=99), [12, 24]),
        (Saving(UPDATES, "steps", keep=99), [12, 24]),
    ):
        folder = tmp_path / f"{saving.every}{saving.unit}"
        keep(program, folder, saving, [0.5, 0.4])
        assert names(folder) == [str(step) for step in due]


def test_seconds_count_from_the_last_time(program, tmp_path, monkeypatch):
    now = iter([0, 9, 10, 10, 19.9, 20, 20, 29])  # it is looked at once more where it is saved
    monkeypatch.setattr(_keeper, "time", SimpleNamespace(monotonic=lambda: next(now)))
    start = training.first_position(program).copied()
    keeper = Keeper(tmp_path / "checkpoints", program, Saving(10.0, "s"), {}, start, losses=True)
    saved = []
    for position in islice(training.run_parts(program, start, 1, every=1), 5):
        keeper.offer(position)
        saved.append(len(keeper.saved))
    assert saved == [0, 1, 1, 2, 2]


def test_what_a_killed_process_left_is_cleared_and_what_could_not_be_read_is_kept(program, tmp_path):
    for step in (5, 7):
        save(tmp_path, program, run_to(program, every=step, step=step))
    (tmp_path / ".9.new" / "arrays").mkdir(parents=True)
    (tmp_path / "7" / "about.json").write_text("{}")
    start, wrong = training.restore(tmp_path, program)
    assert int(start.state.step) == 5
    assert wrong == [f"{tmp_path}/7/about.json is damaged: it is not the file that was saved"]
    keeper = Keeper(tmp_path, program, Saving(), {}, start, losses=True)
    assert names(tmp_path) == ["5", "7"]
    keeper.save(run_to(program, start=start, every=7, step=7))
    *kept, other = names(tmp_path)
    assert kept == ["5", "7"]
    assert other.startswith("7-unreadable-")
    assert (tmp_path / other / "about.json").read_text() == "{}"
    assert int(training.restore(tmp_path, program)[0].state.step) == 7


def test_only_names_that_are_numbers_are_checkpoints(program, tmp_path):
    save(tmp_path, program, run_to(program, every=7, step=7))
    for name in ("12-unreadable-1", "x", ".13.new", "٣٣", "9" * 19, "-8", "1e9"):
        (tmp_path / name).mkdir()
    start, wrong = training.restore(tmp_path, program)
    assert (int(start.state.step), wrong) == (7, [])


def test_without_a_checkpoint_a_run_begins(program, tmp_path):
    assert training.restore(tmp_path / "none", program) == (None, [])
    assert training.restore(tmp_path, program) == (None, [])
    (tmp_path / "file").touch()
    with pytest.raises(training.CheckpointError, match="file is no folder"):
        training.restore(tmp_path / "file", program)


def test_if_none_can_be_read_it_is_refused(program, tmp_path):
    for step in (5, 7):
        save(tmp_path, program, run_to(program, every=step, step=step))
        (tmp_path / str(step) / "SHA256SUMS").unlink()
    with pytest.raises(training.CheckpointError) as error:
        training.restore(tmp_path, program)
    missing = f"{tmp_path}/7/SHA256SUMS is missing"
    assert str(error.value) == f"{missing}; no other checkpoint in {tmp_path} can be read"


def test_a_checkpoint_of_another_run_is_refused(program, tmp_path):
    save(tmp_path, program, run_to(program, every=7, step=7))
    other = compile_small(held_out=0)._replace(examples=8 * 20)
    with pytest.raises(training.CheckpointError, match="float32 of shape"):
        training.restore(
            tmp_path, other._replace(measured=other.measured._replace(loss=np.zeros(20, np.float32)))
        )


def test_the_configuration_is_that_of_the_last_readable_checkpoint(program, tmp_path):
    for number, step in enumerate((5, 7, 9)):
        start = training.first_position(program)
        keeper = Keeper(tmp_path / "checkpoints", program, Saving(), {"number": number}, start, losses=True)
        keeper.save(run_to(program, every=step, step=step))
    (tmp_path / "checkpoints/9/SHA256SUMS").unlink()
    config, wrong = training.read_config(tmp_path)
    assert config == {"number": 1}
    assert wrong.startswith(f"{tmp_path}/config.json is missing")
    for content in (b"{", b"", b"[]", b"\xff", b"null", b"[" * 10_000, b'{"a": ' + b"9" * 5000 + b"}"):
        (tmp_path / "config.json").write_bytes(content)
        config, wrong = training.read_config(tmp_path)
        assert config == {"number": 1}
        assert wrong.startswith(f"{tmp_path}/config.json ")
        assert "\n" not in wrong
    (tmp_path / "config.json").write_text(json.dumps({"number": 5}))
    assert training.read_config(tmp_path) == ({"number": 5}, None)


FULL = """
import resource, sys, numpy as np
from pathlib import Path
from jaxlearn import training
folder = Path(sys.argv[1])
state = {"weight": np.random.default_rng(0).normal(size=100_000)}
training.save_checkpoint(folder / "1", state)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
try:
    training.save_checkpoint(folder / "2", state)
except OSError as error:
    print(error)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
training.load_checkpoint(folder / "1", state)
"""


@pytest.mark.parametrize("limit", every(3, [100_000, 0, 100, 1000]))
def test_a_checkpoint_that_does_not_fit_leaves_nothing(limit, tmp_path):
    pytest.importorskip("resource")
    command = [sys.executable, "-c", FULL, str(tmp_path), str(limit)]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    assert ended.stdout.startswith(f"{tmp_path}/2 cannot be saved: ")
    assert (ended.stdout.count("\n"), ended.stderr) == (1, "")
    assert names(tmp_path) == ["1"]


@pytest.mark.parametrize("then", ["nothing", "a folder", "a file", "a folder, and an error"])
def test_a_folder_that_goes_while_it_is_saved_is_told(then, tmp_path, monkeypatch):
    parent = tmp_path / "run" / "checkpoints"
    parent.mkdir(parents=True)
    write_json = _checkpoint.write_json

    def go(path, content):
        shutil.rmtree(parent)
        if "folder" in then:
            path.parent.mkdir(parents=True)  # as orbax would
        if then == "a file":
            parent.write_text("")
        if "error" in then:
            raise OSError("something that follows from it")
        write_json(path, content)

    monkeypatch.setattr(_checkpoint, "write_json", go)
    with pytest.raises(OSError, match="checkpoints/1 cannot be saved: its folder is gone$"):
        training.save_checkpoint(parent / "1", {"a": np.zeros(3)})
    assert then == "a file" or not parent.exists()
