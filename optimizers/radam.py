from jaxlearn import optim

from ._recipe import Recipe

RECIPE = Recipe(
    factory=optim.radam,
    update_rule="m, v as adam;  w = w - lr * r * m^ / sqrt(v^), without sqrt(v^) in the first steps",
    memory="2",
    pros="needs no warm-up",
    cons="plain momentum in its first steps",
    when="adam is unstable at the start",
    search=(1e-4, 1e-1),
    defaults={"learning_rate": 0.003},
)
