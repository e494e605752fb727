from jaxlearn import nn


def cnn(classes: int = 10) -> nn.Layer:
    """conv 3x3x16, pool, conv 3x3x32, pool, 120, 84, 10; ReLU after the hidden linear layers only.

    Pooling is the only non-linearity between the convolutions, so their weights start with variance
    1 / fan-in (LeCun), which keeps the size of a signal where no ReLU takes half of it.
    """
    lecun_normal = nn.init.kaiming_normal(nonlinearity="linear")
    return nn.sequential(
        nn.conv2d(16, 3, weight_init=lecun_normal),  # (26, 26, 16)
        nn.max_pool(2),  # (13, 13, 16)
        nn.conv2d(32, 3, weight_init=lecun_normal),  # (11, 11, 32)
        nn.max_pool(2),  # (5, 5, 32)
        nn.flatten,  # (800,)
        nn.linear(120),
        nn.relu,
        nn.linear(84),
        nn.relu,
        nn.linear(classes),
    )
