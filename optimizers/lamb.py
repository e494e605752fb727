from jaxlearn import optim

from ._recipe import Recipe

RECIPE = Recipe(
    factory=optim.lamb,
    update_rule="r = m^ / (sqrt(v^) + eps) + weight_decay * w;  w = w - lr * |w| / |r| * r, leaf by leaf",
    memory="2",
    pros="one learning rate for batches of any size",
    cons="a layer that starts at 0 stays small",
    when="adam with batches of thousands",
    search=(1e-3, 1e-1),
    defaults={"learning_rate": 0.01},
)
