"""What `--opt NAME` means. To add an optimizer: one file with a recipe, and one line here."""

from . import adam, momentum, rmsprop, sgd
from ._recipe import Recipe, show

__all__ = ["OPTIMIZERS", "Recipe", "show"]

OPTIMIZERS: dict[str, Recipe] = {
    "sgd": sgd.RECIPE,
    "momentum": momentum.RECIPE,
    "rmsprop": rmsprop.RECIPE,
    "adam": adam.RECIPE,
}
