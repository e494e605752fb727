"""Checkpoints that are damaged, missing or something else."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.faults.bench import FOUR, SAVED, THREE, Act, Ended, Place, Spoil, spoilt
from tests.faults.fault import Fault
from tests.jaxlearn.training import small

NEWEST = Path("run/checkpoints/33.safetensors")
LIES: dict[str, Any] = {
    "as saved after an update more": {"done": 1},
    "as saved after a half of an update": {"done": 0.5},
    "as saved after 10^15 epochs": {"epochs": 10**15},
    "as saved after -1 epochs": {"epochs": -1},
    "a text for its epochs": {"epochs": "three"},
    "seconds of 400 digits": {"seconds": 10**400},
}


def resumed(*spoils: Spoil, real: bool = False) -> Act:
    """Spoils a run of three epochs that has been saved after each, and goes on to the fourth."""
    return spoilt(THREE, "--resume run --epochs 4", *spoils, real=real)


def cut(path: Path, size: int | None = None) -> None:
    """Leaves the first half of a file, or so many bytes."""
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2 if size is None else size])


def flip(path: Path, place: int | None = None) -> None:
    """Changes a bit in the middle of a file, or in this byte."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2 if place is None else place] ^= 1
    path.write_bytes(content)


def pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def file(path: Path) -> None:
    shutil.rmtree(path)
    path.write_text("a file", encoding="utf-8")


def tell(**lies: Any) -> Spoil:
    """Lets a checkpoint tell something else, with a sum that agrees."""
    return lambda: small.rewrite(NEWEST, lambda arrays, about: about | lies)


def without(name: str) -> Spoil:
    """Takes an array away, with a sum that agrees."""
    return lambda: small.rewrite(NEWEST, lambda arrays, about: arrays.__delitem__(name))


def of_another(command: str) -> Act:
    """The newest checkpoint is one of another run."""

    def act(place: Place) -> Ended:
        there = max(place.bench.undisturbed(command).glob("checkpoints/*"))
        return resumed(lambda: shutil.copy(there, NEWEST))(place)

    return act


def newest(done: str, says: str, *spoils: Spoil) -> Fault:
    """A fault of the newest checkpoint, from which the run goes back to the one before."""
    return goes_back(f"newest checkpoint: {done}", says, resumed(*spoils))


def goes_back(done: str, says: str, act: Act) -> Fault:
    return Fault(done, act, 0, says, "going on after 2 epochs, step 22", FOUR)


def each(spoil: Callable[[Path], Any], *steps: int) -> Spoil:
    return lambda: [spoil(NEWEST.with_stem(str(step))) for step in steps]


def header(text: bytes) -> Spoil:
    return lambda: NEWEST.write_bytes(len(text).to_bytes(8, "little") + text)


SAID = "going on after 3 epochs, step 33"
DAMAGED = "33.safetensors is not as it was saved"
RIGHT = "its sum made anew"
FAULTS = [
    *[
        newest(done, DAMAGED, lambda place=place: flip(NEWEST, place))
        for done, place in [
            ("a bit flipped in the length of its header", 0),
            ("a bit flipped in its header", 100),
            ("a bit flipped in an array", -1),
        ]
    ],
    *[
        newest(done, DAMAGED, lambda size=size: cut(NEWEST, size))
        for done, size in [("cut to a half", None), ("cut in its header", 100), ("empty", 0)]
    ],
    newest("a byte more", DAMAGED, lambda: NEWEST.write_bytes(NEWEST.read_bytes() + b"x")),
    newest("text", DAMAGED, lambda: NEWEST.write_text("a text", encoding="utf-8")),
    newest("a header of 100,000 brackets", DAMAGED, header(b"[" * 100_000)),
    newest("a header of 17 MB", DAMAGED, header(b" " * 17_000_000)),
    newest(
        "a file of safetensors that others wrote",
        "33.safetensors was not written by jaxlearn",
        header(b'{"a":{"dtype":"I8","shape":[0],"data_offsets":[0,0]}}'),
    ),
    newest("missing, and a folder in its place", "33.safetensors is no file", NEWEST.unlink, NEWEST.mkdir),
    newest("a named pipe", "33.safetensors is no file", lambda: pipe(NEWEST)),
    newest(
        "a link to itself",
        "33.safetensors is no file",
        NEWEST.unlink,
        lambda: NEWEST.symlink_to(NEWEST.name),
    ),
    newest(
        "a model in its place",
        DAMAGED,
        lambda: shutil.copy("run/model.safetensors", NEWEST),
    )._replace(says="33.safetensors does not tell where the run was"),
    *[
        newest(f"{what}, {RIGHT}", "33.* (does not tell|was saved after|holds for reports)", tell(**lie))
        for what, lie in LIES.items()
    ],
    newest(f"without an array, {RIGHT}", DAMAGED, without("state/params/1/weight")),
    newest(f"without a list of its arrays, {RIGHT}", DAMAGED, tell(leaves=None)),
    newest(
        "of another version, with an array more",
        "33.safetensors holds for .*: float32 of shape ..,.; none is needed",
        lambda: small.rewrite(
            NEWEST, lambda arrays, about: about["leaves"].update({"state/more": "float32 of shape (1,)"})
        ),
    ),
    goes_back(
        "newest checkpoint: of a batch size of 64",
        "33.safetensors holds for state/measured/accuracy",
        of_another(f"{SAVED} --epochs 1 --batch-size 64"),
    ),
    goes_back(
        "newest checkpoint: of another optimizer",
        "33.safetensors holds for state/opt_state",
        of_another(f"{SAVED} --epochs 3 --opt sgd"),
    ),
    goes_back(
        "newest checkpoint: of another model",
        "33.safetensors holds for state/opt_state/0/0/m/1/bias",
        of_another(f"{SAVED} --epochs 3 --model mlp --set hidden=5"),
    ),
    Fault(
        "the two newest checkpoints cut",
        resumed(each(cut, 22, 33)),
        0,
        "22.safetensors is not as it was saved",
        "going on after 1 epochs, step 11",
        FOUR,
        lines=2,
    ),
    Fault(
        "every checkpoint with a bit flipped",
        resumed(each(flip, 11, 22, 33)),
        1,
        f"{DAMAGED}.* no other checkpoint in run/checkpoints can be read",
    ),
    Fault("`checkpoints` is a file", resumed(lambda: file(NEWEST.parent)), 1, "run/checkpoints is no folder"),
    Fault(
        "`checkpoints` is missing",
        resumed(lambda: shutil.rmtree(NEWEST.parent)),
        goes_on="no checkpoint in run yet: from the beginning",
        same=FOUR,
    ),
    Fault(
        "a half-written `.44.safetensors.new` of a killed process",
        resumed(lambda: shutil.copy(NEWEST, NEWEST.with_name(".44.safetensors.new"))),
        goes_on=SAID,
        same=FOUR,
    ),
    Fault(
        "a file beside the checkpoints, named by a number of 40 digits",
        resumed(lambda: NEWEST.with_stem("9" * 40).touch()),
        goes_on=SAID,
        same=FOUR,
    ),
    Fault(
        "the checkpoint of step 22 once more as 33",
        resumed(lambda: shutil.copy(NEWEST.with_stem("22"), NEWEST)),
        goes_on="going on after 2 epochs, step 22",
        same=FOUR,
    ),
]
