from jaxlearn import optim

from ._recipe import Recipe

RECIPE = Recipe(
    factory=optim.rmsprop,
    update_rule="v = decay * v + (1 - decay) * g^2;  w = w - lr * g / (sqrt(v) + eps)",
    memory="1 (1 more centered, 1 more with momentum)",
    pros="a step size for each parameter",
    cons="can be unstable",
    when="gradients change their size over time",
    search=(1e-4, 1e-1),
    defaults={"learning_rate": 1e-3},
)
