from jaxlearn import optim

from ._recipe import Recipe

RECIPE = Recipe(
    factory=optim.asgd,
    update_rule="w = w - lr * g;  evaluated is the mean of w from update t0 on",
    memory="1",
    pros="the mean is steadier than the last parameters",
    cons="t0 to choose",
    when="the last iterates of sgd jitter",
    search=(1e-2, 1e1),
    # from 0.5 up the convolutional networks diverge
    defaults={"learning_rate": 0.2, "t0": 1000.0},
)
