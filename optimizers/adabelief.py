from jaxlearn import optim

from ._recipe import Recipe

RECIPE = Recipe(
    factory=optim.adabelief,
    update_rule="m = mean of g;  s = mean of (g - m)^2;  w = w - lr * m^ / (sqrt(s^) + eps)",
    memory="2",
    pros="large steps where gradients are as expected",
    cons="sensitive to eps",
    when="adam is too careful",
    search=(1e-4, 1e-1),
)
