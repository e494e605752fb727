"""The other files of a run: its configuration, its metrics, its trained model."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

from jaxlearn._files import read_signed, write_signed
from tests.faults.bench import FOUR, THREE, Act, Spoil, spoilt
from tests.faults.checkpoints import SAID, cut, flip, pipe, resumed
from tests.faults.fault import Fault

CONFIG, METRICS, MODEL = Path("run/config.json"), Path("run/metrics.jsonl"), Path("run/model.safetensors")
INSTEAD = "; a checkpoint tells instead"
CHANGED = "config.json is not as it was saved"
NONE = "config.json is no configuration that jaxlearn .* reads: "
ASKS = "config.json asks for what is not here: "
EVIL = '__import__("pathlib").Path("evil").touch()'


def claim(**lies: Any) -> Spoil:
    """Lets config.json say something else."""
    return lambda: CONFIG.write_text(json.dumps(json.loads(CONFIG.read_bytes()) | lies), encoding="utf-8")


def sign(**lies: Any) -> Spoil:
    """Lets it say something else as somebody might who knows how its sum is made."""
    return lambda: write_signed(CONFIG, read_signed(CONFIG) | lies)


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def told(done: str, says: str, *spoils: Spoil) -> Fault:
    """A config.json in whose place that of a checkpoint is taken."""
    return Fault(f"`config.json` {done}", resumed(*spoils), 0, says + ".*" + INSTEAD, SAID, FOUR)


def refused(done: str, status: int, says: str, *spoils: Spoil) -> Fault:
    return Fault(done, resumed(*spoils), status, says)


def signed(done: str, status: int, says: str, **lies: Any) -> Fault:
    """A config.json whose sum agrees with what it should not say."""
    return refused(f"`config.json`, its sum made anew, with {done}", status, says, sign(**lies))


def fine(done: str, *spoils: Spoil) -> Fault:
    return Fault(done, resumed(*spoils), goes_on=SAID, same=FOUR)


def used(*spoils: Spoil, command: str = "--eval run") -> Act:
    """Spoils a run of three epochs and asks for what its model answers."""
    return spoilt(THREE, command, *spoils)


def picture(done: str, says: str, write: Callable[[Path], Any]) -> Fault:
    act = used(lambda: write(Path("picture.png")), command="--eval run --predict picture.png")
    return Fault(f"`--predict picture.png`: {done}", act, 1, f"picture.png.*{says}")


def draw(path: Path, size: tuple[int, int]) -> None:
    import PIL.Image

    PIL.Image.new("1", size).save(path)


def grain(path: Path) -> None:
    """A sheet of paper in uneven light, and nothing on it."""
    import PIL.Image

    paper = np.linspace(90, 220, 60) + np.random.default_rng(0).normal(0, 4, (60, 60))
    PIL.Image.fromarray(paper.astype(np.uint8)).save(path)


def nan(path: Path) -> None:
    import PIL.Image

    PIL.Image.fromarray(np.full((28, 28), np.nan, np.float32)).save(path, "TIFF")


FAULTS = [
    told("cut in the middle of a line", "config.json", lambda: cut(CONFIG, 600)),
    told("missing", "config.json is missing", CONFIG.unlink),
    told("is a list", "config.json", lambda: CONFIG.write_text("[]", encoding="utf-8")),
    told("is 100,000 brackets", "config.json", lambda: CONFIG.write_text("[" * 100_000, encoding="utf-8")),
    told("of 17 MB", "config.json", lambda: CONFIG.write_bytes(b" " * 17_000_000)),
    told("is no text", "config.json", lambda: CONFIG.write_bytes(b"\xff\xfe")),
    told("is a named pipe", "config.json", lambda: pipe(CONFIG)),
    refused(
        "`config.json` cut, and no checkpoint",
        1,
        "config.json",
        lambda: cut(CONFIG, 600),
        lambda: shutil.rmtree("run/checkpoints"),
    ),
    told("with another seed", CHANGED, claim(seed=1)),
    told("with a text for the epochs", CHANGED, claim(epochs="many")),
    told("whose schedule is a Python expression", CHANGED, claim(schedule=EVIL)),
    told("of another dataset by its name", CHANGED, claim(data_digest="12345678")),
    signed("a text for the epochs", 1, NONE + "epochs is many: Expected int, got str", epochs="many"),
    signed("an entry more", 1, NONE + ".*unknown field more", more=1),
    signed("no kind, as that of an older version", 1, NONE + ".*kind", kind=None),
    signed("a device that there is not", 1, NONE + "device is .*: Invalid", device=EVIL),
    signed(
        "a Python expression for the schedule", 1, ASKS + "argument --schedule: .* is unknown", schedule=EVIL
    ),
    signed("a size that the model has not", 1, ASKS + "argument --model softmax --set", sizes={"evil": 1}),
    signed("an optimizer that there is not", 1, ASKS + "argument --opt: 'evil' is unknown", optimizer="evil"),
    signed("the sum of other data", 2, "data_digest is 12345678 there", data_digest="12345678"),
    fine("`config.json`, its sum made anew, whose command ends in `; touch evil`", sign(command=EVIL)),
    fine("`config.json`, its sum made anew, without a command", sign(command="")),
    Fault(
        "`config.json` is a folder",
        resumed(lambda: folder(CONFIG)),
        1,
        "config.json cannot be written: Is a directory",
        SAID,
        lines=2,
    ),
    fine("`metrics.jsonl` cut in the middle of a line", lambda: cut(METRICS)),
    fine("`metrics.jsonl` missing", METRICS.unlink),
    Fault(
        "`metrics.jsonl` is a folder",
        resumed(lambda: folder(METRICS)),
        1,
        "metrics.jsonl cannot be written: Is a directory",
        SAID,
    ),
    fine("`summary.json` cut", lambda: cut(Path("run/summary.json"))),
    Fault(
        "`model.safetensors` cut, `--eval`",
        used(lambda: cut(MODEL)),
        1,
        "model.safetensors is not as it was saved",
    ),
    Fault(
        "`model.safetensors` with a bit flipped, `--eval`",
        used(lambda: flip(MODEL)),
        1,
        "model.safetensors is not as",
    ),
    Fault("`model.safetensors` missing, `--eval`", used(MODEL.unlink), 1, "model.safetensors is missing"),
    Fault(
        "`model.safetensors` is a named pipe, `--eval`",
        used(lambda: pipe(MODEL)),
        1,
        "model.safetensors is no file",
    ),
    Fault(
        "`model.safetensors` with a header of 2^63 bytes, `--eval`",
        used(lambda: MODEL.write_bytes(b"\xff" * 7 + b"\x7f{}")),
        1,
        "model.safetensors is not as",
    ),
    Fault(
        "`model.safetensors` of another program, `--eval`",
        used(lambda: save_file({"w": np.zeros(3)}, MODEL)),
        1,
        "model.safetensors was not written by jaxlearn;",
    ),
    picture("missing", "is missing: an image file", lambda path: None),
    picture("empty", "is no image", Path.touch),
    picture("a text", "is no image", lambda path: path.write_text("no picture", encoding="utf-8")),
    picture("cut", "is no image", lambda path: (draw(path, (28, 28)), cut(path))),
    picture("a blank page", "shows nothing: no ink stands out", lambda path: draw(path, (28, 28))),
    picture("grey and its grain", "shows nothing: no ink stands out", grain),
    picture("numbers that are NaN", "cannot be read as an image: its pixels are not all finite", nan),
    picture("a folder", "is no file: an image file", Path.mkdir),
    picture("a named pipe", "is no file: an image file", os.mkfifo),
    picture(
        "20,000 x 20,000 pixels in 50 kB",
        "has more pixels than are read",
        lambda path: draw(path, (20_000, 20_000)),
    ),
    Fault(
        "`--predict curves.png text.png --format json`: one of two is a text",
        used(
            lambda: shutil.copy("run/curves.png", "curves.png"),
            lambda: Path("text.png").write_text("no picture", encoding="utf-8"),
            command="--eval run --predict curves.png text.png --format json",
        ),
        1,
        "text.png is no image",
    ),
]
