"""PyTorch's losses, as functions of arrays with any number of batch axes.

Without batch axes a loss sees one example, as layers do, and `jax.vmap` of it with reduction="none" gives
the losses of a batch; with batch axes it gives their `reduction`: "mean", the default as in PyTorch, "sum"
or "none". Classes and features lie on the last axis (PyTorch has classes on axis 1). Predictions and targets
are never broadcast. All is computed in at least float32; the result has the dtype of the first argument.
"""

from ._binary import bce, bce_with_logits
from ._classification import cross_entropy, kl_div, nll
from ._embedding import cosine_embedding, hinge_embedding, margin_ranking, triplet_margin
from ._regression import huber, l1, mse, smooth_l1

__all__ = [
    "bce",
    "bce_with_logits",
    "cosine_embedding",
    "cross_entropy",
    "hinge_embedding",
    "huber",
    "kl_div",
    "l1",
    "margin_ranking",
    "mse",
    "nll",
    "smooth_l1",
    "triplet_margin",
]
