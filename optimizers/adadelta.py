from jaxlearn import optim

from ._recipe import Recipe

RECIPE = Recipe(
    factory=optim.adadelta,
    update_rule="v = mean of g^2;  u = sqrt(d + eps) / sqrt(v + eps) * g;  d = mean of u^2;  w = w - lr * u",
    memory="2",
    pros="nearly no learning rate to tune",
    cons="slow at the start",
    when="as a baseline without tuning",
    search=(1e-1, 1e1),
)
