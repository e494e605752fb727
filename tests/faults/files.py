"""The other files of a run: its configuration, its metrics, its trained model."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

from tests.faults.bench import FOUR, THREE, Act, Spoil, spoilt
from tests.faults.checkpoints import SAID, cut, flip, pipe, resumed
from tests.faults.fault import Fault

CONFIG, METRICS, MODEL = Path("run/config.json"), Path("run/metrics.jsonl"), Path("run/model.safetensors")
COMMAND = f"python train.py {THREE} --out run"
INSTEAD = "; a checkpoint tells instead"


def claim(**lies: Any) -> Spoil:
    """Lets config.json say something else."""
    return lambda: CONFIG.write_text(json.dumps(json.loads(CONFIG.read_bytes()) | lies), encoding="utf-8")


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def told(done: str, says: str, *spoils: Spoil) -> Fault:
    """A config.json in whose place that of a checkpoint is taken."""
    return Fault(f"`config.json` {done}", resumed(*spoils), 0, says + ".*" + INSTEAD, SAID, FOUR)


def refused(done: str, status: int, says: str, *spoils: Spoil) -> Fault:
    return Fault(done, resumed(*spoils), status, says)


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
    refused(
        "`config.json` without a command", 1, "config.json does not tell the command", claim(command=None)
    ),
    refused(
        "`config.json` with a command that is no text", 1, "config.json does not tell", claim(command=[5])
    ),
    refused(
        "`config.json` with a quote too few in the command",
        1,
        "config.json does not tell",
        claim(command=COMMAND + " '"),
    ),
    refused(
        "`config.json` whose command asks for `--help`",
        1,
        "config.json does not tell",
        claim(command=COMMAND + " --help"),
    ),
    refused(
        "`config.json` whose command ends in `; touch evil`",
        1,
        "config.json holds another command: .*touch evil",
        claim(command=COMMAND + "; touch evil"),
    ),
    refused(
        "`config.json` whose command ends in `$(touch evil)`",
        1,
        "config.json holds another command: .*touch evil",
        claim(command=COMMAND + " $(touch evil)"),
    ),
    refused(
        "`config.json` whose command holds a line break",
        1,
        r"config.json holds another command: .*a\\n?b",
        claim(command=COMMAND + " 'a\nb'"),
    ),
    refused(
        "`config.json` whose schedule is a Python expression",
        2,
        "argument --schedule: .* is unknown",
        claim(command=COMMAND + ' --schedule \'__import__("pathlib").Path("evil").touch()\''),
    ),
    fine("`config.json` whose command names another `--out`", claim(command=COMMAND + " --out elsewhere")),
    fine(
        "`config.json` whose command names another `--resume`", claim(command=COMMAND + " --resume elsewhere")
    ),
    refused(
        "`config.json` with another seed in the command",
        2,
        "seed is 0 there, not 1",
        claim(command=COMMAND + " --seed 1"),
    ),
    refused(
        "`config.json` with a text for the epochs",
        1,
        "config.json does not tell the epochs",
        claim(epochs="many"),
    ),
    refused(
        "`config.json` of another dataset by its name",
        2,
        "data_digest is 12345678 there",
        claim(data_digest="12345678"),
    ),
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
