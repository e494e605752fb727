"""Disks that are full or read-only, and files that may not be read or written."""

import os
import subprocess
from contextlib import suppress
from functools import cache

import pytest

from tests.faults.bench import DIGITS, FOUR, GRID, THREE, Ended, Place
from tests.faults.fault import Fault

MOUNTED = 'mount -t tmpfs -o "$0" none disk && "$@"; status=$?; cp -r disk kept; exit $status'
READ_ONLY = 'mount --bind run run && mount -o remount,bind,ro run && "$@"'
ISOLATED = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c"]
FORBIDDEN = "needs to mount a file system, which is not allowed here"
FULL = "No space left on device"
PLAIN = f"{DIGITS} --opt sgd --epochs 9"
SGD = f"{THREE} --opt sgd"


@cache
def can_mount() -> bool:
    with suppress(OSError):
        return not subprocess.run(
            [*ISOLATED, "mount -t tmpfs none /mnt"], capture_output=True, check=False
        ).returncode
    return False


def limited(done: str, size: int, says: str, command: str = THREE, same: str = "") -> Fault:
    """No file may become longer than so many bytes (RLIMIT_FSIZE)."""

    def act(place: Place) -> Ended:
        cache = {"JAXLEARN_CACHE": f"{place.folder}-cache"}  # which is written to, too
        return place.process(command, "--out run", under=["prlimit", f"--fsize={size}"], env=cache)

    return Fault(f"files of {size:,} bytes at most: {done}", act, 1, f"run/{says}: File too large", same=same)


def mounted(done: str, options: str, says: str, command: str = THREE, same: str = "") -> Fault:
    """The folder is on a file system of its own, which is copied before it goes."""

    def act(place: Place) -> Ended:
        if not can_mount():
            pytest.skip(FORBIDDEN)
        (place.folder / "disk").mkdir()
        place.run = place.folder / "kept" / "run"
        return place.process(command, "--out disk/run", under=[*ISOLATED, MOUNTED, options])

    return Fault(done, act, 1, f"disk/run{says}", same=same)


def read_only(place: Place) -> Ended:
    if not can_mount():
        pytest.skip(FORBIDDEN)
    place.copy(THREE)
    return place.process("--resume run --epochs 4", under=[*ISOLATED, READ_ONLY, "sh"])


def forbidden(
    done: str, name: str, mode: int, says: str, status: int = 1, goes_on: str = "", same: str = ""
) -> Fault:
    """A part of a finished run has other permissions, which bind the process, even that of root."""

    def act(place: Place) -> Ended:
        place.copy(THREE)
        place.before = place.contents()
        path = place.folder / name
        usual = path.stat().st_mode
        path.chmod(mode)
        try:
            drop = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]
            return place.process("--resume run --epochs 4", under=[] if os.geteuid() else drop)
        finally:
            path.chmod(usual)

    return Fault(done, act, status, says, goes_on, same)


MAY = "going on after 3 epochs, step 33"
FAULTS = [
    limited("`config.json`", 100, "config.json cannot be written"),
    limited("`metrics.jsonl`", 900, "metrics.jsonl cannot be written", PLAIN),
    limited("the first checkpoint", 50_000, "checkpoints/11.safetensors cannot be written"),
    limited(
        "the first sweep of a comparison",
        1200,
        "sweeps/softmax-sgd.safetensors cannot be written",
        GRID,
        GRID,
    ),
    limited("a picture of a comparison", 20_000, "curves.png cannot be written", GRID, GRID),
    Fault(
        "12 open files at most, which are enough",
        lambda place: place.process(THREE, "--out run", under=["prlimit", "--nofile=12"]),
        same=THREE,
    ),
    mounted("a disk of 4 kB", "size=4k", f"/metrics.jsonl cannot be written: {FULL}"),
    mounted("a disk of 230 kB", "size=230k", f"/checkpoints/33.* cannot be written: {FULL}", same=THREE),
    mounted("a disk of 130 kB, SGD", "size=130k", f"/curves.png cannot be written: {FULL}", SGD, SGD),
    mounted("a disk of 8 files", "nr_inodes=8", f"/curves.png cannot be written: {FULL}"),
    mounted("a disk of 16 kB, a comparison", "size=16k", f"/.* cannot be written: {FULL}", GRID, GRID),
    mounted("a read-only disk", "ro", " cannot be written .*Read-only file system"),
    Fault(
        "`--resume` of a run on a read-only disk",
        read_only,
        1,
        "run cannot be written .*Read-only file system",
    ),
    forbidden("a run that may not be written", "run", 0o555, "run cannot be written .*Permission denied"),
    forbidden("a run that may not be read", "run", 0o000, "run.*: Permission denied"),
    forbidden(
        "`checkpoints` may not be written",
        "run/checkpoints",
        0o555,
        "run/checkpoints/44.safetensors cannot be written: Permission denied",
        goes_on=MAY,
    ),
    forbidden("`checkpoints` may not be read", "run/checkpoints", 0o000, "checkpoints: Permission denied"),
    forbidden(
        "the newest checkpoint may not be read",
        "run/checkpoints/33.safetensors",
        0o000,
        "33.* cannot be read: Permission denied",
        0,
        "going on after 2 epochs, step 22",
        FOUR,
    ),
    forbidden(
        "`config.json` may not be read",
        "run/config.json",
        0o000,
        "config.json cannot be read: Permission denied; a checkpoint tells instead",
        0,
        MAY,
        FOUR,
    ),
]
