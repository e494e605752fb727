from jaxlearn import optim

from ._recipe import Recipe

RECIPE = Recipe(
    factory=optim.prodigy,
    update_rule="adam whose learning rate is lr * d, d an estimate of the distance to the solution",
    memory="4",
    pros="no learning rate to tune",
    cons="twice the memory of adam",
    when="there is no time to tune; leave lr at 1",
    search=(1e-1, 1e1),
)
