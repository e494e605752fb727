"""The learning rate is estimated while they train."""

from jaxlearn import optim
from jaxlearn.cli import Recipe

RECIPES = {
    "prodigy": Recipe(
        optim.prodigy,
        update_rule="adam whose learning rate is lr * d, d an estimate of the distance to the solution",
        pros="no learning rate to tune",
        cons="twice the memory of adam",
        when="there is no time to tune; leave lr at 1",
        search=(1e-1, 1e1),
    ),
    "dadapt_adamw": Recipe(
        optim.dadapt_adamw,
        update_rule="adamw whose learning rate is lr * d, d an estimate of the distance to the solution",
        pros="no learning rate to tune",
        cons="can overshoot",
        when="there is no time to tune; leave lr at 1",
        search=(1e-1, 1e1),
    ),
}
