from jaxlearn import optim

from ._recipe import Recipe

RECIPE = Recipe(
    factory=optim.adan,
    update_rule="m, v, n = means of g, g - g', (g + b2 * (g - g'))^2;  w = w - lr * (m + b2 * v) / sqrt(n)",
    memory="4",
    pros="Nesterov momentum; large learning rates",
    cons="four numbers for each parameter",
    when="training vision and language models for long",
    search=(1e-4, 1e-1),
)
