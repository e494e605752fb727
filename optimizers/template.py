"""A new optimizer, to copy: the rule for one leaf, the optimizer that is made of it, and its recipe.

`python -m optimizers.template --opt mine,adam --dataset digits --seeds 3` sees it beside the others. What is
meant to stay goes into `jaxlearn/optim/`, its cases into `tests/jaxlearn/optim/`, its recipe into a family.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxlearn import cli, optim


class RootState(NamedTuple):
    """State of `scale_by_root`.

    Attributes:
      step: updates made so far; int32 of shape ().
      m: mean of the gradients.
    """

    step: jax.Array
    m: optim.PyTree


@optim.schedulable
def scale_by_root(decay: optim.Scalar = 0.9) -> optim.Transform:
    """The root of momentum, with its sign."""
    hyper = optim.hyperparameters(locals(), decay="[0, 1)")

    def rule(g: jax.Array, m: jax.Array, h: Any) -> tuple[jax.Array, jax.Array]:
        m = h.decay * m + (1 - h.decay) * g
        return jnp.sign(m) * jnp.sqrt(jnp.abs(m / h.correction)), m

    def at_step(h: Any, step: jax.Array) -> dict[str, optim.Scalar]:
        return {"correction": optim.bias_correction(h.decay, step)}

    return optim.from_rule(rule, RootState, hyper, at_step)


def root_momentum(learning_rate: optim.Scalar = 0.02, decay: optim.Scalar = 0.9) -> optim.Transform:
    """Steps as large as the root of momentum.

    Memory: one number for each parameter.
    """
    return optim.chain(scale_by_root(decay), optim.scale_by_learning_rate(learning_rate))


RECIPES = {
    "mine": cli.Recipe(
        root_momentum,
        search=(1e-3, 1.0),
        update_rule="m = mean of g;  w = w - lr * sign(m) * sqrt(|m^|)",
        pros="small gradients count for more",
        cons="so does their noise",
        when="you have read this file",
    )
}

if __name__ == "__main__":
    from models import MODELS
    from optimizers import OPTIMIZERS

    cli.main(MODELS, OPTIMIZERS | RECIPES)
