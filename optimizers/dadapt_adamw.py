from jaxlearn import optim

from ._recipe import Recipe

RECIPE = Recipe(
    factory=optim.dadapt_adamw,
    update_rule="adamw whose learning rate is lr * d, d an estimate of the distance to the solution",
    memory="3",
    pros="no learning rate to tune",
    cons="can overshoot",
    when="there is no time to tune; leave lr at 1",
    search=(1e-1, 1e1),
)
