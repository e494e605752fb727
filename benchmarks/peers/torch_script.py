"""What a user of PyTorch would write instead of `train.py --opt adam`: train, validate, test, write, draw."""

import argparse
import json
import time
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import nn
from torch.nn import functional

parser = argparse.ArgumentParser()
parser.add_argument("--data-dir", type=Path)
parser.add_argument("--out", type=Path)
parser.add_argument("--seed", type=int)
parser.add_argument("--epochs", type=int, default=1)
args = parser.parse_args()


def read(part: str) -> tuple[torch.Tensor, torch.Tensor]:
    import gzip

    def bytes_of(name: str, header: int) -> np.ndarray:
        path = next(args.data_dir.glob(f"{part}-{name}*"))
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        return np.frombuffer(content, np.uint8, offset=header)

    images, labels = bytes_of("images", 16), bytes_of("labels", 8)
    return torch.from_numpy(images.reshape(-1, 784) / np.float32(255)), torch.from_numpy(labels.astype(int))


def score(images: torch.Tensor, labels: torch.Tensor) -> tuple[float, float]:
    with torch.inference_mode():
        outputs = model(images)
    loss = functional.cross_entropy(outputs, labels).item()
    return loss, (outputs.argmax(1) == labels).float().mean().item()


torch.manual_seed(args.seed)
images, labels = read("train")
held_out = torch.randperm(len(labels))
validation, rest = held_out[:1000], held_out[1000:]
model = nn.Sequential(
    nn.Linear(784, 100), nn.Sigmoid(), nn.Linear(100, 100), nn.Sigmoid(), nn.Linear(100, 10)
)
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)
args.out.mkdir()
history = []
for epoch in range(1, args.epochs + 1):
    began, total = time.perf_counter(), torch.zeros(())
    for batch in rest[torch.randperm(len(rest))].split(64):
        loss = functional.cross_entropy(model(images[batch]), labels[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.detach() * len(batch)
    seconds = time.perf_counter() - began
    loss, accuracy = score(images[validation], labels[validation])
    history.append({"epoch": epoch, "train_loss": total.item() / len(rest), "val_loss": loss,
                    "val_accuracy": accuracy, "seconds": seconds})  # fmt: skip
    print(history[-1])
    with open(args.out / "metrics.jsonl", "a") as file:
        print(json.dumps(history[-1]), file=file)
loss, accuracy = score(*read("t10k"))
print("test", loss, accuracy)
torch.save(model.state_dict(), args.out / "model.pt")
(args.out / "summary.json").write_text(json.dumps({"test_loss": loss, "test_accuracy": accuracy}))
plt.plot([line["epoch"] for line in history], [line["val_loss"] for line in history], "o-")
plt.savefig(args.out / "curves.png", dpi=150)
