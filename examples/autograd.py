"""What PyTorch's documents show of autograd, as functions of functions.

Prints:
    gradient of mean(3 (x + 2)^2) at 1: [4.5 4.5 4.5 4.5]
    three times the gradient of 2 w: 2.0 2.0 2.0, and added up: 2.0 4.0 6.0
    detach: with stop_gradient 3.0, without 6.0
    frozen encoder: encoder moves by 0.0, head by -0.4
    vector-Jacobian product: [0.2 2. ]
    derivatives of x^4 at 2: 32.0, 48.0, 48.0
    per-example gradients: [ 2. -8. 18.], their mean 4.0
    column set to 0: [[1. 0.] [1. 0.]], before: [[1. 1.] [1. 1.]], gradient: [[1. 0.] [1. 0.]]
"""

import itertools

import jax
import jax.numpy as jnp

from jaxlearn import optim


def show(array):
    return " ".join(str(array).split())


def backward():
    """`out.backward(); x.grad` is a function of x."""
    out = lambda x: jnp.mean(3 * (x + 2) ** 2)
    print("gradient of mean(3 (x + 2)^2) at 1:", jax.grad(out)(jnp.ones((2, 2))).ravel())


def zero_grad():
    """`.grad` adds up until it is set to zero; `jax.grad` gives the gradient, and adding is up to you."""
    grads = [jax.grad(lambda w: 2 * w)(4.0) for _ in range(3)]
    each, total = (" ".join(map(str, numbers)) for numbers in (grads, itertools.accumulate(grads)))
    print(f"three times the gradient of 2 w: {each}, and added up: {total}")


def detach():
    """`.detach()`, and `torch.no_grad()` around a value: a constant for the gradient."""
    with_stop = jax.grad(lambda x: x * jax.lax.stop_gradient(x))(3.0)
    print(f"detach: with stop_gradient {with_stop}, without {jax.grad(lambda x: x * x)(3.0)}")


def freeze():
    """`requires_grad_(False)` on some parameters: they are left out of what is updated."""
    params = {"encoder": jnp.array(2.0), "head": jnp.array(2.0)}
    optimizer = optim.freeze(optim.sgd(0.1), optim.match("encoder"))
    grads = jax.grad(lambda p: p["encoder"] * p["head"] * 2)(params)
    updates, _ = optimizer.update(grads, optimizer.init(params), params)
    encoder, head = (float(updates[name]) for name in ("encoder", "head"))
    print(f"frozen encoder: encoder moves by {encoder:z.1f}, head by {head:z.1f}")


def vector_jacobian_product():
    """`y.backward(v)` of a y that is no scalar."""
    _, pull_back = jax.vjp(lambda x: x**2, jnp.array([1.0, 10.0]))
    print("vector-Jacobian product:", pull_back(jnp.array([0.1, 0.1]))[0])


def higher_derivatives():
    """`create_graph=True`: a gradient is a function like any other, and has one."""
    f = lambda x: x**4
    first, second, third = jax.grad(f), jax.grad(jax.grad(f)), jax.grad(jax.grad(jax.grad(f)))
    print(f"derivatives of x^4 at 2: {first(2.0)}, {second(2.0)}, {third(2.0)}")


def per_example_gradients():
    """One for each example, without a loop: `vmap` of `grad`."""
    loss = lambda w, x, y: (w * x - y) ** 2
    x, y = jnp.array([1.0, 2.0, 3.0]), jnp.array([0.0, 4.0, 0.0])
    grads = jax.vmap(jax.grad(loss), (None, 0, 0))(1.0, x, y)
    print(f"per-example gradients: {grads}, their mean {grads.mean()}")


def in_place():
    """`tensor[:, 1] = 0`: a new array, whose gradient knows of the write."""
    before = jnp.ones((2, 2))
    after = before.at[:, 1].set(0.0)
    grad = jax.grad(lambda x: x.at[:, 1].set(0.0).sum())(before)
    print(f"column set to 0: {show(after)}, before: {show(before)}, gradient: {show(grad)}")


def main() -> None:
    backward()
    zero_grad()
    detach()
    freeze()
    vector_jacobian_product()
    higher_derivatives()
    per_example_gradients()
    in_place()


if __name__ == "__main__":
    main()
