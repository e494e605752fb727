"""A peer in a process of its own: `python -m benchmarks.worker PEER WORK OPTIONS`.

It imports what it needs, and waits for the first line of its input: then it compiles and warms up, and
answers with the seconds that took. Each further line is a seed, and the answer is what `measure(seed)` gave,
with the largest memory of the process so far. Answers are lines of JSON; a text says why there is no other.
"""

import importlib
import json
import os
import sys
import time
from pathlib import Path
from typing import Any, TextIO

from .machine import peak_memory


def answer(out: TextIO, given: Any) -> None:
    print(json.dumps(given), file=out, flush=True)


def serve(peer: str, work: str, options: str, out: TextIO) -> None:
    given = json.loads(options)
    module = importlib.import_module(f"benchmarks.peers.{peer}")
    if not sys.stdin.readline():  # whoever asks has ended
        return
    began = time.perf_counter()
    measure = getattr(module, work)(folder=Path(given.pop("folder")), **given)
    measure(0)
    answer(out, time.perf_counter() - began)
    for line in sys.stdin:
        seconds, loss = measure(int(line))
        answer(out, [seconds, loss, peak_memory()])


def main(peer: str, work: str, options: str) -> None:
    out = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what libraries print is no answer
    try:
        serve(peer, work, options, out)
    except Exception as error:
        reason = next(iter(str(error).splitlines()), "")
        answer(out, f"{type(error).__name__}: {reason}")
        raise


if __name__ == "__main__":
    main(*sys.argv[1:])
