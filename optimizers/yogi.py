from jaxlearn import optim

from ._recipe import Recipe

RECIPE = Recipe(
    factory=optim.yogi,
    update_rule="v = v - (1 - b2) * sign(v - g^2) * g^2;  w = w - lr * m / (sqrt(v) + eps)",
    memory="2",
    pros="step sizes change slowly",
    cons="large steps at the start",
    when="gradients are sparse",
    search=(1e-4, 1e-1),
    defaults={"learning_rate": 0.001},
)
