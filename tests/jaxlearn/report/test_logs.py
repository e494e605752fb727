"""Reports of epochs in tables and in TensorBoard's files, as they come and when a run goes on."""

import csv
import math
import struct

import numpy as np
import pytest
from tensorboardX.proto.event_pb2 import Event, SessionLog

from jaxlearn import recording, report, training
from jaxlearn.training import EpochReport
from tests.command import run
from tests.jaxlearn.training.small import compile_small, fresh


def events(folder):
    """What TensorBoard reads: of each file the length of a record, its sum, the record, and its sum again."""
    for path in sorted(folder.glob("events.*")):
        content = path.read_bytes()
        while content:
            (length,) = struct.unpack("<Q", content[:8])
            yield Event.FromString(content[12 : 12 + length])
            content = content[12 + length + 4 :]


def scalars(folder):
    """For each tag the value at each step, as TensorBoard shows them."""
    shown = {}
    for event in events(folder):
        if event.session_log.status == SessionLog.START:  # what was written of this step and later is void
            shown = {tag: {s: v for s, v in of.items() if s < event.step} for tag, of in shown.items()}
        for value in event.summary.value:
            shown.setdefault(value.tag, {})[event.step] = value.simple_value
    return shown


def rows(path):
    return list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))


@pytest.fixture(scope="module")
def program():
    return compile_small()


def test_callbacks_of_fit_get_every_report(program, tmp_path):
    seen = []
    logs = [seen.append, report.log_csv(tmp_path / "run.csv"), report.log_tensorboard(tmp_path / "board")]
    reports = [each for _, each in training.fit(program, 3, callbacks=logs)]
    assert seen == reports
    assert [float(row["val_loss"]) for row in rows(tmp_path / "run.csv")] == [r.val_loss for r in reports]
    shown = scalars(tmp_path / "board")
    assert shown.keys() == {
        "loss/train",
        "loss/validation",
        "accuracy/train",
        "accuracy/validation",
        "learning_rate",
    }
    for tag, name in (("loss/train", "train_loss"), ("accuracy/validation", "val_accuracy")):
        np.testing.assert_allclose(list(shown[tag].values()), [getattr(r, name) for r in reports], rtol=1e-6)
        assert list(shown[tag]) == [1, 2, 3]


def test_a_run_that_goes_on_goes_on_with_its_logs(program, tmp_path):
    recording.record_run(
        fresh(program), tmp_path / "whole", 3, callbacks=[report.log_csv(tmp_path / "whole.csv")]
    )
    for epochs in (2, 3):  # the third epoch of the first call never came to an end, say
        start, _ = recording.restore(tmp_path / "run" / "checkpoints", program)
        logs = [report.log_csv(tmp_path / "run.csv"), report.log_tensorboard(tmp_path / "board")]
        if start is None:
            logs[1](EpochReport(3, 9.0, 0.0, 9.0, 0.0, None, 0.0))  # of a process that was killed then
            logs[0](EpochReport(3, 9.0, 0.0, 9.0, 0.0, None, 0.0))
            logs[0] = report.log_csv(tmp_path / "run.csv")
            logs[1] = report.log_tensorboard(tmp_path / "board")
        recording.record_run(fresh(program), tmp_path / "run", epochs, start=start, callbacks=logs)
    seconds = lambda table: [row | {"seconds": ""} for row in rows(table)]
    assert seconds(tmp_path / "run.csv") == seconds(tmp_path / "whole.csv")
    shown = scalars(tmp_path / "board")
    losses = [float(row["train_loss"]) for row in rows(tmp_path / "whole.csv")]
    np.testing.assert_allclose([shown["loss/train"][epoch] for epoch in (1, 2, 3)], losses, rtol=1e-6)


def test_what_a_report_does_not_have_is_left_out(tmp_path):
    bare = EpochReport(1, math.nan, 0.5, None, None, None, 2.0)
    for log in (report.log_csv(tmp_path / "a.csv"), report.log_tensorboard(tmp_path / "a")):
        log(bare)
    assert rows(tmp_path / "a.csv") == [
        {
            "epoch": "1",
            "train_loss": "nan",
            "train_accuracy": "0.5",
            "val_loss": "",
            "val_accuracy": "",
            "learning_rate": "",
            "seconds": "2.0",
        }
    ]
    assert scalars(tmp_path / "a").keys() == {"loss/train", "accuracy/train"}


def test_a_damaged_table_is_written_anew(tmp_path):
    (tmp_path / "a.csv").write_bytes(b"\xff\xfe,epoch\nx,1\n\n2")
    log = report.log_csv(tmp_path / "a.csv")
    log(EpochReport(2, 0.5, 0.5, None, None, None, 2.0))
    assert [row["epoch"] for row in rows(tmp_path / "a.csv") if row["epoch"] == "2"] == ["2"]


@pytest.mark.usefixtures("empty_folder")
def test_the_command_line_writes_them(tmp_path):
    quick = ["--dataset", "digits", "--model", "softmax", "--epochs", 2]
    assert run(*quick, "--log", "tensorboard", "--out", tmp_path / "run") == 0
    assert len(scalars(tmp_path / "run" / "tensorboard")["loss/validation"]) == 2
    several = ["--opt", "sgd,adam", "--lr", 0.1, "--seeds", 2]
    assert run(*quick, *several, "--log", "csv", "--out", tmp_path / "c") == 0
    folder = tmp_path / "c" / "csv"
    tables = sorted(path.relative_to(folder) for path in folder.rglob("*.csv"))
    assert [str(path.parent) for path in tables] == [
        f"softmax-{opt}/seed-{seed}" for opt in ("adam", "sgd") for seed in (0, 1)
    ]
    assert len(rows(folder / tables[0])) == 2
