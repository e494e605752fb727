"""What a trained model answers."""

from functools import partial
from typing import Any

import jax
import numpy as np

from jaxlearn._check import check_whole
from jaxlearn._dtype import compute_dtype
from jaxlearn._split import as_array
from jaxlearn.nn import Layer

from ._state import to_float


def predict(
    model: Layer, params: Any, model_state: Any, images: np.ndarray, *, batch_size: int = 128
) -> np.ndarray:
    """The probability that a model gives to each class, for every image.

    Every batch has the same size, the last one filled up, so that one program serves any number of images;
    the same model compiles once.

    Args:
      model: for one example, with an output for each class; see `jaxlearn.nn`.
      params, model_state: of the model.
      images: shape (images, ...), bytes or numbers; there may be none.
      batch_size: images worked on together.

    Returns:
      Shape (images, classes): the softmax of the outputs.

    Raises:
      TypeError: images that are not numbers.
      ValueError: a batch size below 1, images of another shape than the model takes, or a model without an
        output for each class.

    >>> from jaxlearn import nn
    >>> model = nn.sequential(nn.flatten, nn.linear(3))
    >>> params, state = model.init(jax.random.key(0), (2, 2, 1))
    >>> predict(model, params, state, np.zeros((5, 2, 2, 1), np.uint8)).shape
    (5, 3)
    """
    batch_size = check_whole("batch_size", batch_size, 1)
    images = as_array("images", images)
    parts = []
    for start in range(0, max(len(images), 1), batch_size):
        batch = images[start : start + batch_size]
        filled = np.zeros((batch_size, *images.shape[1:]), images.dtype)
        filled[: len(batch)] = batch
        parts.append(np.asarray(_softmax(model, params, model_state, filled))[: len(batch)])
    return np.concatenate(parts)


@partial(jax.jit, static_argnums=0)
def _softmax(model: Layer, params: Any, model_state: Any, images: jax.Array) -> jax.Array:
    outputs = jax.vmap(lambda image: model.apply(params, model_state, to_float(image))[0])(images)
    if outputs.ndim != 2:
        raise ValueError(f"the model must have an output for each class, its outputs are {outputs.shape[1:]}")
    return jax.nn.softmax(outputs.astype(compute_dtype(outputs.dtype)))
