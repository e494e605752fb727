"""Steps that know how parameters go together."""

from jaxlearn import optim
from jaxlearn.cli import Recipe

RECIPES = {
    "muon": Recipe(
        optim.muon,
        update_rule="m = mean of g;  w = w - lr * (orthogonal(m) + weight_decay * w) for matrices, else adam",
        pros="moves a matrix alike in all directions; fast",
        cons="matrix products at every step",
        when="hidden layers of large networks",
        search=(1e-4, 1e-1),
        # PyTorch's 1e-3 and 0.1 are for large models
        defaults={"learning_rate": 0.005, "weight_decay": 0.0},
    ),
    "shampoo": Recipe(
        optim.shampoo,
        update_rule="w = w - lr * L^(-1/4) * g * R^(-1/4), L and R sums of g * g' and g' * g",
        pros="knows how parameters go together",
        cons="an eigendecomposition at every update of the roots",
        when="steps are dear and matrices small",
        search=(1e-3, 1e1),
        # from 0.1 up the convolutional networks diverge; roots take far longer than gradients
        defaults={
            "learning_rate": 0.01,
            "momentum": 0.9,
            "eps": 0.001,
            "update_interval": 10,
            "max_dim": 512,
        },
    ),
    "soap": Recipe(
        optim.soap,
        update_rule="adam in the eigenbasis of L and R, means of g * g' and g' * g",
        pros="fewer steps than adam",
        cons="a QR decomposition at every tenth",
        when="steps are dear and matrices small",
        search=(1e-4, 1e-1),
        # a longer dimension would take far longer than the gradients
        defaults={"max_precond_dim": 512},
    ),
    "sophia": Recipe(
        optim.sophia,
        update_rule="m, h = means of g, the Hessian's diagonal;  w = w - lr * (clip(m / h) + decay * w)",
        pros="knows curvature",
        cons="every tenth step costs three gradients",
        when="language models",
        search=(1e-4, 1e-1),
        defaults={"learning_rate": 0.001, "weight_decay": 0.0},
    ),
}
