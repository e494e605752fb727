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
    # from 0.1 up the convolutional networks diverge; roots take far longer than gradients
    defaults={"learning_rate": 0.01, "momentum": 0.9, "eps": 0.001, "update_interval": 10, "max_dim": 512},
)
