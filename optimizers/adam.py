"""Adam, and what was made of it."""

from jaxlearn import optim
from jaxlearn.cli import Recipe


def _lookahead_adam(
    learning_rate: float = 1e-3, steps: int = 5, slow_step_size: float = 0.5
) -> optim.Transform:
    """Adam with slow parameters that follow the fast ones.

    Memory: three numbers for each parameter.
    """
    return optim.lookahead(optim.adam(learning_rate), steps, slow_step_size)


RECIPES = {
    "adam": Recipe(
        optim.adam,
        update_rule="m, v = means of g, g^2;  w = w - lr * m^ / (sqrt(v^) + eps)",
        pros="fast, a step size for each parameter, good without tuning",
        cons="most memory, most hyperparameters",
        when="first choice, and whenever a quick result counts",
        search=(1e-4, 1e-1),
    ),
    "adamw": Recipe(
        optim.adamw,
        update_rule="m, v = means of g, g^2;  w = w - lr * (m^ / (sqrt(v^) + eps) + weight_decay * w)",
        pros="adam, with a decay that acts alike on all parameters",
        cons="one more hyperparameter than adam",
        when="training for long, and transformers",
        search=(1e-4, 1e-1),
    ),
    "nadam": Recipe(
        optim.nadam,
        update_rule="m, v as adam;  w = w - lr * (mu' * m^ + (1 - mu) * g^) / (sqrt(v^) + eps)",
        pros="a little faster than adam at first",
        cons="like adam",
        when="where adam does well",
        search=(1e-4, 1e-1),
    ),
    "nadamw": Recipe(
        optim.nadamw,
        update_rule="m, v as adam;  w = w - lr * ((b1 * m^ + (1 - b1) * g^) / sqrt(v^) + weight_decay * w)",
        pros="looks one step ahead; among the best where optimizers are compared at length",
        cons="like adamw",
        when="in the place of adamw",
        search=(1e-4, 1e-1),
    ),
    "radam": Recipe(
        optim.radam,
        update_rule="m, v as adam;  w = w - lr * r * m^ / sqrt(v^), without sqrt(v^) in the first steps",
        pros="needs no warm-up",
        cons="plain momentum in its first steps",
        when="adam is unstable at the start",
        search=(1e-4, 1e-1),
        defaults={"learning_rate": 0.003},
    ),
    "adamax": Recipe(
        optim.adamax,
        update_rule="m = mean of g;  u = max(b2 * u, |g|);  w = w - lr * m^ / u",
        pros="step sizes bounded by the learning rate",
        cons="one large gradient is long remembered",
        when="gradients are sparse or have outliers",
        search=(1e-4, 1e-1),
    ),
    "adabelief": Recipe(
        optim.adabelief,
        update_rule="m = mean of g;  s = mean of (g - m)^2;  w = w - lr * m^ / (sqrt(s^) + eps)",
        pros="large steps where gradients are as expected",
        cons="sensitive to eps",
        when="adam is too careful",
        search=(1e-4, 1e-1),
    ),
    "yogi": Recipe(
        optim.yogi,
        update_rule="v = v - (1 - b2) * sign(v - g^2) * g^2;  w = w - lr * m / (sqrt(v) + eps)",
        pros="step sizes change slowly",
        cons="large steps at the start",
        when="gradients are sparse",
        search=(1e-4, 1e-1),
        defaults={"learning_rate": 0.001},
    ),
    "novograd": Recipe(
        optim.novograd,
        update_rule="v = mean of |g|^2 in a leaf;  m = b1 * m + g / sqrt(v) + decay * w;  w = w - lr * m",
        pros="half of adam's memory; one second moment for a layer",
        cons="one step size for a layer",
        when="speech and language models",
        search=(1e-4, 1e-1),
        defaults={"learning_rate": 0.003},
    ),
    "lamb": Recipe(
        optim.lamb,
        update_rule="r = m^ / (sqrt(v^) + eps) + weight_decay * w;  w = w - lr * |w| / |r| * r, leaf by leaf",
        pros="one learning rate for batches of any size",
        cons="a layer that starts at 0 stays small",
        when="adam with batches of thousands",
        search=(1e-3, 1e-1),
        defaults={"learning_rate": 0.01},
    ),
    "adan": Recipe(
        optim.adan,
        update_rule="m, v, n = means of g, d = g - g', (g + b2 * d)^2;  w = w - lr * (m + b2 * v) / sqrt(n)",
        pros="Nesterov momentum; large learning rates",
        cons="four numbers for each parameter",
        when="training vision and language models for long",
        search=(1e-4, 1e-1),
    ),
    "ademamix": Recipe(
        optim.ademamix,
        update_rule="m1, m2 = fast and slow means of g;  w = w - lr * (m1^ + alpha * m2) / (sqrt(v^) + eps)",
        pros="uses gradients of ten thousand steps ago",
        cons="of little use in short runs",
        when="training for very long",
        search=(1e-4, 1e-1),
    ),
    "adopt": Recipe(
        optim.adopt,
        update_rule="m = mean of g / sqrt(v'), v' without this g;  w = w - lr * m;  v = mean of g^2",
        pros="converges with any b2",
        cons="the first step only looks",
        when="adam does not converge",
        search=(1e-4, 1e-1),
    ),
    "schedule_free_adamw": Recipe(
        optim.schedule_free_adamw,
        update_rule="as schedule_free_sgd, with g / (sqrt(v^) + eps) in the place of g",
        pros="no schedule, and no length to plan",
        cons="x must be asked for, not y",
        when="the length of training is open",
        search=(1e-4, 1e-1),
    ),
    "lookahead": Recipe(
        _lookahead_adam,
        update_rule="adam on w;  every 5 steps  s = s + 0.5 * (w - s);  w = s",
        pros="steadier than adam",
        cons="slower at first",
        when="adam's learning rate is hard to choose",
        search=(1e-4, 1e-1),
    ),
}
