from jaxlearn import optim

from ._recipe import Recipe

RECIPE = Recipe(
    factory=optim.sign_sgd,
    update_rule="m = mean of g;  w = w - lr * sign(m)",
    memory="1",
    pros="one bit a number to send",
    cons="noise moves as much as signal",
    when="gradients are sent over a network",
    search=(1e-5, 1e-2),
    defaults={"learning_rate": 0.0003, "momentum": 0.9},
)
