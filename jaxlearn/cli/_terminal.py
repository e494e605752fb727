"""Parts of a command line: one line for whatever is wrong, naming the argument."""

import argparse
import difflib
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NoReturn

from jaxlearn._files import CheckpointError
from jaxlearn.data import DataError

ADVICE = {
    "drop_last=True leaves": "--drop-last leaves",
    "pass it as data_dir": "pass it as --data-dir",
    "load 'digits'": "use --dataset digits",
    "load 'mnist'": "use --dataset mnist",
    "load 'fashion_mnist'": "use --dataset fashion_mnist",
}


class UsageError(Exception):
    """A command line that cannot mean anything."""


class Ended(Exception):  # noqa: N818  nothing need be wrong
    """An end before the end: what to say, and the status of the process."""

    def __init__(self, message: str, status: int):
        super().__init__(message)
        self.status = status


class Parser(argparse.ArgumentParser):
    """An argument parser that raises UsageError instead of ending the process."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(message)


def whole_number(least: int) -> Callable[[str], int]:
    """A type for arguments: whole numbers from `least` to 2^32 - 1.

    >>> whole_number(1)("20")
    20
    """

    def convert(text: str) -> int:
        if not text.isascii() or not text.isdigit() or not least <= int(text) < 2**32:
            raise argparse.ArgumentTypeError(f"must be a whole number from {least} up, got {text!r}")
        return int(text)

    return convert


def checked(read: Callable[[str], Any]) -> Callable[[str], Any]:
    """A type for arguments out of a function that raises ValueError with what is wrong."""

    def convert(text: str) -> Any:
        try:
            return read(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return convert


def tell(prog: str, what: object) -> None:
    """Prints a line of a program to standard error, whatever characters there are in the text."""
    text = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in str(what))
    print(f"{prog}: {text}", file=sys.stderr)


@contextmanager
def usage(argument: str) -> Iterator[None]:
    """Tells which argument a ValueError or TypeError of the library is about."""
    try:
        yield
    except (DataError, CheckpointError):  # about a file
        raise
    except (ValueError, TypeError, OverflowError) as error:
        raise UsageError(f"argument {argument}: {in_flags(str(error))}") from None


def in_flags(text: str) -> str:
    """Advice of the library, which speaks of its arguments, as that of a command line.

    >>> in_flags("the last batch of an epoch holds 1 example; drop_last=True leaves it out")
    'the last batch of an epoch holds 1 example; --drop-last leaves it out'
    """
    for argument, flag in ADVICE.items():
        text = text.replace(argument, flag)
    return text


def pick(argument: str, name: str, known: Mapping[str, Any]) -> Any:
    """`known[name]`, or a UsageError with the names that look like it.

    >>> pick("--opt", "adma", {"sgd": 1, "adam": 2})
    Traceback (most recent call last):
    ...
    jaxlearn.cli._terminal.UsageError: argument --opt: 'adma' is unknown; did you mean adam?
    """
    if name in known:
        return known[name]
    close = difflib.get_close_matches(name, known, n=3)
    hint = f"did you mean {' or '.join(close)}?" if close else f"known are {', '.join(known)}"
    raise UsageError(f"argument {argument}: {name!r} is unknown; {hint}")


def print_table(rows: list[dict[str, str]]) -> None:
    """Prints rows that have the same columns, as wide as they are: nothing is cut."""
    from rich import box
    from rich.console import Console
    from rich.measure import Measurement
    from rich.table import Table

    table = Table(*rows[0], box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for row in rows:
        table.add_row(*row.values())
    console = Console(highlight=False, markup=False)
    needed = Measurement.get(console, console.options.update(width=100_000), table).maximum
    console.width = max(console.width, needed)
    console.print("", table)
