"""L2 regularisation inside the optimizer."""

from jaxlearn._check import is_zero

from ._leafwise import PyTree, Scalar, leafwise
from ._learning_rate import scale
from ._mask import Mask, masked
from ._schedule import schedulable
from ._transform import Transform, hyperparameters, need_params, stateless


@schedulable
def add_decayed_weights(weight_decay: Scalar, mask: Mask | None = None) -> Transform:
    r"""Adds a multiple of the parameters to the gradients: $u = g + \lambda\,\theta$.

    First in a chain it is L2 regularisation, the gradient of $\frac{\lambda}{2}\lVert\theta\rVert^2$
    (the `weight_decay` of `torch.optim.SGD` and `Adam`); just before the learning rate it is
    decoupled weight decay (`AdamW`: Loshchilov & Hutter, 2019, https://arxiv.org/abs/1711.05101).

    Memory: none.

    Args:
      weight_decay: $\lambda$ in [0, inf).
      mask: True for the parameters to decay, as in `masked`; None for all. Biases and the scales of
        normalisation are commonly left out: `lambda params: jax.tree.map(lambda p: p.ndim > 1, params)`.

    Raises:
      ValueError: a negative weight decay; `update` called without `params`.

    >>> opt = add_decayed_weights(0.1)
    >>> print(opt.update(1.0, opt.init(2.0), 2.0)[0])
    1.2
    """
    hyper = hyperparameters(locals(), weight_decay="[0, inf)")
    rule = lambda g, p, h: (g + h.weight_decay * p, None)

    def update(grads: PyTree, params: PyTree) -> PyTree:
        need_params(params, grads, "weight decay")
        return leafwise(rule, grads, params, **hyper)[0]

    decay = stateless(update)
    return decay if mask is None else masked(decay, mask)


def prepare_gradient(weight_decay: Scalar, maximize: bool) -> list[Transform]:
    """What PyTorch's optimizers do to a gradient first: turn its sign, then add the L2 penalty."""
    decay = add_decayed_weights(weight_decay)
    return [*([scale(-1)] if maximize else []), *([] if is_zero(weight_decay) else [decay])]


def decoupled(weight_decay: Scalar, mask: Mask | None = None) -> list[Transform]:
    """AdamW's decay, to stand before the learning rate; nothing where the decay is plainly 0."""
    decay = add_decayed_weights(weight_decay, mask)
    return [] if is_zero(weight_decay) else [decay]


@schedulable
def shrink_after(factor: Scalar) -> Transform:
    """Decay that comes after the step: multiplies what the update leads to, to stand last in a chain."""

    def rule(updates: PyTree, params: PyTree) -> PyTree:
        need_params(params, updates)
        shrunk = lambda u, p, h: (h.factor * (p + u) - p, None)
        return leafwise(shrunk, updates, params, factor=factor)[0]

    return stateless(rule)
