from jaxlearn import optim

from ._recipe import Recipe

RECIPE = Recipe(
    factory=optim.momentum,
    update_rule="v = momentum * v - lr * g;  w = w + v",
    memory="1",
    pros="converges faster than sgd, rolls through flat places and small bumps",
    cons="one more hyperparameter to tune",
    when="final accuracy matters most and there is time to tune",
    search=(1e-3, 1.0),
    defaults={"learning_rate": 0.03},  # from 0.1 up the convolutional networks diverge
)
