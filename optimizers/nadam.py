from jaxlearn import optim

from ._recipe import Recipe

RECIPE = Recipe(
    factory=optim.nadam,
    update_rule="m, v as adam;  w = w - lr * (mu' * m^ + (1 - mu) * g^) / (sqrt(v^) + eps)",
    memory="2",
    pros="a little faster than adam at first",
    cons="like adam",
    when="where adam does well",
    search=(1e-4, 1e-1),
)
