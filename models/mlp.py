from jaxlearn import nn


def mlp(classes: int = 10, hidden: int = 100, activation: str = "sigmoid") -> nn.Layer:
    """Two hidden layers of 100, sigmoid, He normal weights, biases 0 (784-100-100-10)."""
    return nn.sequential(
        nn.flatten,
        nn.linear(hidden),
        nn.activation(activation),
        nn.linear(hidden),
        nn.activation(activation),
        nn.linear(classes),
    )


def mlp_relu(classes: int = 10, hidden: int = 100) -> nn.Layer:
    """The same with ReLU in the place of the sigmoid."""
    return mlp(classes, hidden, "relu")
