import jax
import jax.numpy as jnp
import pytest

from jaxlearn import optim

TORCH_NAMES = {"lr": "learning_rate", "alpha": "decay"}


def _translate(options):
    options = {TORCH_NAMES.get(name, name): value for name, value in options.items()}
    b1_b2 = options.pop("betas", None)
    return options | (dict(zip(("b1", "b2"), b1_b2, strict=True)) if b1_b2 else {})


@pytest.fixture(scope="session")
def from_torch_options():
    """Our names for a dict of PyTorch's hyperparameters."""
    return _translate


@pytest.fixture(scope="session")
def trajectory():
    """`trajectory(opt, params, grads)`: parameters after every step, as one scan.

    `grads` holds a leading axis of steps. The result has one, too.
    """

    def follow(opt, params, grads):
        def body(carry, grads):
            params, state = carry
            updates, state = opt.update(grads, state, params)
            params = optim.apply_updates(params, updates)
            return (params, state), params

        return jax.jit(lambda: jax.lax.scan(body, (params, opt.init(params)), grads)[1])()

    return follow


@pytest.fixture(scope="session")
def problem(golden):
    """`problem(dtype)`: the parameters and 50 gradients that PyTorch was recorded with."""
    arrays = golden("optimizers")

    def cast(dtype):
        leaves = sum(key.startswith("params/") for key in arrays)
        return tuple(
            [jnp.asarray(arrays[f"{kind}/{i}"], dtype) for i in range(leaves)] for kind in ("params", "grads")
        )

    return cast


@pytest.fixture(scope="session")
def flat():
    """A trajectory of a tree as one matrix: a row for each step."""
    return lambda tree: jnp.concatenate([x.reshape(x.shape[0], -1) for x in jax.tree.leaves(tree)], axis=1)
