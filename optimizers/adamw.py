from jaxlearn import optim

from ._recipe import Recipe

RECIPE = Recipe(
    factory=optim.adamw,
    update_rule="m, v = means of g, g^2;  w = w - lr * (m^ / (sqrt(v^) + eps) + weight_decay * w)",
    memory="2 (3 with amsgrad)",
    pros="adam, with a decay that acts alike on all parameters",
    cons="one more hyperparameter than adam",
    when="training for long, and transformers",
    search=(1e-4, 1e-1),
)
