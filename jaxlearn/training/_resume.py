"""Going on with what has been saved."""

import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

from jaxlearn._files import CheckpointError, read_json
from jaxlearn._text import show

from ._keeper import saved_config

FREE = (
    "epochs",
    "patience",
    "device",
    "command",
    "data_dir",
    "version",
)  # another one goes on with the same numbers


def read_config(folder: Path) -> tuple[dict[str, Any], str | None]:
    """The `config.json` of a run; or, if it cannot be read, that in its checkpoints, and what was wrong.

    Raises:
      CheckpointError: it cannot be read, and neither can a checkpoint.
    """
    try:
        return read_json(folder / "config.json"), None
    except CheckpointError as error:
        wrong = str(error)
    if not folder.is_dir():
        raise CheckpointError(f"{folder} is not the folder of a run: {wrong}")
    config = saved_config(folder / "checkpoints")
    if not config:
        raise CheckpointError(wrong)
    return config, wrong


def config_difference(
    saved: dict[str, Any],
    config: dict[str, Any],
    free: Collection[str] = FREE,
    growing: Collection[str] = (),
) -> str | None:
    """The first entry that keeps a run from going on with another configuration, or None.

    Args:
      saved, config: the one that was, and the one that is to go on.
      free: entries that may be others.
      growing: entries of which only what both have must be the same.

    >>> config_difference({"model": "mlp", "epochs": 5}, {"model": "mlp", "epochs": 9})
    >>> config_difference({"sizes": {"hidden": 9}}, {"sizes": {"hidden": 5}})
    'hidden is 9 there, not 5'
    >>> config_difference({"opt": {"sgd": {"lr": 1}}}, {"opt": {"sgd": {"lr": 2}, "lion": {}}}, (), ["opt"])
    'lr of sgd is 1 there, not 2'
    """
    config = json.loads(json.dumps(config))
    for name in [name for name in config if name not in free]:
        there, here = saved.get(name), config[name]
        if name in growing and isinstance(there, dict):
            here = {key: here[key] for key in here if key in there}
            there = {key: there[key] for key in here}
        names = [name]
        while isinstance(there, dict) and isinstance(here, dict) and there != here:
            missing = object()
            key = next(k for k in {**here, **there} if there.get(k, missing) != here.get(k, missing))
            names.append(key)
            there, here = there.get(key, "missing"), here.get(key, "missing")
        if there != here:
            where = " of ".join(reversed(names[1:] or names))
            return f"{show(where)} is {show(there)} there, not {show(here)}"
    return None
