"""Signals, in processes of their own."""

import re
import signal
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from tests.faults.bench import DIGITS, Act, Ended, Place, Process
from tests.faults.fault import Fault

LONG = "--dataset digits --model softmax --batch-size 32 --save-every 50steps --epochs 30"
SLOW = "--dataset digits --model mlp --set hidden=300 --batch-size 1 --epochs 4"  # parts of half a second
LARGE = f"{DIGITS} --model mlp --set hidden=600 --save-every 1steps --epochs 4"  # 5 MB a checkpoint
GRID = f"{DIGITS} --opt sgd,adam --lr 0.001:0.1:3 --seeds 2 --epochs 20 --width 1"
INT, TERM, KILL, STOP, CONT = (
    getattr(signal, f"SIG{name}") for name in ("INT", "TERM", "KILL", "STOP", "CONT")
)
WHERE = r"(?<=epoch )\d+|(?<=step )\d+"
Seen = Callable[[Process, Place], Any]


def sent(command: str, seen: Seen, *signals: int, env: Mapping[str, str] = {}) -> Act:
    """Sends signals, with time in between, as soon as something is seen."""

    def act(place: Place) -> Ended:
        process = place.start(command, "--out run", env=env)
        process.until(lambda: seen(process, place))
        for number in signals:
            process.child.send_signal(number)
            time.sleep(0.02)
        return process.wait()

    return act


def at_once(done: str, act: Act, status: int, same: str = "") -> Fault:
    """An end so soon that nothing need be said."""
    return Fault(done, act, status, same=same, torn=True)


def printed(text: str) -> Seen:
    return lambda process, place: any(re.match(text, line) for line in process.out)


def is_importing(process: Process, place: Place) -> bool:
    """JAX is being loaded, which takes most of the first second."""
    with open(f"/proc/{process.child.pid}/maps", encoding="utf-8") as maps:
        return "jaxlib" in maps.read()


def has_a_sweep(process: Process, place: Place) -> bool:
    return (place.run / "sweeps" / "softmax-sgd.safetensors").exists()


def is_stopped(process: Process, place: Place, saving: bool) -> bool:
    """Stops the process once it has saved, at a moment when a checkpoint is half written, or when none is."""
    half_written = partial(place.run.glob, "checkpoints/.*.new")
    if not any(place.run.glob("checkpoints/[0-9]*")) or (saving and not any(half_written())):
        return False
    process.child.send_signal(STOP)
    while (
        Path(f"/proc/{process.child.pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
        not in "TZ"
    ):
        time.sleep(0.001)
    if any(half_written()) == saving:
        return True
    process.child.send_signal(CONT)
    return False


is_saving, is_not_saving = partial(is_stopped, saving=True), partial(is_stopped, saving=False)
TRAINING, COMPILING, COMPARING = printed("epoch +2/"), printed("dataset:"), printed("comparing")
STOPPED = "stopped in epoch .* after step .*, which is saved; go on with: python train.py --resume run"
KEPT = "stopped; what is finished is saved; go on with: python train.py --resume run"
COLD = {"JAXLEARN_CACHE": "/dev/null"}  # so that everything is compiled, which takes a while
FAULTS = [
    Fault("SIGINT (Ctrl-C) in a run", sent(LONG, TRAINING, INT), 130, STOPPED, same=LONG, varies=WHERE),
    Fault("SIGTERM in a run", sent(LONG, TRAINING, TERM), 143, STOPPED, same=LONG, varies=WHERE),
    Fault(
        "SIGTERM while it saves",
        sent(LARGE, is_saving, TERM, CONT),
        143,
        STOPPED,
        same=LARGE,
        varies=WHERE,
    ),
    at_once("SIGINT twice in a run", sent(SLOW, TRAINING, INT, INT), 130, SLOW),
    at_once("SIGTERM, then SIGINT in a run", sent(SLOW, TRAINING, TERM, INT), 130, SLOW),
    at_once("SIGINT twice while it saves", sent(LARGE, is_saving, INT, CONT, INT), 130, LARGE),
    at_once("SIGKILL in a run", sent(LONG, TRAINING, KILL), -9, LONG),
    at_once("SIGKILL while it saves", sent(LARGE, is_saving, KILL), -9, LARGE),
    Fault("SIGSTOP while it saves, SIGCONT later", sent(LARGE, is_saving, CONT), 0, same=LARGE),
    Fault("SIGINT while it compiles", sent(LONG, COMPILING, INT, env=COLD), 130, "interrupted"),
    Fault("SIGTERM while it compiles", sent(LONG, COMPILING, TERM, env=COLD), 143, "interrupted"),
    at_once("SIGTERM twice while it compiles", sent(LONG, COMPILING, TERM, TERM, env=COLD), 143),
    at_once("SIGINT while it imports JAX", sent(LONG, is_importing, INT), -2),
    at_once("SIGTERM while it imports JAX", sent(LONG, is_importing, TERM), -15),
    Fault("SIGINT in a comparison, after a sweep", sent(GRID, has_a_sweep, INT), 130, KEPT, same=GRID),
    Fault("SIGTERM in a comparison, before a sweep", sent(GRID, COMPARING, TERM), 143, KEPT, same=GRID),
    at_once("SIGINT twice in a comparison", sent(GRID, has_a_sweep, INT, INT), 130, GRID),
    at_once("SIGKILL in a comparison, after a sweep", sent(GRID, has_a_sweep, KILL), -9, GRID),
]
