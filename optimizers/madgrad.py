from jaxlearn import optim

from ._recipe import Recipe

RECIPE = Recipe(
    factory=optim.madgrad,
    update_rule="s, v = sums of g, g^2 that weigh later ones more;  w = mean of w and w0 - s / cbrt(v)",
    memory="3",
    pros="generalises like sgd",
    cons="dislikes weight decay",
    when="sgd does better than adam",
    search=(1e-4, 1e-1),
    defaults={"learning_rate": 0.003},
)
