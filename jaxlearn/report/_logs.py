"""Reports of epochs as they come, in files that other programs follow: tables and TensorBoard."""

import csv
import io
import time
import weakref
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from jaxlearn._files import write_text
from jaxlearn.compare import Sweep
from jaxlearn.training import EpochReport

TAGS = {
    "train_loss": "loss/train",
    "val_loss": "loss/validation",
    "train_accuracy": "accuracy/train",
    "val_accuracy": "accuracy/validation",
    "learning_rate": "learning_rate",
}


def log_csv(path: str | Path) -> Callable[[EpochReport], None]:
    """A callback of `fit` and `record_run` that writes the reports to a table, a line an epoch.

    The table is written anew after each epoch, whole or not at all. Of one that is there the epochs before
    the first that is reported stay, so that a run that goes on goes on with its table.

    Args:
      path: of the file.

    Raises:
      OSError: from the callback: it cannot be written.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     log = log_csv(f"{folder}/metrics.csv")
    ...     log(EpochReport(1, 0.5, 0.9, None, None, 0.001, 2.0))
    ...     print(Path(folder, "metrics.csv").read_text())
    epoch,train_loss,train_accuracy,val_loss,val_accuracy,learning_rate,seconds
    1,0.5,0.9,,,0.001,2.0
    <BLANKLINE>
    """
    path, rows = Path(path), dict[int, dict[str, Any]]()

    def log(report: EpochReport) -> None:
        if not rows and path.exists():
            rows.update(_earlier_rows(path, report.epoch))
        rows[report.epoch] = report._asdict()
        table = io.StringIO()
        writer = csv.DictWriter(table, EpochReport._fields, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows.values())
        write_text(path, table.getvalue())

    return log


def _earlier_rows(path: Path, epoch: int) -> dict[int, dict[str, Any]]:
    rows = csv.DictReader(path.read_text(encoding="utf-8", errors="replace").splitlines())
    numbered = {int(row["epoch"]): row for row in rows if (row.get("epoch") or "").isdecimal()}
    return {number: row for number, row in numbered.items() if number < epoch}


def log_tensorboard(folder: str | Path) -> Callable[[EpochReport], None]:
    """A callback of `fit` and `record_run` that writes the reports for TensorBoard, an epoch a step.

    Where a run goes on in a folder, what it wrote of later epochs before does not count any more.

    Args:
      folder: for the event files, which `tensorboard --logdir` shows.

    Raises:
      ModuleNotFoundError: tensorboardX is not installed (`pip install 'jaxlearn[train]'`).
    """
    from tensorboardX.event_file_writer import EventsWriter  # whose queue would write later, or never
    from tensorboardX.proto.event_pb2 import Event, SessionLog
    from tensorboardX.summary import scalar

    writers: list[Any] = []

    def log(report: EpochReport) -> None:
        if not writers:
            Path(folder).mkdir(parents=True, exist_ok=True)
            name = str(Path(folder, "events"))
            writers.append(EventsWriter(name, f".{time.time_ns()}"))  # its own name has seconds alone
            weakref.finalize(log, writers[0].close)
            from_here = SessionLog(status=SessionLog.START)
            writers[0].write_event(Event(wall_time=time.time(), step=report.epoch, session_log=from_here))
        for name, tag in TAGS.items():
            value = getattr(report, name)
            if value is not None:
                event = Event(wall_time=time.time(), step=report.epoch, summary=scalar(tag, value))
                writers[0].write_event(event)
        writers[0].flush()

    return log


def log_sweeps(folder: Path, sweeps: Iterable[Sweep], kind: str) -> None:
    """Writes the chosen runs of a comparison as `log_csv` ("csv") or `log_tensorboard` would.

    Args:
      folder: gets a folder of that name, with one for each optimizer on a model, with one for each seed.
      sweeps: of the comparison.
      kind: "csv" or "tensorboard".
    """
    for sweep in sweeps:
        for seed, reports in zip(sweep.seeds, _reports(sweep), strict=True):
            place = folder / kind / f"{sweep.model}-{sweep.optimizer}" / f"seed-{seed}"
            place.mkdir(parents=True, exist_ok=True)
            log = log_csv(place / "metrics.csv") if kind == "csv" else log_tensorboard(place)
            for report in reports:
                log(report)


def _reports(sweep: Sweep) -> Iterable[list[EpochReport]]:
    """Those of each run at the chosen point."""
    curves = (sweep.train_loss, sweep.train_accuracy, sweep.val_loss, sweep.val_accuracy)
    for seed in range(len(sweep.seeds)):
        rows = zip(*(curve[sweep.chosen, seed].tolist() for curve in curves), strict=True)
        yield [
            EpochReport(epoch, train_loss, train_accuracy, val_loss, val_accuracy, None, sweep.epoch_seconds)
            for epoch, (train_loss, train_accuracy, val_loss, val_accuracy) in enumerate(rows, start=1)
        ]
