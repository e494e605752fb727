"""What a recipe is."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from jaxlearn.optim import Transform


def show(hyperparameters: Mapping[str, Any]) -> str:
    """Hyperparameters as `--set` takes them: "learning_rate=0.1, nesterov=false"."""
    return ", ".join(f"{name}={value}".lower() for name, value in hyperparameters.items())


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
        parameters = inspect.signature(self.factory).parameters
        defaults = {name: p.default for name, p in parameters.items()}
        return {n: v for n, v in defaults.items() if isinstance(v, int | float | str)} | dict(self.defaults)

    @property
    def facts(self) -> dict[str, str]:
        """What `--list` shows."""
        return {
            "update rule": self.update_rule,
            "memory": f"numbers for each parameter: {self.memory}",
            "hyperparameters": show(self.hyperparameters),
            "search": "learning rates from {:g} to {:g}".format(*self.search),
            "pros": self.pros,
            "cons": self.cons,
            "when": self.when,
        }

    def parse(self, setting: str) -> tuple[str, Any]:
        """Reads "name=value" as a value of the type that the hyperparameter has.

        Raises:
          ValueError: no such hyperparameter, or a value of another type.
        """
        name, equals, text = setting.partition("=")
        if not equals or name not in self.hyperparameters:
            known = ", ".join(self.hyperparameters)
            raise ValueError(f"must be NAME=VALUE with a NAME out of {known}; got {setting!r}")
        kind = type(self.hyperparameters[name])
        if kind is bool:
            if text not in ("true", "false"):
                raise ValueError(f"{name} must be true or false, got {text!r}")
            return name, text == "true"
        try:
            return name, kind(text)
        except ValueError:
            number = "a whole number" if kind is int else "a number"
            raise ValueError(f"{name} must be {number}, got {text!r}") from None
