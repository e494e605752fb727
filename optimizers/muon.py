from jaxlearn import optim

from ._recipe import Recipe

RECIPE = Recipe(
    factory=optim.muon,
    update_rule="m = mean of g;  w = w - lr * (orthogonal(m) + weight_decay * w) for matrices, else adam",
    memory="1 for a matrix (2 for others)",
    pros="moves a matrix alike in all directions; fast",
    cons="matrix products at every step",
    when="hidden layers of large networks",
    search=(1e-4, 1e-1),
    # PyTorch's 1e-3 and 0.1 are for large models
    defaults={"learning_rate": 0.005, "weight_decay": 0.0},
)
