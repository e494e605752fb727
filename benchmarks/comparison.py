"""A comparison of four optimizers in one command, against PyTorch training the same runs one after another.

`python benchmarks/comparison.py ../shared/data/mnist` runs `train.py` with 84 runs, first with an empty
compilation cache and then with a full one, and a sample of two runs for each optimizer with PyTorch (fused
optimizers where there are any, data in tensors, default threads), before and after. It takes five minutes.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from jaxlearn import data

ROOT = Path(__file__).parents[1]
EPOCHS, BATCH, RATES, SEEDS = 3, 128, 7, 3
OPTIMIZERS = {
    "sgd": partial(torch.optim.SGD, fused=True),
    "momentum": partial(torch.optim.SGD, momentum=0.9, fused=True),
    "rmsprop": torch.optim.RMSprop,  # there is no fused one
    "adam": partial(torch.optim.Adam, fused=True),
}
SAMPLE = [(name, rate) for name in OPTIMIZERS for rate in (1e-3, 1e-2)]


def tensors(split: data.Split) -> tuple[torch.Tensor, torch.Tensor]:
    images = torch.from_numpy(np.array(split.images)).reshape(len(split.labels), -1)
    return images.float() / 255, torch.from_numpy(np.array(split.labels)).long()


def score(model: nn.Module, images: torch.Tensor, labels: torch.Tensor) -> tuple[float, float]:
    with torch.no_grad():
        outputs = model(images)
    right = (outputs.argmax(1) == labels).float().mean()
    return functional.cross_entropy(outputs, labels).item(), right.item()


def train(name: str, rate: float, seed: int, splits: list[tuple[torch.Tensor, torch.Tensor]]) -> float:
    """Seconds of one run that measures what a run of the comparison does."""
    began = time.perf_counter()
    torch.manual_seed(seed)
    (images, labels), validation, test = splits
    layers = [nn.Linear(784, 100), nn.Sigmoid(), nn.Linear(100, 100), nn.Sigmoid(), nn.Linear(100, 10)]
    model = nn.Sequential(*layers)
    optimizer = OPTIMIZERS[name](model.parameters(), lr=rate)
    for _ in range(EPOCHS):
        total, right = torch.zeros(()), torch.zeros((), dtype=torch.long)
        for batch in torch.randperm(len(images)).split(BATCH):
            x, y = images[batch], labels[batch]
            outputs = model(x)
            loss = functional.cross_entropy(outputs, y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.detach() * len(batch)
            right += (outputs.argmax(1) == y).sum()
        total.item(), right.item()
        score(model, *validation)
    score(model, *test)
    return time.perf_counter() - began


def compare(folder: str, cache: str) -> float:
    """Seconds of the whole process of the comparison."""
    command = [sys.executable, str(ROOT / "train.py"), "--opt", ",".join(OPTIMIZERS), "--data-dir", folder]
    command += ["--epochs", str(EPOCHS), "--batch-size", str(BATCH), "--lr", f"1e-4:1:{RATES}"]
    command += ["--seeds", str(SEEDS)]
    with tempfile.TemporaryDirectory() as out:
        began = time.perf_counter()
        subprocess.run(
            [*command, "--out", f"{out}/run"],
            check=True, stdout=subprocess.DEVNULL, env=os.environ | {"JAXLEARN_CACHE": cache},
        )  # fmt: skip
        return time.perf_counter() - began


def main(folder: str) -> None:
    dataset = data.load("mnist", folder)
    splits = [tensors(split) for split in (*data.hold_out(dataset.train, 1000), dataset.test)]
    train(*SAMPLE[0], 0, splits)  # warm
    before = [train(name, rate, 0, splits) for name, rate in SAMPLE]
    with tempfile.TemporaryDirectory() as cache:
        cold, warm, again = (compare(folder, cache) for _ in range(3))
    after = [train(name, rate, 1, splits) for name, rate in SAMPLE]
    runs = len(OPTIMIZERS) * RATES * SEEDS
    each = statistics.mean(before + after)
    print(f"PyTorch {torch.__version__}, {torch.get_num_threads()} threads: {each:.3f} s a run (n = "
          f"{len(before + after)}, {min(before + after):.3f} to {max(before + after):.3f}), {runs} runs "
          f"{runs * each:.1f} s")  # fmt: skip
    for name, seconds in (("first time", cold), ("compiled before", warm), ("compiled before", again)):
        print(f"train.py, {runs} runs, {name}: {seconds:.1f} s, {runs * each / seconds:.2f} times as fast")


if __name__ == "__main__":
    main(sys.argv[1])
