from jaxlearn import optim

from ._recipe import Recipe

RECIPE = Recipe(
    factory=optim.lars,
    update_rule="v = momentum * v + lr * c * |w| / |g| * g, leaf by leaf;  w = w - v",
    memory="1",
    pros="one learning rate for batches of any size",
    cons="a layer that starts at 0 stays small",
    when="momentum with batches of thousands",
    search=(1e-1, 1e2),
    # times the trust coefficient 0.001
    defaults={"learning_rate": 5.0},
)
