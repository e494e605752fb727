"""A polynomial of degree 3 fitted to a sine: once with updates by hand, once with an optimizer.

The two are the same run: an optimizer is the update by hand with its state written down. There is no
gradient to set back to zero, because `jax.grad` gives a new one each time and keeps none.

Prints:
    by hand:   a 0.000 b 0.843 c 0.000 d -0.091  loss 0.0045
    optimizer: a 0.000 b 0.843 c 0.000 d -0.091  loss 0.0045
"""

import jax
import jax.numpy as jnp

from jaxlearn import losses, optim

X = jnp.linspace(-jnp.pi, jnp.pi, 2000)
Y = jnp.sin(X)


def loss(params):
    a, b, c, d = params
    return losses.mse(a + b * X + c * X**2 + d * X**3, Y)


def fit_by_hand(params, learning_rate, steps):
    def step(params, _):
        grads = jax.grad(loss)(params)
        return tuple(p - learning_rate * g for p, g in zip(params, grads, strict=True)), None

    return jax.lax.scan(step, params, length=steps)[0]


def fit(params, optimizer, steps):
    def step(carry, _):
        params, state = carry
        updates, state = optimizer.update(jax.grad(loss)(params), state, params)
        return (optim.apply_updates(params, updates), state), None

    return jax.lax.scan(step, (params, optimizer.init(params)), length=steps)[0][0]


def main() -> None:
    start = (jnp.zeros(()),) * 4
    for name, params in (
        ("by hand:  ", fit_by_hand(start, 1e-3, 4000)),
        ("optimizer:", fit(start, optim.sgd(1e-3), 4000)),
    ):
        shown = " ".join(
            f"{letter} {float(value):z.3f}" for letter, value in zip("abcd", params, strict=True)
        )
        print(f"{name} {shown}  loss {loss(params):.4f}")


if __name__ == "__main__":
    main()
