"""Sharpness-aware minimization."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from ._clip import global_norm
from ._leafwise import PyTree, Scalar, leafwise
from ._numeric import safe_divide
from ._schedule import schedulable
from ._transform import Transform, hyperparameters, need_params, with_extra_args_support


@schedulable
def sam(inner: Any, rho: Scalar = 0.05, adaptive: bool = False) -> Transform:
    r"""Gives `inner` the gradient from nearby where the loss is highest, which leads to flat minima.

    $$g \leftarrow \nabla f\!\left(\theta + \rho\,\frac{g}{\lVert g\rVert}\right)$$

    and if adaptive, so that the scale of a layer does not matter,

    $$g \leftarrow \nabla f\!\left(\theta + \rho\,\frac{\theta^2 g}{\lVert\,|\theta|\,g\rVert}\right)$$

    with the norm taken over the whole tree; where it is 0, the gradient is that at $\theta$. Call
    `update(grads, state, params, value_fn=loss)` with the loss as a function of the parameters, on the
    batch that gave `grads`. An update takes one gradient more.

    Memory: none.

    Args:
      inner: a pair of `init` and `update`.
      rho: $\rho$ in [0, inf), how far to look. For the adaptive kind the paper has 0.5 to 2.
      adaptive: ASAM.

    Returns:
      A Transform whose state is that of `inner`.

    Raises:
      ValueError: a negative rho; `update` called without `params` or `value_fn`.

    Source: Foret et al. (2021), https://arxiv.org/abs/2010.01412; Kwon et al. (2021),
    https://arxiv.org/abs/2102.11600, without the constant that their code adds to $|\theta|$. Equal to
    `optax.contrib.sam` in its opaque mode. As optax drops extra arguments for transforms that are not
    its own, put it into `jaxlearn.optim.chain`, not `optax.chain`.

    >>> from jaxlearn import optim
    >>> loss = lambda x: 0.5 * x**2
    >>> opt = sam(optim.sgd(1.0), rho=0.5)
    >>> print(opt.update(2.0, opt.init(2.0), 2.0, value_fn=loss)[0])
    -2.5
    """
    hyperparameters(locals(), rho="[0, inf)")
    inner = with_extra_args_support(inner)

    def update(
        grads: PyTree,
        state: PyTree,
        params: PyTree = None,
        *,
        value_fn: Callable[[PyTree], jax.Array] | None = None,
        **extra: Any,
    ) -> tuple[PyTree, PyTree]:
        need_params(params, grads)
        if value_fn is None:
            raise ValueError("sam needs the loss: call update(grads, state, params, value_fn=loss)")
        # once scaled by |p|, the direction, and scaled twice
        scaled = leafwise(_scale, grads, params)[0] if adaptive else grads
        direction = leafwise(_scale, scaled, params)[0] if adaptive else grads
        size = safe_divide(jnp.asarray(rho, float), global_norm(scaled))
        near = leafwise(lambda p, e, h: (p + h.size * e, None), params, direction, size=size)[0]
        # JAX's derivative by a complex number points down where it is conjugated
        found = jax.tree.map(jnp.conj, jax.grad(value_fn)(near))
        return inner.update(found, state, params, value_fn=value_fn, **extra)

    return Transform(inner.init, update)


def _scale(g: Any, p: Any) -> tuple[Any, None]:
    return jnp.abs(p) * g, None
