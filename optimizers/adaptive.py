"""A step size for each parameter out of the sizes of its gradients."""

from jaxlearn import optim
from jaxlearn.cli import Recipe

RECIPES = {
    "rmsprop": Recipe(
        optim.rmsprop,
        update_rule="v = decay * v + (1 - decay) * g^2;  w = w - lr * g / (sqrt(v) + eps)",
        pros="a step size for each parameter",
        cons="can be unstable",
        when="gradients change their size over time",
        search=(1e-4, 1e-1),
        defaults={"learning_rate": 1e-3},
    ),
    "adagrad": Recipe(
        optim.adagrad,
        update_rule="s = s + g^2;  w = w - lr * g / (sqrt(s) + eps)",
        pros="no decay rates to tune",
        cons="steps only ever get smaller",
        when="sparse gradients, convex problems",
        search=(1e-3, 1.0),
    ),
    "adadelta": Recipe(
        optim.adadelta,
        update_rule="v, d = means of g^2, u^2;  u = sqrt((d + eps) / (v + eps)) * g;  w = w - lr * u",
        pros="nearly no learning rate to tune",
        cons="slow at the start",
        when="as a baseline without tuning",
        search=(1e-1, 1e1),
    ),
    "adafactor": Recipe(
        optim.adafactor,
        update_rule="v = rows x columns of g^2;  w = w - min(lr, 1 / sqrt(t)) * rms(w) * clip(g / sqrt(v))",
        pros="the least memory of the adaptive methods; steps relative to the parameters",
        cons="no momentum",
        when="memory is short",
        search=(1e-3, 1e-1),
    ),
}
