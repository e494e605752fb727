from jaxlearn import optim

from ._recipe import Recipe

RECIPE = Recipe(
    factory=optim.nadamw,
    update_rule="m, v as adam;  w = w - lr * ((b1 * m^ + (1 - b1) * g^) / sqrt(v^) + weight_decay * w)",
    memory="2",
    pros="looks one step ahead; among the best where optimizers are compared at length",
    cons="like adamw",
    when="in the place of adamw",
    search=(1e-4, 1e-1),
)
