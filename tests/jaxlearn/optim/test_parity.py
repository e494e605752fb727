"""The rules are PyTorch's and optax's: whole trajectories, every flag, both precisions."""

import json
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxlearn import optim, schedules

TOLERANCE = {"float64": 1e-12, "float32": 1e-5}
OURS = {"SGD": optim.sgd, "Adam": optim.adam, "RMSprop": optim.rmsprop}
RECORDED = [
    key.split("/", 1)[1]
    for key in np.load(Path(__file__).parents[2] / "golden" / "optimizers.npz")
    if key.startswith("float64/")
]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("key", RECORDED)
def test_equals_recorded_pytorch(key, dtype, golden, problem, trajectory, flat, from_torch_options):
    case = json.loads(key)
    with jax.enable_x64(dtype == "float64"):
        rate = 0.01
        if case["schedule"]:
            rate = schedules.step(rate, case["schedule"]["step_size"], case["schedule"]["gamma"])
        opt = OURS[case["optimizer"]](rate, **from_torch_options(case["options"]))
        ours = np.asarray(flat(trajectory(opt, *problem(dtype))))
    theirs = golden("optimizers")[f"{dtype}/{key}"]
    assert ours.dtype == theirs.dtype == dtype
    assert np.abs(ours - theirs).max() <= TOLERANCE[dtype]


def test_recording_covers_every_flag(from_torch_options):
    """A flag of ours that PyTorch has, too, and that no recording sets would go unproven."""
    import inspect

    for name, factory in OURS.items():
        cases = [json.loads(key) for key in RECORDED]
        tried = {
            flag
            for case in cases
            if case["optimizer"] == name
            for flag in from_torch_options(case["options"])
        }
        flags = set(inspect.signature(factory).parameters) - {"learning_rate", "eps_in_sqrt"}
        assert flags == tried


def schedule(step):
    return 0.01 * 0.5 ** jnp.floor(jnp.asarray(step, float) / 10)


def decayed(decay, opt):
    return optax.chain(optax.add_decayed_weights(decay), opt)


LIVE = {
    "sgd": (optim.sgd(0.01), optax.sgd(0.01)),
    "sgd momentum": (optim.sgd(0.01, momentum=0.9), optax.sgd(0.01, momentum=0.9)),
    "sgd nesterov": (
        optim.sgd(0.01, momentum=0.9, nesterov=True),
        optax.sgd(0.01, momentum=0.9, nesterov=True),
    ),
    "sgd schedule": (optim.sgd(schedule, momentum=0.9), optax.sgd(schedule, momentum=0.9)),
    "sgd weight decay": (
        optim.sgd(0.01, momentum=0.9, weight_decay=0.1),
        decayed(0.1, optax.sgd(0.01, momentum=0.9)),
    ),
    "sgd maximize": (
        optim.sgd(0.01, momentum=0.9, maximize=True),
        optax.chain(optax.scale(-1.0), optax.sgd(0.01, momentum=0.9)),
    ),
    "momentum": (
        optim.momentum(0.01, 0.9),
        optax.chain(optax.scale_by_learning_rate(0.01), optax.trace(0.9)),
    ),
    "momentum schedule": (
        optim.momentum(schedule, 0.9),
        optax.chain(optax.scale_by_learning_rate(schedule), optax.trace(0.9)),
    ),
    "momentum nesterov, weight decay": (
        optim.momentum(schedule, 0.9, weight_decay=0.1, nesterov=True),
        decayed(0.1, optax.chain(optax.scale_by_learning_rate(schedule), optax.trace(0.9, nesterov=True))),
    ),
    "momentum maximize": (
        optim.momentum(0.01, 0.8, maximize=True),
        optax.chain(optax.scale(0.01), optax.trace(0.8)),
    ),
    "adam": (optim.adam(0.01), optax.adam(0.01)),
    "adam b1, b2, eps": (
        optim.adam(0.01, b1=0.8, b2=0.99, eps=0.1),
        optax.adam(0.01, b1=0.8, b2=0.99, eps=0.1),
    ),
    "adam schedule": (optim.adam(schedule), optax.adam(schedule)),
    "adam weight decay": (optim.adam(0.01, weight_decay=0.1), decayed(0.1, optax.adam(0.01))),
    "adam maximize": (optim.adam(0.01, maximize=True), optax.chain(optax.scale(-1.0), optax.adam(0.01))),
    "rmsprop": (optim.rmsprop(0.01), optax.rmsprop(0.01, decay=0.99, eps_in_sqrt=False)),
    "rmsprop eps_in_sqrt": (
        optim.rmsprop(0.01, decay=0.9, eps=1e-4, eps_in_sqrt=True),
        optax.rmsprop(0.01, decay=0.9, eps=1e-4),
    ),
    "rmsprop centered": (
        optim.rmsprop(0.01, centered=True),
        optax.rmsprop(0.01, decay=0.99, centered=True, eps_in_sqrt=False),
    ),
    "rmsprop momentum": (
        optim.rmsprop(0.01, momentum=0.9),
        optax.rmsprop(0.01, decay=0.99, momentum=0.9, eps_in_sqrt=False),
    ),
    "rmsprop centered, momentum, weight decay": (
        optim.rmsprop(0.01, centered=True, momentum=0.9, weight_decay=0.1),
        decayed(0.1, optax.rmsprop(0.01, decay=0.99, centered=True, momentum=0.9, eps_in_sqrt=False)),
    ),
    "rmsprop maximize": (
        optim.rmsprop(0.01, maximize=True),
        optax.chain(optax.scale(-1.0), optax.rmsprop(0.01, decay=0.99, eps_in_sqrt=False)),
    ),
    "clip_by_global_norm": (
        optim.chain(optim.clip_by_global_norm(5.0, eps=0.0), optim.sgd(0.01)),
        optax.chain(optax.clip_by_global_norm(5.0), optax.sgd(0.01)),
    ),
}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", LIVE)
def test_equals_optax(name, dtype, problem, trajectory, flat):
    with jax.enable_x64(dtype == "float64"):
        params, grads = problem(dtype)
        ours = flat(trajectory(LIVE[name][0], params, grads))
        with jax.numpy_dtype_promotion("standard"):  # optax needs it
            theirs = flat(trajectory(LIVE[name][1], params, grads))
        assert ours.dtype == dtype
        assert np.abs(ours - theirs).max() <= TOLERANCE[dtype]


