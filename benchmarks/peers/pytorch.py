"""PyTorch at its best: fused Adam, channels last, data in tensors on the device; on a CPU default threads."""

import math
import time
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional

from benchmarks.peers import Measure
from benchmarks.problem import Problem, draw_leaves, load_problem


def prepare(device: str) -> None:
    """On a GPU: the same precision of products as JAX's (TF32), the fastest convolutions."""
    if device != "cpu":
        torch.set_float32_matmul_precision("high")
        torch.backends.cudnn.benchmark = True


def synchronize(device: str) -> None:
    if device != "cpu":
        torch.cuda.synchronize()


def build(name: str, weights: list) -> nn.Sequential:
    weights = list(weights)
    layers = {
        "mlp": lambda: [
            nn.Flatten(), nn.Linear(784, 100), nn.Sigmoid(), nn.Linear(100, 100), nn.Sigmoid(),
            nn.Linear(100, 10),
        ],
        "cnn": lambda: [
            nn.Conv2d(1, 16, 3), nn.MaxPool2d(2), nn.Conv2d(16, 32, 3), nn.MaxPool2d(2), nn.Flatten(),
            nn.Linear(800, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10),
        ],
        "cnn-large": lambda: [
            nn.Conv2d(1, 20, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(20, 50, 5), nn.ReLU(),
            nn.MaxPool2d(2), nn.Flatten(), nn.Linear(800, 500), nn.ReLU(), nn.Linear(500, 10),
        ],
    }[name]()  # fmt: skip
    model = nn.Sequential(*layers)
    shape = None
    for layer in (layer for layer in layers if isinstance(layer, nn.Conv2d | nn.Linear)):
        weight, bias = (torch.from_numpy(array) for array in weights.pop(0))
        if isinstance(layer, nn.Conv2d):
            weight, shape = weight.permute(0, 3, 1, 2), (4, 4) if name == "cnn-large" else (5, 5)
        elif shape:
            # flattened images are (height, width, channels) there, (channels, height, width) here
            weight = weight.unflatten(1, (*shape, -1)).permute(0, 3, 1, 2).flatten(1)
            shape = None
        with torch.no_grad():
            layer.weight.copy_(weight)
            layer.bias.copy_(bias)
    return model if name == "mlp" else model.to(memory_format=torch.channels_last)


def tensors(problem: Problem, name: str, part: str = "") -> tuple[torch.Tensor, torch.Tensor]:
    images = torch.from_numpy(getattr(problem, f"{part}images")).permute(0, 3, 1, 2).float() / 255
    labels = torch.from_numpy(getattr(problem, f"{part}labels")).long()
    return images.contiguous(memory_format=torch.channels_last), labels


def train(
    step: nn.Module, optimizer: torch.optim.Optimizer, images: torch.Tensor, labels: torch.Tensor,
    order: torch.Tensor, batch: int,
) -> torch.Tensor:  # fmt: skip
    """An epoch, and its mean loss."""
    total = torch.zeros((), device=labels.device)
    for rows in order.split(batch):
        loss = functional.cross_entropy(step(images[rows]), labels[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.detach() * len(rows)
    return total / len(order)


def epoch(
    folder: Path, model: str, batch: int, examples: int = 60_000, compiled: bool = False, device: str = "cpu"
) -> Measure:
    prepare(device)
    problem = load_problem(folder, model, 0)
    images, labels = (part.to(device) for part in tensors(problem, model))
    test_images, test_labels = (part.to(device) for part in tensors(problem, model, "test_"))

    def start(seed: int) -> tuple[nn.Module, torch.Tensor]:
        problem = load_problem(folder, model, seed)
        order = torch.from_numpy(problem.order).long()
        return build(model, problem.weights).to(device), order[order < examples].to(device)

    network, _ = start(0)
    mode = None if device == "cpu" else "reduce-overhead"  # which replays CUDA graphs
    step = torch.compile(network, mode=mode) if compiled else network

    def measure(seed: int) -> tuple[float, float]:
        fresh, order = start(seed)
        network.load_state_dict(fresh.state_dict())
        optimizer = torch.optim.Adam(network.parameters(), lr=1e-3, fused=True)
        synchronize(device)
        began = time.perf_counter()
        train(step, optimizer, images, labels, order, batch)
        synchronize(device)
        seconds = time.perf_counter() - began
        with torch.no_grad():
            return seconds, functional.cross_entropy(network(test_images), test_labels).item()

    return measure


def evaluation(folder: Path, model: str, batch: int = 1000) -> Measure:
    images, labels = tensors(load_problem(folder, model, 0), model, "test_")

    def measure(seed: int) -> tuple[float, float]:
        network = build(model, load_problem(folder, model, seed).weights)
        began = time.perf_counter()
        loss, confusion = torch.zeros(()), torch.zeros(100, dtype=torch.long)
        with torch.inference_mode():
            for x, y in zip(images.split(batch), labels.split(batch), strict=True):
                outputs = network(x)
                loss += functional.cross_entropy(outputs, y, reduction="sum")
                confusion += torch.bincount(10 * y + outputs.argmax(1), minlength=100)
        return time.perf_counter() - began, loss.item() / len(labels)

    return measure


def update(folder: Path, parameters: int, leaves: int, repeats: int, device: str = "cpu") -> Measure:
    start, grads = (
        [torch.from_numpy(leaf).to(device) for leaf in part] for part in draw_leaves(parameters, leaves)
    )

    def measure(seed: int) -> tuple[float, float]:
        params = [nn.Parameter(leaf.clone()) for leaf in start]
        for leaf, grad in zip(params, grads, strict=True):
            leaf.grad = grad
        optimizer = torch.optim.Adam(params, lr=1e-3, fused=True)
        optimizer.step()
        synchronize(device)
        began = time.perf_counter()
        for _ in range(repeats):
            optimizer.step()
        synchronize(device)
        seconds = (time.perf_counter() - began) / repeats
        return seconds, math.sqrt(sum(leaf.square().sum().item() for leaf in params) / parameters)

    return measure


def grid(
    folder: Path, model: str, batch: int, rates: list[float], seeds: int, examples: int = 60_000
) -> Measure:
    problem = load_problem(folder, model, 0)
    images, labels = tensors(problem, model)

    def measure(seed: int) -> tuple[float, float]:
        problems = [load_problem(folder, model, number) for number in range(seeds)]
        orders = [torch.from_numpy(problem.order).long() for problem in problems]
        networks = [build(model, problem.weights) for problem in problems for _ in rates]
        losses = []
        began = time.perf_counter()
        for number, network in enumerate(networks):
            order = orders[number // len(rates)]
            optimizer = torch.optim.Adam(network.parameters(), lr=rates[number % len(rates)], fused=True)
            order = order[order < examples]
            losses.append(train(network, optimizer, images, labels, order, batch).item())
        return time.perf_counter() - began, sum(losses) / len(losses)

    return measure
