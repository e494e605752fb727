"""Losses for one example; `jax.vmap` gives one for each example of a batch."""

import chex
import jax
import jax.numpy as jnp


def cross_entropy(logits: jax.Array, label: jax.Array) -> jax.Array:
    r"""$-\log \mathrm{softmax}(z)_y$: how surprised the model is by the right class; in nats.

    Args:
      logits: $z$, unnormalised log-probabilities, shape (classes,).
      label: $y$, the right class, an integer of shape ().

    Returns:
      The loss, shape (). Equal to `torch.nn.functional.cross_entropy` for one example.

    Raises:
      ValueError: another rank, such as that of a batch.
      TypeError: a label that is not an integer.

    >>> cross_entropy(jnp.zeros(10), jnp.array(3))  # log 10
    Array(2.3025851, dtype=float32)
    """
    chex.assert_rank([logits, label], [1, 0], exception_type=ValueError)
    chex.assert_type(label, int, exception_type=TypeError)
    # a one-hot product: its gradient is a subtraction, where indexing's would be a scatter
    return -jnp.sum(jax.nn.one_hot(label, logits.shape[0], dtype=logits.dtype) * jax.nn.log_softmax(logits))
