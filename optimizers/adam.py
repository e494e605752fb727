from jaxlearn import optim

from ._recipe import Recipe

RECIPE = Recipe(
    factory=optim.adam,
    update_rule="m, v = means of g, g^2;  w = w - lr * m^ / (sqrt(v^) + eps)",
    memory="2 (3 with amsgrad)",
    pros="fast, a step size for each parameter, good without tuning",
    cons="most memory, most hyperparameters",
    when="first choice, and whenever a quick result counts",
    search=(1e-4, 1e-1),
)
