"""Which checkpoints a run saves, when, and which of them stay."""

import math
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from jaxlearn._checkpoint import restore_tree, save_checkpoint
from jaxlearn._files import CheckpointError, read_signed
from jaxlearn._store import read_arrays
from jaxlearn.training import EpochReport, Position, Program

from ._nonfinite import first_bad_loss, first_bad_parameter, locate

UNITS = ("s", "steps", "epochs")
NUMBERS = EpochReport._fields[1:]


class Saving(NamedTuple):
    """When a run is saved, besides at its end, and what is kept.

    Attributes:
      every: seconds, updates or epochs, as `unit` says.
      unit: "s", "steps" or "epochs".
      keep: the last checkpoints that stay; that of the best epoch by validation does anyway.
    """

    every: float = 30.0
    unit: str = "s"
    keep: int = 3

    @classmethod
    def parse(cls, text: str, keep: int = 3) -> "Saving":
        """Reads how often to save.

        Raises:
          ValueError: no positive number with a unit.

        >>> Saving.parse("30s"), Saving.parse("500steps").unit, Saving.parse("1epochs").every
        (Saving(every=30.0, unit='s', keep=3), 'steps', 1)
        """
        unit = next((unit for unit in reversed(UNITS) if text.endswith(unit)), "")
        number = text.removesuffix(unit)
        try:
            every = float(number) if unit == "s" else int(number)
            if unit and 0 < every < math.inf:
                return cls(every, unit, keep)
        except ValueError:
            pass
        raise ValueError(f"must be a time such as 30s, or 500steps, or 1epochs; got {text!r}")


class Keeper:
    """Saves a run in `folder`, a checkpoint a file, each named by the number of updates made.

    Args:
      folder: of the checkpoints.
      program: the run.
      saving: when, and how many stay.
      config: goes into each checkpoint.
      start: where the run begins.
      stop: whether a loss that is not finite stops the run; parameters that are not always do.
    """

    def __init__(
        self,
        folder: Path,
        program: Program,
        saving: Saving,
        config: dict[str, Any],
        start: Position,
        stop: bool,
    ):
        self.folder, self.program, self.saving, self.config = folder, program, saving, config
        self.stop = stop
        self.good = start.copied()  # where the run was last known to be sound
        self.best: Position | None = None  # of the best epoch, while that is not saved
        self.saved = {step for step, _ in _numbered(folder) if step <= int(start.state.step)}
        self.last = time.monotonic()
        folder.mkdir(exist_ok=True)
        for rest in folder.glob(".*.new"):  # of a process that was killed while it saved
            with suppress(OSError):
                rest.unlink()

    def offer(self, position: Position) -> None:
        """Saves what is due.

        Raises:
          NonFiniteError: a loss is not finite, or, when it is to be saved, a parameter.
          OSError: it cannot be saved.
        """
        if self.stop and first_bad_loss(position) is not None:
            raise locate(self.program, self.good, position, stop=True)
        if not position.done and position.best_epoch == len(position.reports):
            self.best = position.copied()
        if self._due(position):
            self.save(position)

    def save(self, position: Position) -> None:
        """Saves a position, and the best one before it; forgets what need not stay."""
        if first_bad_parameter(position):
            raise locate(self.program, self.good, position, self.stop)
        held = position.copied()
        for each in (self.best, held):
            if each and int(each.state.step) not in self.saved:
                step = int(each.state.step)
                save_position(self._make_room(step), each, self.config)
                self.saved.add(step)
        self.best, self.good, self.last = None, held, time.monotonic()
        best = (position.best_epoch or 0) * self.program.updates
        for step in sorted(self.saved)[: -self.saving.keep]:
            if step != best:
                with suppress(OSError):
                    _file(self.folder, step).unlink()
                self.saved.discard(step)

    def best_before(self, position: Position) -> Position:
        """That of the best epoch, which is saved; `position` where that is the best, or none is."""
        best = position.best_epoch
        if best is None or best == len(position.reports):
            return position
        return load_position(_file(self.folder, best * self.program.updates), self.program)

    def _due(self, position: Position) -> bool:
        every, unit, _ = self.saving
        if unit == "s":
            return time.monotonic() - self.last >= every
        if unit == "epochs":
            return not position.done and len(position.reports) % every == 0
        return (len(position.reports) * self.program.updates + position.done) % every == 0

    def _make_room(self, step: int) -> Path:
        """The place of a checkpoint; one that is there and could not be read is kept under another name."""
        place = _file(self.folder, step)
        if os.path.lexists(place):
            place.rename(place.with_stem(f"{step}-unreadable-{time.time_ns()}"))
        return place


