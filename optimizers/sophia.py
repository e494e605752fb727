from jaxlearn import optim

from ._recipe import Recipe

RECIPE = Recipe(
    factory=optim.sophia,
    update_rule="m, h = means of g, diagonal of the Hessian;  w = w - lr * (clip(m / h) + weight_decay * w)",
    memory="2",
    pros="knows curvature",
    cons="every tenth step costs three gradients",
    when="language models",
    search=(1e-4, 1e-1),
    defaults={"learning_rate": 0.001, "weight_decay": 0.0},
)
