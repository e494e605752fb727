"""Steps along the gradient, or along a mean of gradients."""

from jaxlearn import optim
from jaxlearn.cli import Recipe


def _sam_sgd(
    learning_rate: float = 0.03, momentum: float = 0.9, rho: float = 0.05, adaptive: bool = False
) -> optim.Transform:
    """SGD with momentum, along gradients taken where the loss is highest nearby.

    Memory: one number for each parameter.
    """
    return optim.sam(optim.sgd(learning_rate, momentum), rho, adaptive)


RECIPES = {
    "sgd": Recipe(
        optim.sgd,
        update_rule="w = w - lr * g",
        pros="simple and stable, least memory",
        cons="slow to converge, one step size for all parameters",
        when="memory is short, or as the baseline that the others must beat",
        search=(1e-2, 1e1),
        defaults={"learning_rate": 0.2},  # from 0.5 up the convolutional networks diverge
    ),
    "momentum": Recipe(
        optim.momentum,
        update_rule="v = momentum * v - lr * g;  w = w + v",
        pros="converges faster than sgd, rolls through flat places and small bumps",
        cons="one more hyperparameter to tune",
        when="final accuracy matters most and there is time to tune",
        search=(1e-3, 1.0),
        defaults={"learning_rate": 0.03},  # from 0.1 up the convolutional networks diverge
    ),
    "asgd": Recipe(
        optim.asgd,
        update_rule="w = w - lr * g;  evaluated is the mean of w from update t0 on",
        pros="the mean is steadier than the last parameters",
        cons="t0 to choose",
        when="the last iterates of sgd jitter",
        search=(1e-2, 1e1),
        # from 0.5 up the convolutional networks diverge
        defaults={"learning_rate": 0.2, "t0": 1000.0},
    ),
    "schedule_free_sgd": Recipe(
        optim.schedule_free_sgd,
        update_rule="z = z - lr * g(y);  x = mean of z;  y = (1 - b1) * z + b1 * x;  evaluated is x",
        pros="no schedule, and no length to plan",
        cons="x must be asked for, not y",
        when="the length of training is open",
        search=(1e-1, 1e2),
        # from 1 up the convolutional networks diverge
        defaults={"learning_rate": 0.5},
    ),
    "sign_sgd": Recipe(
        optim.sign_sgd,
        update_rule="m = mean of g;  w = w - lr * sign(m)",
        pros="one bit a number to send",
        cons="noise moves as much as signal",
        when="gradients are sent over a network",
        search=(1e-5, 1e-2),
        defaults={"learning_rate": 0.0003, "momentum": 0.9},
    ),
    "lion": Recipe(
        optim.lion,
        update_rule="w = w - lr * (sign(b1 * m + (1 - b1) * g) + weight_decay * w);  m = mean of g",
        pros="half of adam's memory",
        cons="noise moves as much as signal",
        when="large batches; learning rates a third to a tenth of adamw's",
        search=(1e-5, 1e-2),
        defaults={"learning_rate": 0.0003},
    ),
    "lars": Recipe(
        optim.lars,
        update_rule="v = momentum * v + lr * c * |w| / |g| * g, leaf by leaf;  w = w - v",
        pros="one learning rate for batches of any size",
        cons="a layer that starts at 0 stays small",
        when="momentum with batches of thousands",
        search=(1e-1, 1e2),
        # times the trust coefficient 0.001
        defaults={"learning_rate": 5.0},
    ),
    "madgrad": Recipe(
        optim.madgrad,
        update_rule="s, v = sums of g, g^2 that weigh later ones more;  w = mean of w and w0 - s / cbrt(v)",
        pros="generalises like sgd",
        cons="dislikes weight decay",
        when="sgd does better than adam",
        search=(1e-4, 1e-1),
        defaults={"learning_rate": 0.003},
    ),
    "sam": Recipe(
        _sam_sgd,
        update_rule="w' = w + rho * g(w) / |g(w)|;  v = momentum * v + g(w');  w = w - lr * v",
        pros="finds flat minima, which generalise better",
        cons="two gradients a step",
        when="final accuracy matters most",
        search=(1e-3, 1.0),
    ),
}
