"""The documents' network: numpy, with a backward pass and an Adam written by hand."""

import time
from pathlib import Path

import numpy as np

from benchmarks.peers import Measure
from benchmarks.problem import load_problem

Layers = list[tuple[np.ndarray, np.ndarray]]


def forward(layers: Layers, x: np.ndarray) -> list[np.ndarray]:
    """The input, what each layer but the last gives after its sigmoid, and the logits."""
    values = [x]
    for number, (weight, bias) in enumerate(layers, 1):
        z = values[-1] @ weight + bias
        values.append(1 / (1 + np.exp(-z)) if number < len(layers) else z)
    return values


def cross_entropy(logits: np.ndarray, labels: np.ndarray) -> tuple[float, np.ndarray]:
    """The mean loss and its gradient."""
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities = shifted / shifted.sum(axis=1, keepdims=True)
    rows = np.arange(len(labels))
    loss = -np.log(probabilities[rows, labels]).mean()
    probabilities[rows, labels] -= 1
    return float(loss), probabilities / np.float32(len(labels))


def backward(layers: Layers, values: list[np.ndarray], grad: np.ndarray) -> list[np.ndarray]:
    """Gradients of each weight and bias, from the first layer on."""
    grads: list[np.ndarray] = []
    for number in reversed(range(len(layers))):
        grads = [values[number].T @ grad, grad.sum(axis=0), *grads]
        if number:
            grad = (grad @ layers[number][0].T) * values[number] * (1 - values[number])
    return grads


class Adam:
    def __init__(self, params: list[np.ndarray], lr: float = 1e-3) -> None:
        self.params, self.lr, self.steps = params, lr, 0
        self.m = [np.zeros_like(p) for p in params]
        self.v = [np.zeros_like(p) for p in params]

    def step(self, grads: list[np.ndarray]) -> None:
        self.steps += 1
        first, second = 1 - 0.9**self.steps, 1 - 0.999**self.steps
        for p, g, m, v in zip(self.params, grads, self.m, self.v, strict=True):
            m += 0.1 * (g - m)
            v += 0.001 * (g * g - v)
            p -= self.lr * (m / first) / (np.sqrt(v / second) + 1e-8)


def epoch(folder: Path, model: str, batch: int) -> Measure:
    problem = load_problem(folder, model, 0)
    images, test_images = (
        part.reshape(len(part), -1).astype(np.float32) / 255 for part in (problem.images, problem.test_images)
    )

    def measure(seed: int) -> tuple[float, float]:
        this = load_problem(folder, model, seed)
        layers = [(weight.T.copy(), bias.copy()) for weight, bias in this.weights]
        optimizer = Adam([array for layer in layers for array in layer])
        began = time.perf_counter()
        for start in range(0, len(images), batch):
            rows = this.order[start : start + batch]
            values = forward(layers, images[rows])
            _, grad = cross_entropy(values[-1], this.labels[rows])
            optimizer.step(backward(layers, values, grad))
        seconds = time.perf_counter() - began
        return seconds, cross_entropy(forward(layers, test_images)[-1], this.test_labels)[0]

    return measure
