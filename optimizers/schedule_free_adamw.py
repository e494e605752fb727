from jaxlearn import optim

from ._recipe import Recipe

RECIPE = Recipe(
    factory=optim.schedule_free_adamw,
    update_rule="as schedule_free_sgd, with g / (sqrt(v^) + eps) in the place of g",
    memory="3",
    pros="no schedule, and no length to plan",
    cons="x must be asked for, not y",
    when="the length of training is open",
    search=(1e-4, 1e-1),
)
