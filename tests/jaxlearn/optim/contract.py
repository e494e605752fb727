"""Every optimizer and transform with its hyperparameters in one table, and what it is trained on."""

import inspect
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple, get_args

import jax
import jax.numpy as jnp
import numpy as np

from jaxlearn import optim, schedules


class Row(NamedTuple):
    """`make(**numbers)` builds the transform; `fixed` is what the tests leave alone."""

    make: Callable[..., optim.Transform]
    fixed: Mapping[str, Any] = MappingProxyType({})

    @property
    def defaults(self):
        """The real-number hyperparameters and their default values; `...` where there is none."""
        return {
            name: ... if p.default is p.empty else p.default
            for name, p in inspect.signature(self.make).parameters.items()
            if (p.annotation is optim.Scalar or optim.Scalar in get_args(p.annotation))
            and name not in self.fixed
        }

    @property
    def numbers(self):
        """The value to keep of each real-number hyperparameter while another one changes."""
        return {n: VALUES[n][0] if v in (None, ...) else v for n, v in self.defaults.items()}

    def build(self, **numbers):
        required = {name: VALUES[name][0] for name, value in self.defaults.items() if value is ...}
        return self.make(**self.fixed, **required | numbers)


# two values for every hyperparameter that is a real number
VALUES = {
    "alpha": (0.5, 2.0),
    "b1": (0.5, 0.8),
    "b2": (0.7, 0.95),
    "b3": (0.6, 0.9),
    "beta2_decay": (-0.5, -1.0),
    "clipping": (0.1, 0.5),
    "d": (1.5, 3.0),
    "d0": (1e-2, 0.1),
    "d_coef": (0.5, 2.0),
    "dampening": (0.1, 0.5),
    "decay": (0.5, 0.8),
    "eps": (1e-3, 5.0),
    "eps1": (0.1, 1.0),
    "eps2": (0.8, 2.0),
    "eps_root": (1e-3, 0.1),
    "eta": (0.1, 1.0),
    "eta_minus": (0.3, 0.7),
    "eta_plus": (1.1, 1.5),
    "factor": (0.5, 0.8),
    "gamma": (0.1, 1.0),
    "growth_rate": (1.5, 2.0),
    "initial_accumulator_value": (0.1, 1.0),
    "lambd": (0.1, 1.0),
    "learning_rate": (1e-2, 0.1),
    "lr_decay": (0.1, 1.0),
    "max_norm": (0.5, 1.0),
    "max_step_size": (5e-3, 8e-3),
    "max_value": (0.1, 0.5),
    "min_scale": (0.3, 0.9),
    "min_step_size": (0.012, 0.04),
    "momentum": (0.5, 0.8),
    "momentum_decay": (0.1, 1.0),
    "rho": (0.1, 0.5),
    "shampoo_beta": (0.6, 0.9),
    "slow_step_size": (0.3, 0.7),
    "t0": (0.0, 2.0),
    "threshold": (0.1, 0.5),
    "tolerance_change": (1e-3, 10.0),
    "tolerance_grad": (1e-3, 10.0),
    "trust_coefficient": (0.1, 0.5),
    "weight_decay": (0.1, 0.3),
    "weight_lr_power": (0.5, 1.0),
}
# of no effect on the parameters of these few steps
WITHOUT_EFFECT = {
    ("asgd", "t0"),
    ("average_parameters", "decay"),
    ("lbfgs strong_wolfe", "tolerance_change"),
    ("prodigy", "growth_rate"),  # a row of test_parity shows it
    ("reduce_on_plateau", "eps"),
    ("reduce_on_plateau", "threshold"),
    ("sophia", "b2"),
}


def many_dimensions(params):
    """A mask: no vectors."""
    return jax.tree.map(lambda p: p.ndim != 1, params)


INNER = {"inner": optim.adam(0.1)}


def after(transform):
    """A transform of gradients, with a learning rate behind it."""
    return lambda **numbers: optim.chain(transform(**numbers), optim.sgd(0.1))


def transform_row(transform, **fixed):
    make = after(transform)
    make.__signature__ = inspect.signature(transform)
    return Row(make, fixed)


