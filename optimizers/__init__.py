"""What `--opt NAME` means, by family. A new optimizer: copy `template.py`, and add its recipes here."""

from jaxlearn.cli import Recipe

from . import adam, adaptive, descent, matrix, untuned

__all__ = ["OPTIMIZERS", "Recipe"]

FAMILIES = (descent, adaptive, adam, untuned, matrix)
FIRST = ("sgd", "momentum", "rmsprop", "adam")  # those of the documents
RECIPES = {name: recipe for family in FAMILIES for name, recipe in family.RECIPES.items()}
OPTIMIZERS: dict[str, Recipe] = {name: RECIPES[name] for name in dict.fromkeys([*FIRST, *RECIPES])}
