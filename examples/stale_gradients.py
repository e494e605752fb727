"""An optimizer that updates with gradients nobody writes to any more, and one that cannot.

The document's fourth numpy version does not learn: its optimizer keeps the list of arrays that the model
gave it once, and the backward pass then binds new gradient arrays in the model. `step()` applies the first
ones, all zero, for ever, and no error says so. On MNIST it stays at an accuracy of 0.11.

In the pure version gradients are the value of a function and an argument of the next one. There is no
second place where an old one could be kept.

Prints:
    objects with state: loss 4.667 4.667 4.667
    pure functions:     loss 4.667 0.519 0.058
"""

import jax
import jax.numpy as jnp
import numpy as np

from jaxlearn import losses, optim

X = np.array([[1.0], [2.0], [3.0]])


class Line:
    """y = w x with a backward pass written by hand."""

    def __init__(self):
        self.w = np.zeros((1, 1))
        self.grad = np.zeros((1, 1))

    def backward(self):
        self.grad = 2 * X.T @ (X @ self.w - X) / len(X)  # a new array: whoever has the old one keeps it


class SGD:
    def __init__(self, parameters, learning_rate):
        self.parameters = parameters
        self.learning_rate = learning_rate

    def step(self):
        for weight, grad in self.parameters:
            weight -= self.learning_rate * grad


def with_objects(steps):
    line = Line()
    optimizer = SGD([(line.w, line.grad)], learning_rate=1 / 14)
    for _ in range(steps):
        yield float(np.mean((X @ line.w - X) ** 2))
        line.backward()
        optimizer.step()


def with_functions(steps):
    params, optimizer = jnp.zeros((1, 1)), optim.sgd(1 / 14)
    state = optimizer.init(params)
    for _ in range(steps):
        value, grads = jax.value_and_grad(lambda w: losses.mse(X @ w, jnp.asarray(X)))(params)
        yield float(value)
        updates, state = optimizer.update(grads, state, params)
        params = optim.apply_updates(params, updates)


def main() -> None:
    for name, run in (("objects with state:", with_objects), ("pure functions:    ", with_functions)):
        print(name, "loss", *(f"{value:.3f}" for value in run(3)))


if __name__ == "__main__":
    main()
