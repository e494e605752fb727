import operator

from jaxlearn import nn


def cnn_bn(classes: int = 10, channels: int = 16, dropout: float = 0.3) -> nn.Layer:
    """conv 3x3x16, pool, conv 3x3x32, pool, 128, 10; batch norm, ReLU; dropout before the last layer."""
    channels = operator.index(channels)  # numpy's small whole numbers overflow
    return nn.sequential(
        nn.conv2d(channels, 3, bias=False),  # (26, 26, 16)
        nn.batch_norm(),
        nn.relu,
        nn.max_pool(2),  # (13, 13, 16)
        nn.conv2d(2 * channels, 3, bias=False),  # (11, 11, 32)
        nn.batch_norm(),
        nn.relu,
        nn.max_pool(2),  # (5, 5, 32)
        nn.flatten,  # (800,)
        nn.linear(128, bias=False),
        nn.batch_norm(),
        nn.relu,
        nn.dropout(dropout),
        nn.linear(classes),
    )
