"""Which checkpoints are saved, when, which of them stay, and what is read when some are damaged."""

import json
import math
import shutil
import subprocess
import sys
from itertools import islice
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxlearn
from jaxlearn import _files, recording, training
from jaxlearn.recording import Saving, _keeper
from jaxlearn.recording._keeper import Keeper
from jaxlearn.training import EpochReport
from tests.jaxlearn.sample import sample
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
    """Of what is in a folder, without `.safetensors`."""
    found = (path.name.removesuffix(".safetensors") for path in folder.iterdir())
    return sorted(found, key=lambda name: (len(name), name))


def cut(path):
    """Leaves three bytes of a file."""
    path.write_bytes(b"cut")


DAMAGED = "is not as it was saved: damaged, cut short or no safetensors file"
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
    assert {text: tuple(Saving.parse(text)[:2]) for text in GOOD} == GOOD
    for text in BAD:
        with pytest.raises(ValueError, match="must be a time such as 30s, or 500steps, or 1epochs; got"):
            Saving.parse(text)


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
    assert training.Position(None, reports=tuple(reports(accuracies, losses))).best_epoch == best


def keep(program, folder, saving, accuracies):
    """What is in the folder after each epoch of a run that is said to have these accuracies."""
    keeper = Keeper(folder, program, saving, {}, training.Position(program.state), stop=True)
    told, shown = reports(accuracies), []
    parts = int(saving.every) if saving.unit == "steps" else None
    for position in training.run_parts(program, training.Position(fresh(program).state), len(told), parts):
        keeper.offer(position._replace(reports=told[: len(position.reports)]))
        if not position.done:
            shown.append([int(name) // UPDATES for name in names(folder)] if folder.exists() else [])
    keeper.save(position._replace(reports=told))
    return shown, keeper


def test_the_last_ones_and_the_best_stay(program, tmp_path):
    accuracies = [0.2, 0.9, 0.3, 0.4, 0.5, 0.95, 0.6]
    shown, _ = keep(program, tmp_path, Saving(1, "epochs", keep=2), accuracies)
    assert shown == [[1], [1, 2], [2, 3], [2, 3, 4], [2, 4, 5], [5, 6], [6, 7]]
    start, _ = recording.restore(tmp_path, program)
    assert [report.val_accuracy for report in start.reports] == accuracies


def test_one_and_the_best(program, tmp_path):
    shown, _ = keep(program, tmp_path, Saving(1, "epochs", keep=1), [0.5, 0.4, 0.6, 0.5])
    assert shown == [[1], [1, 2], [3], [3, 4]]


def test_the_best_is_saved_though_nothing_was_due_after_it(program, tmp_path):
    shown, _ = keep(program, tmp_path, Saving(1e9, "s"), [0.5, 0.9, 0.4, 0.6, 0.3])
    assert shown == [[]] * 5
    assert names(tmp_path) == [str(2 * UPDATES), str(5 * UPDATES)]
    cut(tmp_path / f"{5 * UPDATES}.safetensors")
    best, wrong = recording.restore(tmp_path, program)
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
    start = training.Position(program.state).copied()
    keeper = Keeper(tmp_path / "checkpoints", program, Saving(10.0, "s"), {}, start, stop=True)
    saved = []
    for position in islice(training.run_parts(program, start, 1, every=1), 5):
        keeper.offer(position)
        saved.append(len(keeper.saved))
    assert saved == [0, 1, 1, 2, 2]


def test_what_a_killed_process_left_is_cleared_and_what_could_not_be_read_is_kept(program, tmp_path):
    for step in (5, 7):
        save(tmp_path, program, run_to(program, every=step, step=step))
    (tmp_path / ".9.safetensors.new").write_bytes(b"half")
    cut(tmp_path / "7.safetensors")
    start, wrong = recording.restore(tmp_path, program)
    assert int(start.state.step) == 5
    assert wrong == [f"{tmp_path}/7.safetensors {DAMAGED}"]
    keeper = Keeper(tmp_path, program, Saving(), {}, start, stop=True)
    assert names(tmp_path) == ["5", "7"]
    keeper.save(run_to(program, start=start, every=7, step=7))
    *kept, other = names(tmp_path)
    assert kept == ["5", "7"]
    assert other.startswith("7-unreadable-")
    assert (tmp_path / f"{other}.safetensors").read_bytes() == b"cut"
    assert int(recording.restore(tmp_path, program)[0].state.step) == 7


def test_only_names_that_are_numbers_are_checkpoints(program, tmp_path):
    save(tmp_path, program, run_to(program, every=7, step=7))
    for name in ("12-unreadable-1", "x", ".13", "٣٣", "9" * 19, "-8", "1e9"):
        (tmp_path / f"{name}.safetensors").touch()
    (tmp_path / "14").touch()
    start, wrong = recording.restore(tmp_path, program)
    assert (int(start.state.step), wrong) == (7, [])


def test_without_a_checkpoint_a_run_begins(program, tmp_path):
    assert recording.restore(tmp_path / "none", program) == (None, [])
    assert recording.restore(tmp_path, program) == (None, [])
    (tmp_path / "file").touch()
    with pytest.raises(jaxlearn.CheckpointError, match="file is no folder"):
        recording.restore(tmp_path / "file", program)


def test_a_folder_that_may_not_be_read_is_not_taken_for_an_empty_one(program, tmp_path, monkeypatch):
    save(tmp_path, program, run_to(program, every=7, step=7))

    def refuse(folder):
        raise PermissionError(13, "Permission denied", str(folder))

    monkeypatch.setattr(type(tmp_path), "iterdir", refuse)
    with pytest.raises(PermissionError, match="Permission denied"):
        recording.restore(tmp_path, program)


def test_if_none_can_be_read_it_is_refused(program, tmp_path):
    for step in (5, 7):
        save(tmp_path, program, run_to(program, every=step, step=step))
        cut(tmp_path / f"{step}.safetensors")
    with pytest.raises(jaxlearn.CheckpointError) as error:
        recording.restore(tmp_path, program)
    assert (
        str(error.value)
        == f"{tmp_path}/7.safetensors {DAMAGED}; no other checkpoint in {tmp_path} can be read"
    )


def test_a_checkpoint_of_another_run_is_refused(program, tmp_path):
    save(tmp_path, program, run_to(program, every=7, step=7))
    other = compile_small(held_out=0)._replace(examples=8 * 20)
    measured = other.state.measured._replace(loss=np.zeros(20, np.float32))
    with pytest.raises(jaxlearn.CheckpointError, match="float32 of shape"):
        recording.restore(tmp_path, other._replace(state=other.state._replace(measured=measured)))


def test_the_configuration_is_that_of_the_last_readable_checkpoint(program, tmp_path):
    for number, step in enumerate((5, 7, 9)):
        start = training.Position(program.state)
        keeper = Keeper(tmp_path / "checkpoints", program, Saving(), {"number": number}, start, stop=True)
        keeper.save(run_to(program, every=step, step=step))
    cut(tmp_path / "checkpoints/9.safetensors")
    config, wrong = recording.read_config(tmp_path)
    assert config == {"number": 1}
    assert wrong.startswith(f"{tmp_path}/config.json is missing")
    for content in (b"{", b"", b"[]", b"\xff", b"null", b"[" * 10_000, b'{"a": ' + b"9" * 5000 + b"}"):
        (tmp_path / "config.json").write_bytes(content)
        config, wrong = recording.read_config(tmp_path)
        assert config == {"number": 1}
        assert wrong.startswith(f"{tmp_path}/config.json ")
        assert "\n" not in wrong
    (tmp_path / "config.json").write_text(json.dumps({"number": 5}))
    config, wrong = recording.read_config(tmp_path)
    assert config == {"number": 1}
    assert wrong == f"{tmp_path}/config.json is not as it was saved: its SHA-256 is another"
    _files.write_signed(tmp_path / "config.json", {"number": 5})
    assert recording.read_config(tmp_path) == ({"number": 5}, None)


FULL = """
import resource, sys, numpy as np
from pathlib import Path
from jaxlearn import training
folder = Path(sys.argv[1])
state = {"weight": np.random.default_rng(0).normal(size=100_000)}
training.save_checkpoint(folder / "1.safetensors", state)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
try:
    training.save_checkpoint(folder / "2.safetensors", state)
except OSError as error:
    print(error)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
training.load_checkpoint(folder / "1.safetensors", state)
"""


@pytest.mark.parametrize("limit", sample(3, [100_000, 0, 100, 1000]))
def test_a_checkpoint_that_does_not_fit_leaves_nothing(limit, tmp_path):
    pytest.importorskip("resource")
    command = [sys.executable, "-c", FULL, str(tmp_path), str(limit)]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    assert ended.stdout.startswith(f"{tmp_path}/2.safetensors cannot be written: ")
    assert (ended.stdout.count("\n"), ended.stderr) == (1, "")
    assert names(tmp_path) == ["1"]


def test_a_folder_that_goes_while_it_is_saved_is_told(tmp_path, monkeypatch):
    parent = tmp_path / "run" / "checkpoints"
    parent.mkdir(parents=True)
    replace = _files.os.replace

    def go(beside, path):
        shutil.rmtree(parent)
        replace(beside, path)

    monkeypatch.setattr(_files.os, "replace", go)
    with pytest.raises(OSError, match="1.safetensors cannot be written: No such file or directory$"):
        training.save_checkpoint(parent / "1.safetensors", {"a": np.zeros(3)})
    assert not parent.exists()


@pytest.mark.parametrize("dtype", ["complex64", "float8_e4m3fn", "int4", "bool", "bfloat16"])
def test_states_of_any_dtype_come_back(dtype, tmp_path):
    state = {"a/b": jnp.zeros((2, 0), dtype), "a": {"b": jnp.arange(6).reshape(2, 3).astype(dtype)}}
    state |= {"\ud800": jnp.ones((), dtype)}
    training.save_checkpoint(tmp_path / "1", state)
    same_state(training.load_checkpoint(tmp_path / "1", state), state)
    other = state | {"\ud800": jnp.ones((), jnp.uint16)}
    with pytest.raises(jaxlearn.CheckpointError, match=f"holds for %ED%A0%80: {dtype} of shape .*uint16"):
        training.load_checkpoint(tmp_path / "1", other)


def test_random_keys_of_every_kind_come_back(tmp_path):
    for kind in ("threefry2x32", "rbg", "unsafe_rbg"):
        keys = jax.random.split(jax.random.key(3, impl=kind), 5)
        training.save_checkpoint(tmp_path / kind, keys)
        assert (training.load_checkpoint(tmp_path / kind, keys) == keys).all()
    with pytest.raises(jaxlearn.CheckpointError, match=r"key<rbg> of shape \(5,\); key<urbg> of shape"):
        training.load_checkpoint(tmp_path / "rbg", keys)
