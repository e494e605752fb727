"""Linear regression by gradient descent: y = x W + b, driven to 0 for one x.

The weights start where the document's run stood after its first update, known to four digits, and to as
many its next numbers come out again: W and b after 100, 200 and 300 more updates, the loss before the last
of these.

Prints:
    100 W[0] 0.1990 0.0360 0.0625 b -0.3214 0.1058 -0.1891 loss 7e-03
    200 W[0] 0.1810 0.0170 0.0530 b -0.3394 0.0868 -0.1986 loss 8e-06
    300 W[0] 0.1804 0.0164 0.0527 b -0.3400 0.0862 -0.1989 loss 1e-08
"""

from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp

from jaxlearn import losses, optim

START = {
    "W": [
        [0.7349, 0.5981, 0.3444],
        [0.3766, 0.3881, 0.2666],
        [0.7156, 0.8437, 0.2167],
        [0.7311, 0.4108, 0.5383],
    ],
    "b": [0.2145, 0.6679, 0.0928],
}


def descend(updates: int) -> Iterator[tuple[dict[str, jax.Array], Any]]:
    """The parameters after each update, and the loss before it."""
    x, y = jnp.ones(4), jnp.zeros(3)
    params = {name: jnp.array(value) for name, value in START.items()}
    optimizer = optim.sgd(0.01)
    state = optimizer.init(params)

    @jax.jit
    def step(params, state):
        objective = lambda params: losses.mse(x @ params["W"] + params["b"], y)
        loss, grads = jax.value_and_grad(objective)(params)
        updates, state = optimizer.update(grads, state, params)
        return optim.apply_updates(params, updates), state, loss

    for _ in range(updates):
        params, state, loss = step(params, state)
        yield params, loss


def main() -> None:
    for count, (params, loss) in enumerate(descend(300), start=1):
        if count % 100 == 0:
            row, bias = (" ".join(f"{v:.4f}" for v in array) for array in (params["W"][0], params["b"]))
            print(f"{count} W[0] {row} b {bias} loss {loss:.0e}")


if __name__ == "__main__":
    main()
