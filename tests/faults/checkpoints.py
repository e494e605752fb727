"""Checkpoints that are damaged, missing or something else."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.faults.bench import FOUR, SAVED, THREE, Act, Ended, Place, Spoil, spoilt
from tests.faults.fault import Fault
from tests.jaxlearn.training import small

NEWEST = Path("run/checkpoints/33")
LARGEST = "the largest file"
LIES: dict[str, Any] = {
    "as saved after an update more": {"done": 1},
    "as saved after infinitely many updates": {"done": float("inf")},
    "a text for a loss": {"epochs": [{"epoch": 1, "val_loss": "small"}]},
    "seconds of 400 digits": {"seconds": 10**400},
}


def resumed(*spoils: Spoil, real: bool = False) -> Act:
    """Spoils a run of three epochs that has been saved after each, and goes on to the fourth."""
    return spoilt(THREE, "--resume run --epochs 4", *spoils, real=real)


def find(name: str) -> Path:
    if name != LARGEST:
        return NEWEST / name.strip("`")
    return max((path for path in NEWEST.rglob("*") if path.is_file()), key=lambda path: path.stat().st_size)


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


def sum_up() -> None:
    small.sum_up(NEWEST)


def tell(**lies: Any) -> Spoil:
    """Lets about.json tell something else, with sums that agree."""

    def spoil() -> None:
        about = json.loads((NEWEST / "about.json").read_text(encoding="utf-8"))
        (NEWEST / "about.json").write_text(json.dumps(about | lies), encoding="utf-8")
        sum_up()

    return spoil


def of_another(command: str) -> Act:
    """The newest checkpoint is one of another run."""

    def act(place: Place) -> Ended:
        there = max(place.bench.undisturbed(command).glob("checkpoints/*"))
        return resumed(lambda: shutil.rmtree(NEWEST), lambda: shutil.copytree(there, NEWEST))(place)

    return act


def newest(done: str, says: str, *spoils: Spoil) -> Fault:
    """A fault of the newest checkpoint, from which the run goes back to the one before."""
    return goes_back(f"newest checkpoint: {done}", says, resumed(*spoils))


def goes_back(done: str, says: str, act: Act) -> Fault:
    return Fault(done, act, 0, says, "going on after 2 epochs, step 22", FOUR)


def unreadable(done: str, spoil: Spoil) -> Fault:
    """Only orbax notices; in a process of its own, because its threads and coroutines complain much later."""
    done, act = f"newest checkpoint: {done}, sums made anew", resumed(spoil, sum_up, real=True)
    return goes_back(done, "33/arrays cannot be read", act)._replace(varies=r"(?<= \().*(?=\))")


def each(spoil: Callable[[Path], Any], name: str, *steps: int) -> Spoil:
    return lambda: [spoil(Path(f"run/checkpoints/{step}/{name}")) for step in steps]


SUMS, ABOUT, META = "SHA256SUMS", "about.json", "arrays/_METADATA"
SAID = "going on after 3 epochs, step 33"
FAULTS = [
    newest("`SHA256SUMS` missing", "33/SHA256SUMS is missing", (NEWEST / SUMS).unlink),
    newest("`SHA256SUMS` cut", "SHA256SUMS is damaged: it lists", lambda: cut(NEWEST / SUMS, 100))._replace(
        varies="(?<=it lists ').*(?=')"
    ),
    newest("`SHA256SUMS` with a bit flipped", "33/about.json is damaged", lambda: flip(NEWEST / SUMS, 0)),
    *[
        newest(f"{name} {what}", f"33/.* is {says}", lambda name=name, spoil=spoil: spoil(find(name)))
        for name in (f"`{ABOUT}`", f"`{META}`", "`arrays/manifest.ocdbt`", LARGEST)
        for what, spoil, says in [
            ("cut", cut, "damaged"),
            ("with a bit flipped", flip, "damaged"),
            ("missing", Path.unlink, "missing"),
        ]
    ],
    newest(
        "`SHA256SUMS` lists `../../config.json`",
        "SHA256SUMS is damaged: it lists",
        lambda: (NEWEST / SUMS).write_text(f"{'0' * 64}  ../../config.json\n", encoding="utf-8"),
    ),
    newest(
        "`SHA256SUMS` of 17 MB",
        "SHA256SUMS is larger than",
        lambda: (NEWEST / SUMS).write_bytes(b" " * 17_000_000),
    ),
    newest("`about.json` is a named pipe", "about.json is (missing|no file)", lambda: pipe(NEWEST / ABOUT)),
    newest("a file more", "33/more does not belong", lambda: (NEWEST / "more").touch()),
    newest(
        "`about.json` is a list, sums made anew",
        "about.json does not",
        lambda: (NEWEST / ABOUT).write_text("[]", encoding="utf-8"),
        sum_up,
    ),
    newest(
        "`about.json` is 100,000 brackets, sums made anew",
        "about.json is damaged",
        lambda: (NEWEST / ABOUT).write_text("[" * 100_000, encoding="utf-8"),
        sum_up,
    ),
    *[
        newest(
            f"`about.json` tells {what}, sums made anew", "33.* (does not tell|was saved after)", tell(**lie)
        )
        for what, lie in LIES.items()
    ],
    unreadable("`_METADATA` cut", lambda: cut(NEWEST / META)),
    unreadable("`manifest.ocdbt` cut", lambda: cut(NEWEST / "arrays/manifest.ocdbt")),
    unreadable("the largest file cut", lambda: cut(find(LARGEST))),
    unreadable("no `arrays/`", lambda: shutil.rmtree(NEWEST / "arrays")),
    newest(
        "of another version, with an array more",
        "33 holds for .*: no such array",
        tell(leaves={"state/more": "float32 of shape (1,)"}),
    ),
    newest("an empty folder", "33/SHA256SUMS is missing", lambda: file(NEWEST), NEWEST.unlink, NEWEST.mkdir),
    newest("a file in its place", "33/SHA256SUMS is missing", lambda: file(NEWEST)),
    newest(
        "a link to itself in its place",
        "33/SHA256SUMS is missing",
        lambda: file(NEWEST),
        NEWEST.unlink,
        lambda: NEWEST.symlink_to("33"),
    ),
    goes_back(
        "newest checkpoint: of a batch size of 64",
        "33 holds for measured/accuracy",
        of_another(f"{SAVED} --epochs 1 --batch-size 64"),
    ),
    goes_back(
        "newest checkpoint: of another optimizer",
        "33 holds for state/opt_state",
        of_another(f"{SAVED} --epochs 3 --opt sgd"),
    ),
    goes_back(
        "newest checkpoint: of another model",
        "33 holds for state/opt_state/0/0/m/1/bias",
        of_another(f"{SAVED} --epochs 3 --model mlp --set hidden=5"),
    ),
    Fault(
        "the two newest checkpoints without `about.json`",
        resumed(each(Path.unlink, ABOUT, 22, 33)),
        0,
        "22/about.json is missing",
        "going on after 1 epochs, step 11",
        FOUR,
        lines=2,
    ),
    Fault(
        "every checkpoint with a bit flipped in `about.json`",
        resumed(each(flip, ABOUT, 11, 22, 33)),
        1,
        "33/about.json is damaged.* no other checkpoint in run/checkpoints can be read",
    ),
    Fault("`checkpoints` is a file", resumed(lambda: file(NEWEST.parent)), 1, "run/checkpoints is no folder"),
    Fault(
        "`checkpoints` is missing",
        resumed(lambda: shutil.rmtree(NEWEST.parent)),
        goes_on="no checkpoint in run yet: from the beginning",
        same=FOUR,
    ),
    Fault(
        "a half-written `.44.new` of a killed process",
        resumed(lambda: shutil.copytree(NEWEST, NEWEST.parent / ".44.new")),
        goes_on=SAID,
        same=FOUR,
    ),
    Fault(
        "a folder beside the checkpoints, named by a number of 40 digits",
        resumed(lambda: (NEWEST.parent / ("9" * 40)).mkdir()),
        goes_on=SAID,
        same=FOUR,
    ),
    Fault(
        "the checkpoint of step 22 once more as 33",
        resumed(lambda: shutil.rmtree(NEWEST), lambda: shutil.copytree(NEWEST.with_name("22"), NEWEST)),
        goes_on="going on after 2 epochs, step 22",
        same=FOUR,
    ),
]