ROWS = {
    name: Row(getattr(optim, name))
    for name in (
        "adabelief adadelta adafactor adagrad adam adamax adamw adan ademamix adopt asgd dadapt_adamw lamb "
        "lars lion madgrad momentum nadam nadamw novograd prodigy radam rmsprop rprop "
        "shampoo sign_sgd sophia yogi"
    ).split()
} | {
    "muon": Row(optim.muon, {"ns_dtype": jnp.float32}),
    "lbfgs": Row(optim.lbfgs, {"max_iter": 4, "history_size": 3}),
    "lbfgs strong_wolfe": Row(optim.lbfgs, {"max_iter": 4, "history_size": 3, "line_search": "strong_wolfe"}),
    "adam amsgrad": Row(optim.adam, {"amsgrad": True, "maximize": True}),
    "sgd": Row(optim.sgd, {"dampening": 0.0}),  # which without momentum has no effect
    "sgd nesterov": Row(optim.sgd, {"nesterov": True, "dampening": 0.0, "momentum": 0.9}),
    "sgd momentum": Row(optim.sgd, {"momentum": 0.9}),
    "rmsprop centered": Row(optim.rmsprop, {"centered": True}),
    # a longer dimension's basis would be decided by rounding: its first gradient has a null space
    "soap": Row(optim.soap, {"precondition_frequency": 3, "max_precond_dim": 2}),
    "soap often": Row(
        optim.soap, {"precondition_frequency": 1, "precondition_1d": True, "max_precond_dim": 2}
    ),
    "schedule_free_adamw": Row(optim.schedule_free_adamw, {"warmup_steps": 3}),
    "schedule_free_sgd": Row(optim.schedule_free_sgd, {"warmup_steps": 3}),
    "sophia often": Row(optim.sophia, {"update_interval": 1}),
    # transforms
    "add_decayed_weights": transform_row(optim.add_decayed_weights),
    "add_noise": transform_row(optim.add_noise, key=jax.random.key(0)),
    "adaptive_clip": transform_row(optim.adaptive_clip),
    "centralize": transform_row(optim.centralize),
    "clip": transform_row(optim.clip),
    "clip_by_global_norm": transform_row(optim.clip_by_global_norm),
    "clip_by_norm": transform_row(optim.clip_by_norm),
    "ema": transform_row(optim.ema),
    "reduce_on_plateau": transform_row(optim.reduce_on_plateau, patience=0),
    "trace": transform_row(optim.trace),
    # wrappers
    "accumulate": Row(optim.accumulate, INNER | {"steps": 2}),
    "average_parameters": Row(optim.average_parameters, INNER),
    "freeze": Row(optim.freeze, INNER | {"mask": many_dimensions}),
    "lookahead": Row(optim.lookahead, INNER | {"steps": 2}),
    "masked": Row(lambda: optim.chain(optim.masked(optim.adam(), many_dimensions), optim.scale(-0.1))),
    "master_weights": Row(optim.master_weights, INNER),
    "named_chain": Row(lambda: optim.named_chain(clip=optim.clip_by_global_norm(1.0), adam=optim.adam(0.1))),
    "partition": Row(
        lambda: optim.partition(
            {"a": optim.adam(0.1), "b": optim.chain(optim.trace(0.9), optim.scale(-0.1))},
            lambda params: jax.tree.map(lambda p: "a" if p.ndim > 1 else "b", params),
        )
    ),
    "sam": Row(optim.sam, INNER),
    "schedule_free": Row(optim.schedule_free, {"direction": optim.scale_by_adam(0.0), "warmup_steps": 3}),
    "scheduled": Row(
        lambda: optim.adam(schedules.exponential(0.1, 0.9), b1=schedules.linear(0.5, 0.9, steps=5))
    ),
    "skip_nonfinite": Row(optim.skip_nonfinite, INNER),
    "state_dtype": Row(optim.state_dtype, INNER | {"dtype": jnp.bfloat16}),
}
STEPS = 7  # radam waits for the sixth


def make_params(dtype=jnp.float32):
    """Scalars, nothing, None, a vector, a matrix and a 4-D kernel; the first axes divide by two."""
    random = np.random.default_rng(0)
    new = lambda *shape: jnp.asarray(random.normal(size=shape), dtype)
    return {
        "scalar": new(),
        "empty": new(0, 2),
        "none": None,
        "vector": new(4),
        "matrix": new(4, 2),
        "deep": [new(2, 1, 2, 3), new(2)],
    }


def bowl(params, t, scale=1.0):
    """A loss of which the lowest point moves, so that gradients change their size and sign."""
    bottom = jnp.cos(2.0 * jnp.asarray(t, float))
    leaf = lambda p: jnp.sum((p.astype(float) - bottom) ** 2)
    return scale * sum((leaf(p) for p in jax.tree.leaves(params)), jnp.zeros(())) / 2


def slope(params, t, scale=1.0):
    """A loss whose gradients have one size, however far the parameters go."""
    leaf = lambda p: jnp.sum(p.astype(float) * jnp.cos(2.0 * jnp.asarray(t, float)))
    return scale * sum((leaf(p) for p in jax.tree.leaves(params)), jnp.zeros(()))


def update(opt, params, state, t, loss=bowl, scale=1.0):
    value_fn = lambda p: loss(p, t, scale)
    value, grads = jax.value_and_grad(value_fn)(params)
    updates, state = opt.update(grads, state, params, value=value, value_fn=value_fn)
    return optim.apply_updates(params, updates), state


def train(opt, params, steps=STEPS, loss=bowl, scale=1.0):
    """As one scan."""

    def body(carry, t):
        return update(opt, *carry, t, loss, scale), None

    return jax.lax.scan(body, (params, opt.init(params)), jnp.arange(steps))[0]
