"""A peer in a process of its own: `python -m benchmarks.worker PEER WORK OPTIONS`.

Says "ready" when it has compiled and warmed up. Then each line of the input is a seed, and each line of
the output is what `measure(seed)` gave, as JSON, with the largest memory of the process so far.
"""

import importlib
import json
import resource
import sys
from pathlib import Path


def main(peer: str, work: str, options: str) -> None:
    given = json.loads(options)
    module = importlib.import_module(f"benchmarks.peers.{peer}")
    measure = getattr(module, work)(folder=Path(given.pop("folder")), **given)
    measure(0)
    print("ready", flush=True)
    for line in sys.stdin:
        seconds, loss = measure(int(line))
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        print(json.dumps([seconds, loss, memory]), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
