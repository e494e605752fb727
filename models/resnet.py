import operator

from jaxlearn import nn


def resnet(classes: int = 10, channels: int = 16, stages: int = 3) -> nn.Layer:
    """A small ResNet: 3x3x16 at stride 2, residual blocks of 16, 32 and 64, mean over the image, 10."""
    channels = operator.index(channels)  # numpy's small whole numbers overflow
    blocks = [block(channels * 2**i, stride=1 if i == 0 else 2) for i in range(stages)]
    return nn.sequential(
        convolution(channels, stride=2),  # (14, 14, 16)
        nn.relu,
        *blocks,  # (14, 14, 16), (7, 7, 32), (4, 4, 64)
        nn.adaptive_avg_pool(1),  # (1, 1, 64)
        nn.flatten,
        nn.linear(classes),
    )


def block(channels: int, stride: int) -> nn.Layer:
    """Two convolutions, and around them what there was, brought to the same shape where these change it."""
    shortcut = None if stride == 1 else convolution(channels, stride, kernel_size=1)
    inner = nn.residual(
        convolution(channels, stride), nn.relu, convolution(channels, stride=1), shortcut=shortcut
    )
    return nn.sequential(inner, nn.relu)


def convolution(channels: int, stride: int, kernel_size: int = 3) -> nn.Layer:
    """A convolution that keeps the size at stride 1, and batch norm."""
    padding = kernel_size // 2
    return nn.sequential(nn.conv2d(channels, kernel_size, stride, padding, bias=False), nn.batch_norm())
