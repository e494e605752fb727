"""What `--model NAME` means. To add a model: one file, and one line here."""

from collections.abc import Callable

from jaxlearn.nn import Layer

from .cnn import cnn
from .cnn_large import cnn_large
from .mlp import mlp, mlp_relu
from .softmax import softmax

MODELS: dict[str, Callable[..., Layer]] = {
    "mlp": mlp,
    "mlp-relu": mlp_relu,
    "cnn": cnn,
    "cnn-large": cnn_large,
    "softmax": softmax,
}
