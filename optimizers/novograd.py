from jaxlearn import optim

from ._recipe import Recipe

RECIPE = Recipe(
    factory=optim.novograd,
    update_rule="v = mean of |g|^2 of a leaf;  m = b1 * m + g / sqrt(v) + weight_decay * w;  w = w - lr * m",
    memory="1",
    pros="half of adam's memory; one second moment for a layer",
    cons="one step size for a layer",
    when="speech and language models",
    search=(1e-4, 1e-1),
    defaults={"learning_rate": 0.003},
)
