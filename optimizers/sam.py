from jaxlearn import optim

from ._recipe import Recipe


def _sam_sgd(
    learning_rate: float = 0.03, momentum: float = 0.9, rho: float = 0.05, adaptive: bool = False
) -> optim.Transform:
    return optim.sam(optim.sgd(learning_rate, momentum), rho, adaptive)


RECIPE = Recipe(
    factory=_sam_sgd,
    update_rule="w' = w + rho * g(w) / |g(w)|;  v = momentum * v + g(w');  w = w - lr * v",
    memory="1",
    pros="finds flat minima, which generalise better",
    cons="two gradients a step",
    when="final accuracy matters most",
    search=(1e-3, 1.0),
)
