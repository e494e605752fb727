from jaxlearn import optim

from ._recipe import Recipe

RECIPE = Recipe(
    factory=optim.shampoo,
    update_rule="w = w - lr * L^(-1/4) * g * R^(-1/4), L and R sums of g * g' and g' * g",
    memory="1, and 2 n^2 for each dimension of n",
    pros="knows how parameters go together",
    cons="an eigendecomposition at every update of the roots",
    when="steps are dear and matrices small",
    search=(1e-3, 1e1),
    # roots at every update would take far longer than the gradients
    defaults={"learning_rate": 0.1, "momentum": 0.9, "update_interval": 50, "max_dim": 512},
)