def restore(folder: Path, program: Program) -> tuple[Position | None, list[str]]:
    """The last position saved in `folder` that can be read, and what is wrong with those after it.

    Raises:
      CheckpointError: there are checkpoints, and none of them can be read.
    """
    if os.path.lexists(folder) and not folder.is_dir():
        raise CheckpointError(f"{folder} is no folder, so no checkpoint can be read")
    wrong: list[str] = []
    for _, path in _numbered(folder):
        try:
            return load_position(path, program), wrong
        except CheckpointError as error:
            wrong.append(str(error))
    if wrong:
        raise CheckpointError(f"{wrong[0]}; no other checkpoint in {folder} can be read")
    return None, wrong


def read_config(folder: Path) -> tuple[dict[str, Any], str | None]:
    """The `config.json` of a run; or, if it cannot be read, that in its checkpoints, and what was wrong.

    Raises:
      CheckpointError: it cannot be read, and neither can a checkpoint.
    """
    try:
        return read_signed(folder / "config.json"), None
    except CheckpointError as error:
        wrong = str(error)
    if not folder.is_dir():
        raise CheckpointError(f"{folder} is not the folder of a run: {wrong}")
    config = _saved_config(folder / "checkpoints")
    if not config:
        raise CheckpointError(wrong)
    return config, wrong


def _saved_config(folder: Path) -> dict[str, Any]:
    """The configuration that the last readable checkpoint in `folder` was saved with; or {}."""
    for _, path in _numbered(folder):
        try:
            config = read_arrays(path).about.get("config")
        except CheckpointError:
            continue
        if isinstance(config, dict):
            return config
    return {}


def _file(folder: Path, step: int) -> Path:
    return folder / f"{step}.safetensors"


def _numbered(folder: Path) -> list[tuple[int, Path]]:
    """Checkpoints by their number, the last first."""

    def numbers() -> Iterator[tuple[int, Path]]:
        # not `glob`, which says nothing of a folder that may not be read
        for path in folder.iterdir() if folder.is_dir() else []:
            name = path.stem if path.suffix == ".safetensors" else ""
            if name.isascii() and name.isdigit() and len(name) < 19:
                yield int(name), path

    return sorted(numbers(), reverse=True)


def save_position(path: Path, position: Position, config: dict[str, Any]) -> None:
    """Saves a position as a checkpoint, with the configuration of its run.

    Its reports are columns of numbers, in which NaN stands for None.
    """
    tree = {"state": position.state, "reports": _columns(position.reports)}
    about = {"config": config, "epochs": len(position.reports), "done": position.done}
    save_checkpoint(path, tree, about | {"seconds": position.seconds})


def load_position(path: Path, program: Program) -> Position:
    """Reads what `save_position` saved.

    Raises:
      CheckpointError: the file is missing or damaged, or it is a checkpoint of another run.
    """
    stored = read_arrays(path)
    try:
        epochs, done, seconds = (stored.about[name] for name in ("epochs", "done", "seconds"))
        if type(epochs) is not int or type(done) is not int:
            raise TypeError
        seconds = _seconds(seconds)
        columns = {name: np.broadcast_to(0.0, (epochs,)) for name in NUMBERS}
    except (KeyError, TypeError, ValueError, OverflowError):
        raise CheckpointError(f"{path} does not tell where the run was") from None
    like = {"state": program.state, "reports": columns}
    tree = restore_tree(path, stored, like)
    state = tree["state"]
    if not 0 <= done < program.updates or epochs * program.updates + done != int(state.step):
        raise CheckpointError(
            f"{path} was saved after {epochs} epochs and {done} updates of {program.updates}, "
            f"which are not {int(state.step)}"
        )
    return Position(state, done, _rows(tree["reports"], bool(program.validate)), seconds)


def _columns(reports: Sequence[EpochReport]) -> dict[str, np.ndarray]:
    return {name: np.array([getattr(report, name) for report in reports], float) for name in NUMBERS}


def _rows(columns: dict[str, np.ndarray], validated: bool) -> tuple[EpochReport, ...]:
    missing = {"learning_rate", *([] if validated else ["val_loss", "val_accuracy"])}  # where NaN is None

    def read(name: str, value: float) -> float | None:
        return None if name in missing and math.isnan(value) else value

    values = zip(*(columns[name].tolist() for name in NUMBERS), strict=True)
    return tuple(
        EpochReport(epoch, *map(read, NUMBERS, row))  # type: ignore[arg-type]
        for epoch, row in enumerate(values, start=1)
    )


def _seconds(value: Any) -> float:
    if type(value) not in (int, float) or not 0 <= value < 1e9:
        raise ValueError
    return float(value)
