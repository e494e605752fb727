"""What saving costs: epochs of the documents' MLP without checkpoints, with the usual ones, one an epoch.

`python -m benchmarks.checkpoints ../shared/data/mnist` trains for 70 epochs, so that half a minute goes by,
in each of the three ways in turn, 7 times over: a quarter of an hour. Other numbers may follow the folder.
"""

import statistics
import sys
import tempfile
import time
from pathlib import Path

from jaxlearn import data, optim, recording, training
from jaxlearn.recording._keeper import Keeper
from models import MODELS

EPOCHS, REPEATS, BATCH = 70, 7, 64
WAYS = {"none": None, "every 30 s": recording.Saving(), "every epoch": recording.Saving(1, "epochs")}


def compile_run(folder: str) -> training.Program:
    dataset = data.load("mnist", folder)
    splits = *data.hold_out(dataset.train, 1000), dataset.test
    return training.compile_run(MODELS["mlp"](), optim.adam(), *splits, batch_size=BATCH, seed=0)


def seconds(program: training.Program, saving: recording.Saving | None, epochs: int) -> float:
    """Seconds an epoch, validation and saving included."""
    with tempfile.TemporaryDirectory() as folder:
        start = training.Position(program.state).copied()
        began = time.perf_counter()
        keeper = saving and Keeper(Path(folder), program, saving, {}, start, stop=True)
        for position in training.run_parts(program, start, epochs):
            if keeper:
                keeper.offer(position)
        return (time.perf_counter() - began) / epochs


def main(folder: str, epochs: int = EPOCHS, repeats: int = REPEATS) -> None:
    program = compile_run(folder)
    for saving in WAYS.values():  # warm
        seconds(program, saving, 1)
    rounds = [{name: seconds(program, way, epochs) for name, way in WAYS.items()} for _ in range(repeats)]
    print(
        f"checkpoints: an epoch, and what it takes more than without (median of {repeats} x {epochs} epochs)"
    )
    for name in WAYS:
        times = sorted(times[name] for times in rounds)
        more = sorted(100 * (times[name] / times["none"] - 1) for times in rounds)
        print(f"{name:12} {statistics.median(times):.4f} s ({times[0]:.4f} to {times[-1]:.4f})  "
              f"{statistics.median(more):+.1f} % ({more[0]:+.1f} to {more[-1]:+.1f})")  # fmt: skip


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
