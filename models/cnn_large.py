from jaxlearn import nn


def cnn_large(classes: int = 10) -> nn.Layer:
    """conv 5x5x20, pool, conv 5x5x50, pool, 500, 10; ReLU after every hidden layer."""
    return nn.sequential(
        nn.conv2d(20, 5),  # (24, 24, 20)
        nn.relu,
        nn.max_pool(2),  # (12, 12, 20)
        nn.conv2d(50, 5),  # (8, 8, 50)
        nn.relu,
        nn.max_pool(2),  # (4, 4, 50)
        nn.flatten,  # (800,)
        nn.linear(500),
        nn.relu,
        nn.linear(classes),
    )
