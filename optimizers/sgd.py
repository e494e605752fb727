from jaxlearn import optim

from ._recipe import Recipe

RECIPE = Recipe(
    factory=optim.sgd,
    update_rule="w = w - lr * g",
    memory="0 (1 with momentum)",
    pros="simple and stable, least memory",
    cons="slow to converge, one step size for all parameters",
    when="memory is short, or as the baseline that the others must beat",
    search=(1e-2, 1e1),
    defaults={"learning_rate": 0.2},  # from 0.5 up the convolutional networks diverge
)
