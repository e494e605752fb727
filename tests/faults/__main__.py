"""Tries every fault and writes what happens: `make faults`.

    python -m tests.faults docs/faults.md

Exits with 1 where something happens that ought not to. With a regular expression behind, it tries only the
faults that it finds, "signals: SIGINT" say, and writes nothing.
"""

import re
import sys
import tempfile
from pathlib import Path

from rich.progress import track

from tests.faults import FAULTS, bench
from tests.faults.fault import row, try_out

INTRO = """\
# Faults

Written by `make faults`, which really makes each of these {number} faults: those with signals, disks and
folders that go away in processes of their own, the others by `train.main`. A full disk is a small file system
(`tmpfs`) or a limit on the size of files (`RLIMIT_FSIZE`). The run that is spoilt has trained three epochs of
11 updates and was saved after each, as checkpoints 11, 22 and 33; "its sum made anew" means that the
SHA-256 in the file agrees with what was changed.

The last column tells the exit status (below zero: the signal that ended the process), the last line on
stderr, behind `train.py: `, and what the output says; `...` stands for what is different every time, `DIR`
for the folder that the command runs in. "The numbers of an undisturbed run" are its `params_digest`, of a
comparison its `results.csv`, bit for bit: right away, or after a `--resume` that has nothing to complain of.

Besides, of every fault it is held that

- the process ends in time, without a traceback; stderr has one line for each thing that is wrong, and none of
  anything else but the answer to the first of two signals;
- every file that was written is whole: JSON parses, pictures open, checkpoints, sweeps and models agree with
  their sums. No `.name.new`, the name of a file that is being written, stays, unless the process was stopped
  at once;
- a command that is refused changes nothing at all; nothing is written outside `--out`; no checkpoint and no
  sweep that could be read is overwritten.

| group | what was done | what happened |
|---|---|---|
"""


def main(out, only=""):
    chosen = [(group, fault) for group, fault in FAULTS if re.search(only, f"{group}: {fault.done}")]
    rows, bad = [], 0
    with tempfile.TemporaryDirectory() as root, bench.set_up(Path(root)) as made:
        for number, (group, fault) in enumerate(track(chosen, "faults", transient=True)):
            happened, wrong = try_out(fault, bench.Place(made, Path(root) / f"fault-{number}"))
            rows.append(row(group, fault.done, happened))
            bad += bool(wrong)
            print(rows[-1], *(f"  WRONG: {each}" for each in wrong), sep="\n")
    if not only:
        Path(out).write_text(
            INTRO.format(number=len(rows)) + "".join(f"{line}\n" for line in rows), encoding="utf-8"
        )
    print(f"{out}: {len(rows)} faults, {bad} that did not end as they should")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
