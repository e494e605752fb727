"""What a recipe is."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from jaxlearn.optim import Transform
from jaxlearn.training import show_settings, text_arguments


@dataclass(frozen=True)
class Recipe:
    """An optimizer as `--opt NAME` runs it, and what there is to know about it.

    Attributes:
      factory: the function of `jaxlearn.optim`; its parameters are the hyperparameters.
      update_rule: in one line.
      memory: numbers kept for each parameter, the parameter itself not counted.
      pros, cons, when: in one line each.
      search: the least and the largest learning rate worth trying.
      defaults: hyperparameters whose default value here is not the factory's.
    """

    factory: Callable[..., Transform]
    update_rule: str
    memory: str
    pros: str
    cons: str
    when: str
    search: tuple[float, float]
    defaults: Mapping[str, Any] = field(default_factory=dict)

    @property
    def hyperparameters(self) -> dict[str, Any]:
        """Every hyperparameter that a line of text can set, and its default value."""
        return text_arguments(self.factory) | dict(self.defaults)

    @property
    def facts(self) -> dict[str, str]:
        """What `--list` shows."""
        return {
            "update rule": self.update_rule,
            "memory": f"numbers for each parameter: {self.memory}",
            "hyperparameters": show_settings(self.hyperparameters),
            "search": "learning rates from {:g} to {:g}".format(*self.search),
            "pros": self.pros,
            "cons": self.cons,
            "when": self.when,
        }
