"""Muon: momentum with its singular values made equal."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxlearn._check import check_choice, check_whole

from ._adam import scale_by_adam
from ._decay import decoupled
from ._leafwise import PyTree, Scalar
from ._learning_rate import scale_by_learning_rate
from ._mask import partition
from ._schedule import schedulable
from ._sharding import replicated
from ._transform import Transform, chain, from_rule, hyperparameters, real_only

Coefficients = tuple[float, float, float]


class MuonState(NamedTuple):
    """State of `scale_by_muon`.

    Attributes:
      step: updates made so far; int32 of shape ().
      m: running mean of the gradients; like the parameters.
    """

    step: jax.Array
    m: PyTree


def orthogonalize(
    x: jax.Array,
    ns_steps: int = 5,
    ns_coefficients: Coefficients = (3.4445, -4.775, 2.0315),
    eps: Scalar = 1e-7,
    dtype: Any = jnp.bfloat16,
) -> jax.Array:
    r"""Brings the singular values of a matrix near 1 by Newton-Schulz iterations, without an SVD.

    $$X_0 = X / \max(\lVert X\rVert_F, \epsilon), \qquad
      X_{k+1} = a\,X_k + (b\,A + c\,A^2)\,X_k \quad\text{with}\quad A = X_k X_k^\top$$

    Args:
      x: shape (n, m).
      ns_steps: iterations, from 0 to 99.
      ns_coefficients: $a, b, c$; the default brings every singular value to 0.7 ... 1.2.
      eps: least norm to divide by.
      dtype: what it is computed in.

    Returns:
      A matrix of the shape and dtype of `x`.

    >>> x = jnp.array([[3.0, 0.0], [0.0, 0.5]])
    >>> orthogonalize(x, 5, dtype=jnp.float32).round(2)
    Array([[0.71, 0.  ],
           [0.  , 1.04]], dtype=float32)
    """
    a, b, c = ns_coefficients
    x = replicated(x)
    wide = x.shape[0] <= x.shape[1]
    y = x if wide else x.T
    y = y.astype(dtype)
    y = y / jnp.maximum(jnp.linalg.norm(y), jnp.asarray(eps, dtype))
    for _ in range(check_whole("ns_steps", ns_steps, 0, 99)):
        gram = y @ y.T
        y = a * y + (b * gram + c * gram @ gram) @ y
    return (y if wide else y.T).astype(x.dtype)


@schedulable
def scale_by_muon(
    momentum: Scalar = 0.95,
    nesterov: bool = True,
    ns_coefficients: Coefficients = (3.4445, -4.775, 2.0315),
    eps: Scalar = 1e-7,
    ns_steps: int = 5,
    adjust_lr: str = "original",
    ns_dtype: Any = jnp.bfloat16,
) -> Transform:
    r"""Orthogonalizes the running mean of the gradients of matrices.

    $$B_t = \mu\,B_{t-1} + (1-\mu)\,g_t, \qquad
      u_t = s \cdot \operatorname{orthogonalize}(\mu\,B_t + (1-\mu)\,g_t)$$

    without Nesterov momentum of $B_t$ alone. Of a matrix of shape (out, in), $s$ is
    $\sqrt{\max(1, out/in)}$, or $0.2 \sqrt{\max(in, out)}$ with "match_rms_adamw".

    Memory: one number for each parameter.

    Args:
      momentum: $\mu$ in [0, 1].
      nesterov: look one step ahead.
      ns_coefficients, eps, ns_steps, ns_dtype: see `orthogonalize`.
      adjust_lr: "original" or "match_rms_adamw", which gives updates the size of AdamW's.

    Raises:
      TypeError: `ns_steps` is not a whole number.
      ValueError: a leaf that is not a matrix, or is complex.

    Source: Jordan et al. (2024), https://kellerjordan.github.io/posts/muon/; "match_rms_adamw": Liu et
    al. (2025), https://arxiv.org/abs/2502.16982

    >>> opt = scale_by_muon(ns_dtype=jnp.float32)
    >>> w = jnp.array([[3.0, 0.0], [0.0, 0.5]])
    >>> opt.update(w, opt.init(w))[0].round(2)
    Array([[0.71, 0.  ],
           [0.  , 1.04]], dtype=float32)
    """
    hyper = hyperparameters(locals(), momentum="[0, 1]", eps="[0, inf)")
    check_choice("adjust_lr", adjust_lr, ("original", "match_rms_adamw"))
    ns_steps = check_whole("ns_steps", ns_steps, 0, 99)

    def rule(g: Any, m: Any, h: Any) -> tuple[Any, ...]:
        if g.ndim != 2:
            raise ValueError(f"scale_by_muon takes matrices, got an array of shape {g.shape}")
        m = h.momentum * m + (1 - h.momentum) * g
        u = h.momentum * m + (1 - h.momentum) * g if nesterov else m
        outputs, inputs = g.shape
        factor = max(1, outputs / max(inputs, 1)) ** 0.5
        if adjust_lr == "match_rms_adamw":
            factor = 0.2 * max(inputs, outputs) ** 0.5
        return factor * orthogonalize(u, ns_steps, ns_coefficients, h.eps, ns_dtype), m

    transform = from_rule(rule, MuonState, hyper)
    return real_only("scale_by_muon", transform)


def muon(
    learning_rate: Scalar = 1e-3,
    weight_decay: Scalar = 0.1,
    momentum: Scalar = 0.95,
    nesterov: bool = True,
    ns_coefficients: Coefficients = (3.4445, -4.775, 2.0315),
    eps: Scalar = 1e-7,
    ns_steps: int = 5,
    adjust_lr: str = "original",
    ns_dtype: Any = jnp.bfloat16,
    other: Transform | None = None,
) -> Transform:
    r"""Muon with all the flags of `torch.optim.Muon`, and its defaults; AdamW where a leaf is no matrix.

    $$\theta_t = \theta_{t-1} - \eta_t\,(u_t + \lambda\,\theta_{t-1})$$

    where $u$ is the momentum of a matrix, orthogonalized: `scale_by_muon`.

    Memory: one number for each parameter in a matrix, two for each other.

    Args:
      learning_rate: $\eta$ in [0, inf).
      weight_decay: $\lambda$ in [0, inf), multiplied by the learning rate.
      momentum: $\mu$ in [0, 1].
      nesterov: look one step ahead.
      ns_coefficients: of the Newton-Schulz iteration.
      eps: in [0, inf), the least norm to divide by.
      ns_steps: Newton-Schulz iterations, 0 to 99.
      adjust_lr: "original", or "match_rms_adamw" for the learning rates of AdamW.
      ns_dtype: what the iterations are computed in.
      other: the direction for leaves that are no matrices (`scale_by_adam()` unless given); PyTorch
        refuses such leaves.

    Raises:
      TypeError: `ns_steps` is not a whole number.
      ValueError: a hyperparameter outside its range.

    Source: Jordan et al. (2024), https://kellerjordan.github.io/posts/muon/. `optax.contrib.muon` takes
    matrices to be (in, out), corrects the momentum's bias and has no weight decay unless told.

    >>> opt = muon(0.1, weight_decay=0.0, ns_dtype=jnp.float32)
    >>> params = {"w": jnp.array([[3.0, 0.0], [0.0, 0.5]]), "b": jnp.ones(2)}
    >>> updates, state = opt.update(params, opt.init(params), params)
    >>> jax.tree.map(lambda u: u.round(3), updates)
    {'b': Array([-0.1, -0.1], dtype=float32), 'w': Array([[-0.071, -0.   ],
           [-0.   , -0.104]], dtype=float32)}
    """
    matrices = scale_by_muon(momentum, nesterov, ns_coefficients, eps, ns_steps, adjust_lr, ns_dtype)
    rules = {"matrix": matrices, "other": scale_by_adam() if other is None else other}
    labels = lambda params: jax.tree.map(lambda p: "matrix" if jnp.ndim(p) == 2 else "other", params)
    return chain(partition(rules, labels), *decoupled(weight_decay), scale_by_learning_rate(learning_rate))
