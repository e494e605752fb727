from jaxlearn import nn


def softmax(classes: int = 10) -> nn.Layer:
    """Softmax regression: one linear layer."""
    return nn.sequential(nn.flatten, nn.linear(classes))
