from jaxlearn import optim

from ._recipe import Recipe

RECIPE = Recipe(
    factory=optim.adagrad,
    update_rule="s = s + g^2;  w = w - lr * g / (sqrt(s) + eps)",
    memory="1",
    pros="no decay rates to tune",
    cons="steps only ever get smaller",
    when="sparse gradients, convex problems",
    search=(1e-3, 1.0),
)
