from jaxlearn import optim

from ._recipe import Recipe

RECIPE = Recipe(
    factory=optim.ademamix,
    update_rule="m1, m2 = fast and slow means of g;  w = w - lr * (m1^ + alpha * m2) / (sqrt(v^) + eps)",
    memory="3",
    pros="uses gradients of ten thousand steps ago",
    cons="of little use in short runs",
    when="training for very long",
    search=(1e-4, 1e-1),
)
