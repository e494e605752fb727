from jaxlearn import optim

from ._recipe import Recipe

RECIPE = Recipe(
    factory=optim.schedule_free_sgd,
    update_rule="z = z - lr * g(y);  x = mean of z;  y = (1 - b1) * z + b1 * x;  evaluated is x",
    memory="1",
    pros="no schedule, and no length to plan",
    cons="x must be asked for, not y",
    when="the length of training is open",
    search=(1e-1, 1e2),
    # from 1 up the convolutional networks diverge
    defaults={"learning_rate": 0.5},
)
