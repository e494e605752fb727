from jaxlearn import optim

from ._recipe import Recipe

RECIPE = Recipe(
    factory=optim.adopt,
    update_rule="m = mean of g / sqrt(v'), v' without this g;  w = w - lr * m;  v = mean of g^2",
    memory="2",
    pros="converges with any b2",
    cons="the first step only looks",
    when="adam does not converge",
    search=(1e-4, 1e-1),
)
