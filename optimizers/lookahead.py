from jaxlearn import optim

from ._recipe import Recipe


def _lookahead_adam(
    learning_rate: float = 1e-3, steps: int = 5, slow_step_size: float = 0.5
) -> optim.Transform:
    return optim.lookahead(optim.adam(learning_rate), steps, slow_step_size)


RECIPE = Recipe(
    factory=_lookahead_adam,
    update_rule="adam on w;  every 5 steps  s = s + 0.5 * (w - s);  w = s",
    memory="3",
    pros="steadier than adam",
    cons="slower at first",
    when="adam's learning rate is hard to choose",
    search=(1e-4, 1e-1),
)
