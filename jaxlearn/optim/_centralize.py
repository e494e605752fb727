"""Gradient centralization."""

from typing import Any

import jax.numpy as jnp

from ._leafwise import leafwise
from ._transform import Transform, real_only, stateless


def centralize() -> Transform:
    r"""Takes from the gradient of each unit its mean: $u_{ij} = g_{ij} - \frac{1}{n}\sum_{k=1}^n g_{ik}$.

    A unit is what has one index of the first axis, which counts the outputs of our kernels, (out, in)
    and (out, height, width, in); the mean is taken over all other axes. Biases and other parameters of
    fewer than two axes pass unchanged.

    Memory: none.

    Raises:
      ValueError: from `init` and `update`, complex parameters.

    Source: Yong et al. (2020), https://arxiv.org/abs/2004.01461. Equal to `optax.centralize`.

    >>> opt = centralize()
    >>> print(opt.update(jnp.array([[1.0, 3.0], [10.0, 30.0]]), opt.init(jnp.zeros((2, 2))))[0])
    [[ -1.   1.]
     [-10.  10.]]
    """

    def rule(g: Any) -> tuple[Any]:
        return (g - jnp.mean(g, axis=tuple(range(1, g.ndim)), keepdims=True) if g.ndim > 1 else g,)

    return real_only("centralize", stateless(lambda grads, params: leafwise(rule, grads)[0]))
