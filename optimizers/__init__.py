"""What `--opt NAME` means, by family. A new optimizer: copy `template.py`, and add its recipes here."""

from jaxlearn.cli import Recipe

from . import adam, adaptive, descent, matrix, untuned

__all__ = ["OPTIMIZERS", "Recipe"]

FAMILIES = (descent, adaptive, adam, untuned, matrix)
OPTIMIZERS: dict[str, Recipe] = {
    name: recipe for family in FAMILIES for name, recipe in family.RECIPES.items()
}
