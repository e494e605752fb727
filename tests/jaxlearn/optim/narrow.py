"""What becomes of an optimizer whose state is in a narrow dtype: as docs/precision.md tells it."""

import warnings

import jax
import jax.numpy as jnp
import numpy as np

from jaxlearn import optim

OPTIMIZERS = (
    "adabelief adadelta adafactor adagrad adam adamax adamw adan ademamix adopt asgd dadapt_adamw lamb lars "
    "lbfgs lion madgrad momentum muon nadam nadamw novograd prodigy radam rmsprop rprop schedule_free_adamw "
    "schedule_free_sgd sgd shampoo sign_sgd soap sophia yogi"
).split()
STEPS = 100
SIZE = 1e-4  # of the gradients


def make(name):
    """With default hyperparameters, and momentum where there may be some."""
    return optim.sgd(1e-2, momentum=0.9) if name == "sgd" else getattr(optim, name)()


def warned(name, dtype):
    """How often it warns when its state is made."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        jax.eval_shape(make(name).init, {"w": jnp.ones((2, 3), dtype), "b": jnp.ones(3, dtype)})
    return len(told)


def deviation(name, dtype):
    """How far from where float32 leads parameters in float32 come with the state in `dtype`, by the way."""
    random = np.random.default_rng(0)
    shapes = [(8, 6), (12,)]

    def draw(shape):
        signs, sizes = random.choice([-1, 1], shape), 10 ** random.uniform(-1, 0, shape)
        return jnp.asarray(SIZE * sizes * (random.normal(size=(STEPS, *shape)) + 0.5 * signs), jnp.float32)

    grads = [draw(shape) for shape in shapes]
    params = [jnp.asarray(1e-3 * random.normal(size=shape), jnp.float32) for shape in shapes]
    extra = {"hessian": jax.tree.map(jnp.ones_like, params)} if name == "sophia" else {}

    def way(opt):
        def body(carry, g):
            params, state = carry
            updates, state = opt.update(g, state, params, **extra)
            return (optim.apply_updates(params, updates), state), None

        after = jax.jit(lambda: jax.lax.scan(body, (params, opt.init(params)), grads)[0][0])()
        return np.concatenate([np.ravel(a - p) for a, p in zip(after, params, strict=True)]).astype(float)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        wide, narrow = way(make(name)), way(optim.state_dtype(make(name), dtype))
    return np.linalg.norm(narrow - wide) / np.linalg.norm(wide)


def progress(opt, dtype, steps=300):
    """By which part a bowl's loss falls, on parameters of size 1."""
    start = jnp.asarray(np.random.default_rng(0).uniform(1, 2, 12), dtype)
    bowl = lambda p: jnp.sum(jnp.square(p.astype(jnp.float32) - 3))

    def body(carry, _):
        params, state = carry
        updates, state = opt.update(jax.grad(bowl)(params), state, params)
        return (optim.apply_updates(params, updates), state), None

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        after = jax.jit(lambda: jax.lax.scan(body, (start, opt.init(start)), length=steps)[0][0])()
    return float(1 - bowl(after) / bowl(start))
