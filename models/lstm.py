import jax

from jaxlearn import nn


def rows(image: jax.Array) -> jax.Array:
    """The rows of an image as the steps of a sequence: (height, width * channels)."""
    return image.reshape(image.shape[0], -1)


def lstm(classes: int = 10, hidden: int = 128, layers: int = 1) -> nn.Layer:
    """An LSTM of 128 reads the image row by row, from the top; its last output decides."""
    return nn.sequential(
        rows,  # (28, 28)
        nn.lstm(hidden, layers=layers, last=True),  # (128,)
        nn.linear(classes),
    )
