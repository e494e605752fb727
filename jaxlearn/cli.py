"""Parts of a command line: one line for whatever is wrong, naming the argument."""

import argparse
import difflib
import importlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Thread
from typing import Any, NoReturn

import jax

from jaxlearn.data import DataError, cache_dir


class UsageError(Exception):
    """A command line that cannot mean anything."""


class Parser(argparse.ArgumentParser):
    """An argument parser that raises UsageError instead of ending the process."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(message)


def whole(least: int) -> Callable[[str], int]:
    """A type for arguments: whole numbers from `least` to 2^32 - 1.

    >>> whole(1)("20")
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


@contextmanager
def usage(argument: str) -> Iterator[None]:
    """Tells which argument a ValueError or TypeError of the library is about."""
    try:
        yield
    except DataError:
        raise
    except (ValueError, TypeError) as error:
        raise UsageError(f"argument {argument}: {error}") from None


def pick(argument: str, name: str, known: dict[str, Any]) -> Any:
    """`known[name]`, or a UsageError with the names that look like it.

    >>> pick("--opt", "adma", {"sgd": 1, "adam": 2})
    Traceback (most recent call last):
    ...
    jaxlearn.cli.UsageError: argument --opt: 'adma' is unknown; did you mean adam?
    """
    if name in known:
        return known[name]
    close = difflib.get_close_matches(name, known, n=3)
    hint = f"did you mean {' or '.join(close)}?" if close else f"known are {', '.join(known)}"
    raise UsageError(f"argument {argument}: {name!r} is unknown; {hint}")


def pick_devices(kind: str) -> list[jax.Device]:
    """The devices of a kind ("auto", "cpu", "gpu", "tpu"); computations go to the first from now on.

    Raises:
      OSError: there is none.
    """
    try:
        devices = jax.devices(None if kind == "auto" else kind)
    except RuntimeError:
        found = ", ".join(sorted({d.platform for d in jax.devices()}))
        raise OSError(f"--device {kind}: there is none here; JAX finds {found}") from None
    jax.config.update("jax_default_device", devices[0])
    return devices


def keep_compiled() -> None:
    """Lets JAX keep what it compiles in the cache folder, unless the environment says where to keep it."""
    if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
        jax.config.update("jax_compilation_cache_dir", str(cache_dir() / "compiled"))
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)


def use_every_core() -> None:
    """Gives JAX one CPU device for each core, if it has not started yet."""
    with suppress(RuntimeError):
        jax.config.update("jax_num_cpu_devices", len(os.sched_getaffinity(0)))


def import_meanwhile(*modules: str) -> None:
    """Imports what the end needs while the devices compute; what is missing is told when it is used."""

    def load() -> None:
        with suppress(ImportError):
            for module in modules:
                importlib.import_module(module)

    Thread(target=load).start()


def print_table(rows: list[dict[str, str]]) -> None:
    """Prints rows that have the same columns."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(*rows[0], box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for row in rows:
        table.add_row(*row.values())
    Console(highlight=False, markup=False).print("", table)
