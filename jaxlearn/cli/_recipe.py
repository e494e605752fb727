"""What the name of an optimizer means on a command line."""

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from jaxlearn._text import show_settings
from jaxlearn.optim import Transform

from ._settings import text_arguments


@dataclass(frozen=True)
class Recipe:
    """An optimizer as `--opt NAME` runs it, and what reports say of it.

    Attributes:
      factory: `factory(**hyperparameters)` is the optimizer. Its parameters that have a number, a text or a
        truth value as default are what `--set` can change; `learning_rate` must be one of them.
      search: the least and the largest learning rate worth trying.
      defaults: hyperparameters whose default value here is not the factory's.
      update_rule, pros, cons, when: in one line each.

    >>> from jaxlearn import optim
    >>> recipe = Recipe(optim.lion, search=(1e-5, 1e-2), defaults={"learning_rate": 3e-4})
    >>> recipe.hyperparameters
    {'learning_rate': 0.0003, 'b1': 0.9, 'b2': 0.99, 'weight_decay': 0.0}
    >>> recipe.memory
    'one number for each parameter'
    """

    factory: Callable[..., Transform]
    search: tuple[float, float]
    defaults: Mapping[str, Any] = field(default_factory=dict)
    update_rule: str = ""
    pros: str = ""
    cons: str = ""
    when: str = ""

    @property
    def hyperparameters(self) -> dict[str, Any]:
        """Every hyperparameter that a line of text can set, and its default value."""
        return text_arguments(self.factory) | dict(self.defaults)

    @property
    def memory(self) -> str:
        """What the state holds, as the factory's docstring says behind "Memory:"; else nothing."""
        told = re.search(r"Memory: (.*?)\.?\s*(?:\n\n|$)", inspect.getdoc(self.factory) or "", re.DOTALL)
        return " ".join(told[1].split()) if told else ""

    @property
    def facts(self) -> dict[str, str]:
        """What `--list` and reports show; what is not known is left out."""
        facts = {
            "update rule": self.update_rule,
            "memory": self.memory,
            "hyperparameters": show_settings(self.hyperparameters),
            "search": "learning rates from {:g} to {:g}".format(*self.search),
            "pros": self.pros,
            "cons": self.cons,
            "when": self.when,
        }
        return {name: fact for name, fact in facts.items() if fact}
