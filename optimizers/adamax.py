from jaxlearn import optim

from ._recipe import Recipe

RECIPE = Recipe(
    factory=optim.adamax,
    update_rule="m = mean of g;  u = max(b2 * u, |g|);  w = w - lr * m^ / u",
    memory="2",
    pros="step sizes bounded by the learning rate",
    cons="one large gradient is long remembered",
    when="gradients are sparse or have outliers",
    search=(1e-4, 1e-1),
)
