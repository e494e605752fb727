from jaxlearn import optim

from ._recipe import Recipe

RECIPE = Recipe(
    factory=optim.lion,
    update_rule="w = w - lr * (sign(b1 * m + (1 - b1) * g) + weight_decay * w);  m = mean of g",
    memory="1",
    pros="half of adam's memory",
    cons="noise moves as much as signal",
    when="large batches; learning rates a third to a tenth of adamw's",
    search=(1e-5, 1e-2),
    defaults={"learning_rate": 0.0003},
)
