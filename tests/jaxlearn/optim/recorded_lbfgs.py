"""The trajectories of L-BFGS that PyTorch took, and how ours follow them."""

import json
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from jaxlearn import optim
from jaxlearn.optim import lbfgs

TORCH_NAMES = {"lr": "learning_rate", "line_search_fn": "line_search"}
RECORDED = [
    tuple(key.split("/", 1))
    for key in np.load(Path(__file__).parents[2] / "golden" / "lbfgs.npz")
    if key.startswith("float")
]


def row(tree):
    return jnp.concatenate([leaf.reshape(-1) for leaf in jax.tree.leaves(tree)])


def logistic(x, inputs, signs):
    return -jax.nn.log_sigmoid(signs * (inputs @ x)).mean() + 0.01 * (x @ x)


def half(array, step):
    """Every other row, from 0 or 1 on."""
    return array.reshape(-1, 2, *array.shape[1:])[:, step % 2]


# the losses of tests/golden/lbfgs.py
PROBLEMS = {
    "quadratic": lambda x, data, step: 0.5 * (x @ data["matrix"] @ x) - data["vector"] @ x,
    "rosenbrock": lambda x, data, step: (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum(),
    "wells": lambda x, data, step: ((x**2 - 1) ** 2).sum() / 4 + 0.1 * (x @ data["matrix"] @ x),
    "logistic": lambda x, data, step: logistic(x, data["inputs"], data["signs"]),
    "batches": lambda x, data, step: logistic(x, half(data["inputs"], step), half(data["signs"], step)),
}


def follow(arrays, key, dtype):
    """Parameters, counts and losses after each update of a recorded run, and the losses PyTorch had."""
    case, expected = json.loads(key), arrays[f"{dtype}/{key}"]
    opt = lbfgs(**{TORCH_NAMES.get(name, name): value for name, value in case["options"].items()})
    params = [jnp.asarray(arrays[f"params/{i}"], dtype) for i in range(4)]
    data = {k[5:]: jnp.asarray(v, dtype) for k, v in arrays.items() if k.startswith("data/")}
    problem = PROBLEMS[case["problem"]]

    def body(carry, step):
        params, state = carry
        loss = lambda params: problem(row(params), data, step)
        value, grads = jax.value_and_grad(loss)(params)
        updates, state = opt.update(grads, state, params, value=value, value_fn=loss)
        params = optim.apply_updates(params, updates)
        return (params, state), (row(params), jnp.stack([state.n_iter, state.func_evals]), loss(params))

    numbers = jnp.arange(len(expected))
    ours = jax.jit(lambda: jax.lax.scan(body, (params, opt.init(params)), numbers)[1])()
    theirs = jax.vmap(lambda x, step: problem(x, data, step))(jnp.asarray(expected), numbers)
    return *map(np.asarray, ours), np.asarray(theirs)
