"""Folders that go away while they are written to, two commands at one place, and where output goes."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.faults.bench import FOUR, THREE, Act, Ended, Place, Process
from tests.faults.bench import GRID as COMPARED
from tests.faults.fault import Fault
from tests.faults.signals import CONT, GRID, LARGE, LONG, STOP, TRAINING, Seen, is_not_saving, is_saving

SELDOM = "--dataset digits --model softmax --batch-size 16 --epochs 600"  # saved every 30 seconds


def meanwhile(do: Callable[[Place], Any], command: str, seen: Seen) -> Act:
    """Does something as soon as something is seen."""

    def act(place: Place) -> Ended:
        process = place.start(command, "--out run")
        process.until(lambda: seen(process, place))
        do(place)
        return process.wait()

    return act


def remove(path: Path) -> None:
    """Removes a folder in which somebody is writing."""
    while path.exists():
        shutil.rmtree(path, ignore_errors=True)


def move(path: Path) -> None:
    path.rename(path.with_name(f"moved-{path.name}"))


def replace(run: Path) -> None:
    move(run / "checkpoints")
    (run / "checkpoints").write_text("a file", encoding="utf-8")


def stopped(do: Callable[[Path], Any], seen: Seen, command: str = LONG) -> Act:
    """Does something with the folder while the process is stopped; nobody may make anew what is gone then."""

    def act(place: Place) -> Ended:
        process = place.start(command, "--out run")
        process.until(lambda: seen(process, place))
        do(place.run)
        there = {path.name for path in place.folder.rglob("*")}
        process.child.send_signal(CONT)
        ended = process.wait()
        again = {path.name for path in place.folder.rglob("*")} & {"run", "checkpoints"} - there
        return ended._replace(err=f"{ended.err}{again} is there again\n") if again else ended

    return act


def has_a_plan(process: Process, place: Place) -> bool:
    return (place.run / "sweeps" / "plan.safetensors").exists()


def second(command: str, first: str, seen: Seen) -> Act:
    """Runs a command while another one works in the same folder, which must end well."""

    def act(place: Place) -> Ended:
        process = place.start(first, "--out run")
        process.until(lambda: seen(process, place))
        process.child.send_signal(STOP)  # so that it has not ended before the second one begins
        ended = place.process(command)
        process.child.send_signal(CONT)
        first_ended = process.wait()
        return ended if (first_ended.status, first_ended.err) == (0, "") else first_ended

    return act


def piped(shell: str, command: str = THREE) -> Act:
    return lambda place: place.process(command, "--out run", under=["bash", "-c", shell, "bash"])


def written_in(encoding: str, command: str, base: str = "") -> Act:
    """Runs a command whose output has an encoding ("C": the C locale's); `base` is a run that is there."""
    env = {"PYTHONIOENCODING": encoding}
    if encoding == "C":
        env = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}

    def act(place: Place) -> Ended:
        if base:
            place.copy(base)
            for name in ("圖.png", "\udcff.png"):
                shutil.copy(place.run / "curves.png", place.folder / name)
        return place.process(command, env=env)

    return act


def with_a_file_as_cache(place: Place) -> Ended:
    (place.folder / "cache").touch()
    return place.process(FOUR, "--out run", env={"JAXLEARN_CACHE": "cache"})


LOST, VARIES = "run/checkpoints/.* cannot be written: ", r"(?<=checkpoints/)\d+"
IN_USE = "run is in use by another run; choose another, or wait"
FAULTS = [
    Fault(
        "the folder is removed while it trains",
        meanwhile(lambda place: remove(place.run), SELDOM, TRAINING),
        1,
        "run/metrics.jsonl cannot be written: No such file or directory",
    ),
    Fault(
        "the folder is moved away while it trains",
        meanwhile(lambda place: move(place.run), SELDOM, TRAINING),
        1,
        "run/metrics.jsonl cannot be written: No such file or directory",
    ),
    Fault("the folder is removed while it saves", stopped(remove, is_saving, LARGE), 1, LOST, varies=VARIES),
    Fault("the folder is moved away while it saves", stopped(move, is_saving, LARGE), 1, LOST, varies=VARIES),
    Fault(
        "`checkpoints` is removed while it trains",
        stopped(lambda run: remove(run / "checkpoints"), is_not_saving),
        1,
        LOST,
        same=LONG,
        varies=VARIES,
    ),
    Fault(
        "`checkpoints` is replaced by a file while it trains",
        stopped(replace, is_not_saving),
        1,
        LOST,
        varies=VARIES,
    ),
    Fault(
        "the folder is removed while it compares",
        meanwhile(lambda place: remove(place.run), GRID, has_a_plan),
        1,
        "run/sweeps/softmax-sgd.safetensors cannot be written: No such file or directory",
    ),
    Fault("a second run into the same folder", second(f"{LONG} --out run", LONG, TRAINING), 1, IN_USE),
    Fault("`--resume` of a run that still trains", second("--resume run", LONG, TRAINING), 1, IN_USE),
    Fault(
        "the same comparison twice at the same time",
        second(f"{GRID} --out run", GRID, has_a_plan),
        1,
        IN_USE,
    ),
    Fault(
        "output to a full disk (`> /dev/full`)",
        piped('"$@" > /dev/full'),
        1,
        "standard output: No space left on device",
    ),
    Fault(
        "output that nobody reads any more (`| head -1`)",
        piped('set -o pipefail; "$@" | head -1', LONG),
        1,
        "standard output: Broken pipe",
    ),
    Fault("output that is closed (`>&-`)", piped('"$@" >&-'), 0, same=THREE),
    Fault(
        "`--out run/輸出`, output in cp1252",
        written_in("cp1252", f"{THREE} --out run/輸出"),
        goes_on=r"results in run/\\u8f38\\u51fa",
    ),
    Fault(
        "`--out run/輸出`, output in ASCII, a comparison",
        written_in("ascii", f"{COMPARED} --out run/輸出"),
        goes_on=r"report in run/\\u8f38\\u51fa/report.html",
    ),
    Fault(
        "`--out run/輸出` in the C locale without UTF-8",
        written_in("C", f"{THREE} --out run/輸出"),
        goes_on=r"results in run/\S+",
    ),
    Fault(
        "`--out` of a name that is no UTF-8",
        written_in("utf-8", f"{THREE} --out run/\udcff"),
        goes_on=r"results in run/\\udcff",
    ),
    Fault(
        "`--out` of a name that is no UTF-8, a comparison",
        written_in("utf-8", f"{COMPARED} --out run/\udcff"),
        goes_on=r"report in run/\\udcff/report.html",
    ),
    Fault(
        "`--data-dir 資料` that is not there, output in ASCII",
        written_in("ascii", "--dataset mnist --data-dir 資料"),
        1,
        r"\\u8cc7\\u6599 is not a folder",
    ),
    Fault(
        "`--predict` of files whose names are not in cp1252 or no UTF-8",
        written_in("cp1252", "--eval run --predict 圖.png \udcff.png", THREE),
        goes_on=r"\\udcff.png",
    ),
    Fault("a cache that is a file", with_a_file_as_cache, 0, same=FOUR),
]