def test_momentum_is_algorithm_8_2(x64, problem, trajectory, flat):
    """Against a plain transcription, with a learning rate that changes."""
    params, grads = problem("float64")
    ours = flat(trajectory(optim.momentum(schedule, 0.9), params, grads))
    theta = [np.asarray(p) for p in params]
    velocity = [np.zeros_like(p) for p in theta]
    for step in range(50):
        rate = 0.01 * 0.5 ** (step // 10)
        velocity = [0.9 * v - rate * np.asarray(g[step]) for v, g in zip(velocity, grads, strict=True)]
        theta = [p + v for p, v in zip(theta, velocity, strict=True)]
        row = np.concatenate([p.reshape(-1) for p in theta])
        np.testing.assert_allclose(ours[step], row, rtol=0, atol=1e-12)


def test_sgd_and_momentum_part_only_when_the_learning_rate_changes(x64, problem, trajectory, flat):
    params, grads = problem("float64")
    paths = {
        (name, kind): flat(trajectory(factory(rate, momentum=0.9), params, grads))
        for name, factory in (("sgd", optim.sgd), ("momentum", optim.momentum))
        for kind, rate in (("constant", 0.01), ("schedule", schedule))
    }
    np.testing.assert_allclose(paths["sgd", "constant"], paths["momentum", "constant"], rtol=0, atol=1e-12)
    # the first drop is at step 10: equal until then, apart from then on
    gap = np.abs(paths["sgd", "schedule"] - paths["momentum", "schedule"]).max(axis=1)
    assert (gap[:10] <= 1e-12).all()
    assert (gap[10:] > 1e-2).all()


def test_amsgrad_is_pytorchs_and_not_optaxs(x64, problem, trajectory, flat):
    params, grads = problem("float64")
    ours = flat(trajectory(optim.adam(0.01, amsgrad=True), params, grads))
    with jax.numpy_dtype_promotion("standard"):
        theirs = flat(trajectory(optax.amsgrad(0.01), params, grads))
    assert np.abs(ours - theirs).max() > 1e-3


def test_clip_equals_clip_grad_norm(x64, problem):
    """torch.nn.utils.clip_grad_norm_: g * min(1, c / (norm + 1e-6))."""
    _, grads = problem("float64")
    grads = jax.tree.map(lambda g: g[0], grads)
    norm = np.sqrt(sum(float((np.asarray(g) ** 2).sum()) for g in grads))
    for limit in (norm / 3, norm * 3):
        opt = optim.clip_by_global_norm(limit)
        clipped, _ = opt.update(grads, opt.init(grads))
        for got, g in zip(clipped, grads, strict=True):
            np.testing.assert_allclose(got, np.asarray(g) * min(1, limit / (norm + 1e-6)), rtol=1e-14)
