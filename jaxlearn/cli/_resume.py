"""The command line of a run that goes on."""

import shlex
from pathlib import Path

from jaxlearn import training
from jaxlearn._text import show

from ._terminal import UsageError, tell

LONGEST = 10_000  # characters of a command line: to parse one takes the square of its length


def saved_command(folder: Path, prog: str) -> list[str]:
    """The command line of the run or comparison in a folder, without --resume and --out.

    Raises:
      CheckpointError: the folder does not tell.
    """
    config, wrong = training.read_config(folder)
    if wrong:
        tell(prog, f"{wrong}; a checkpoint tells instead")
    try:
        if not isinstance(config["command"], str) or len(config["command"]) > LONGEST:
            raise TypeError
        saved = shlex.split(config["command"])[2:]
        if any(word.startswith(("-h", "--help")) for word in saved):
            raise ValueError
    except (KeyError, ValueError, TypeError):
        raise training.CheckpointError(
            f"{folder / 'config.json'} does not tell the command of a run"
        ) from None
    if config.get("data_dir"):
        saved += ["--data-dir", str(config["data_dir"])]
    return without("--out", without("--resume", saved))


def check_dataset(folder: Path, name: str) -> None:
    """Raises UsageError where a run is to go on with another dataset, before that is loaded."""
    there = training.read_config(folder)[0].get("dataset")
    if name not in ("auto", there):
        different = f"dataset is {show(there)} there, not {name}"
        raise UsageError(f"argument --resume: {folder} cannot go on with this: {different}")


def without(option: str, command: list[str]) -> list[str]:
    """Arguments without an option and its value.

    >>> without("--out", ["--lr", "1", "--out", "x", "--out=y"])
    ['--lr', '1']
    """
    pairs = zip([None, *command], command, strict=False)
    return [
        word for before, word in pairs if option not in (before, word) and not word.startswith(f"{option}=")
    ]
