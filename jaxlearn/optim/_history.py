"""What L-BFGS knows of the Hessian, and how it multiplies by the inverse."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp

from ._transform import increment

# in full precision on every device: the sums are of numbers that nearly cancel
dot = partial(jnp.vdot, precision="highest")


class History(NamedTuple):
    r"""The last $m$ steps and what the gradient changed by in each: all that L-BFGS knows of the Hessian.

    Pair number $k$, counted from 0, lies in row $k \bmod m$.

    Attributes:
      s: steps; shape (m, n).
      y: changes of the gradient; shape (m, n).
      rho: $1 / (y \cdot s)$; shape (m,).
      gamma: $y \cdot s / y \cdot y$ of the last pair, the scale of the inverse Hessian; shape ().
      pairs: pairs stored so far; int32 of shape ().
    """

    s: jax.Array
    y: jax.Array
    rho: jax.Array
    gamma: jax.Array
    pairs: jax.Array


def remember(history: History, s: jax.Array, y: jax.Array) -> History:
    """Stores a step in the place of the oldest, unless the loss did not curve upwards along it."""
    ys = dot(y, s)
    gamma = ys / dot(y, y)
    curved = (ys > 1e-10) & jnp.isfinite(gamma)  # PyTorch lets a sum that overflows pass
    m = len(history.rho)
    row = jnp.where(curved, history.pairs % m, m)  # there is no row m
    return History(
        history.s.at[row].set(s, mode="drop"),
        history.y.at[row].set(y, mode="drop"),
        history.rho.at[row].set(1 / ys, mode="drop"),
        jnp.where(curved, gamma, history.gamma),
        jnp.where(curved, increment(history.pairs), history.pairs),
    )


def inverse_hessian_times(history: History, q: jax.Array) -> jax.Array:
    r"""$H q$ in $4 m n$ multiplications, without ever forming the inverse Hessian $H$.

    The two loops of Algorithm 7.4 of Nocedal & Wright (2006): from the last pair to the first, then back.
    """
    s, y, rho, gamma, pairs = history
    m = len(rho)
    used = jnp.minimum(pairs, m)

    def backward(k: jax.Array, carry: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
        q, alpha = carry
        i = (pairs - 1 - k) % m
        alpha_i = dot(s[i], q) * rho[i]
        return q - alpha_i * y[i], alpha.at[i].set(alpha_i)

    q, alpha = jax.lax.fori_loop(0, used, backward, (q, jnp.zeros_like(rho)))

    def forward(k: jax.Array, r: jax.Array) -> jax.Array:
        i = (pairs - used + k) % m
        beta = dot(y[i], r) * rho[i]
        return r + (alpha[i] - beta) * s[i]

    return jax.lax.fori_loop(0, used, forward, gamma * q)
