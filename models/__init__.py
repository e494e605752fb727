"""What `--model NAME` means. To add a model: one file, and one line here."""

from collections.abc import Callable

from jaxlearn.nn import Layer

from .cnn import cnn
from .cnn_bn import cnn_bn
from .cnn_large import cnn_large
from .lstm import lstm
from .mlp import mlp, mlp_relu
from .resnet import resnet
from .softmax import softmax

MODELS: dict[str, Callable[..., Layer]] = {
    "mlp": mlp,
    "mlp-relu": mlp_relu,
    "cnn": cnn,
    "cnn-large": cnn_large,
    "cnn-bn": cnn_bn,
    "resnet": resnet,
    "lstm": lstm,
    "softmax": softmax,
}
