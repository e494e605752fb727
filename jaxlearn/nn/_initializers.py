"""First values of the parameters."""

import jax


def he_normal() -> jax.nn.initializers.Initializer:
    r"""Normal with mean 0 and variance $2/\text{fan}_{in}$, for layers before a ReLU.

    A true normal distribution, as in the paper; `jax.nn.initializers.he_normal` cuts its tails.

    Source: He et al. (2015), https://arxiv.org/abs/1502.01852

    >>> import jax
    >>> round(float(he_normal()(jax.random.key(0), (200, 1000)).std()), 3)
    0.1
    """
    return jax.nn.initializers.variance_scaling(2.0, "fan_in", "normal")
