"""The process: devices, signals, the cache of compiled programs."""

import importlib
import io
import os
import signal
import socket
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Thread
from types import FrameType
from typing import Any, NoReturn

import jax

from jaxlearn._system import cores
from jaxlearn.data import cache_dir

from ._terminal import usage

STOPS = (signal.SIGINT, signal.SIGTERM)


def leave(status: int) -> NoReturn:
    """Ends the process with a status that is decided. After an error it does not wait for threads."""
    for number in STOPS:
        signal.signal(number, signal.SIG_IGN)
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if status:
        sys.stderr.flush()
        os._exit(status)
    sys.exit(0)


def open_streams() -> None:
    """Standard output and error, where the process was started without, and in any encoding.

    What characters an encoding does not have are escaped, such as in \\u8f38. What stands in the place of a
    stream, as in a notebook, stays as it is.
    """
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            stream = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115  for as long as the process lives
            setattr(sys, name, stream)
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


class End:
    """A handler of signals that ends the process with a line, wherever it is: what is on disk is whole."""

    def __init__(self, prog: str, message: str):
        self.prog, self.message = prog, message

    def __call__(self, number: int, frame: FrameType | None) -> NoReturn:
        with suppress(OSError, RuntimeError):  # in the middle of a write
            sys.stdout.flush()
        cursor = "\x1b[?25h" if sys.stdout.isatty() else ""  # which a progress bar hides
        line = f"{cursor}{self.prog}: {self.message}\n"
        os.write(2, line.encode(sys.stderr.encoding, errors="backslashreplace"))
        os._exit(128 + number)


def listen_for_signals(prog: str) -> None:
    """Makes Ctrl-C and SIGTERM end the process with a line, and a second one at once, whatever it is doing.

    Python looks at signals between its own instructions, and compiled code can take minutes: so the second
    one is read by a thread.
    """

    def watch() -> None:
        asked = 0
        while True:
            number = reading.recv(1)[0]
            if number in STOPS:
                if asked:
                    os._exit(128 + number)
                asked = number

    reading, writing = socket.socketpair()  # where Windows takes no pipe
    writing.setblocking(False)
    signal.set_wakeup_fd(writing.detach())
    for number in STOPS:
        signal.signal(number, End(prog, "interrupted"))
    Thread(target=watch, daemon=True).start()


@contextmanager
def last_words(message: str) -> Iterator[None]:
    """What the process says when a signal ends it, if it listens for signals."""
    before = {number: signal.getsignal(number) for number in STOPS}
    ours = {number: handler for number, handler in before.items() if isinstance(handler, End)}
    for number, handler in ours.items():
        signal.signal(number, End(handler.prog, message))
    try:
        yield
    finally:
        for number in ours:
            signal.signal(number, before[number])


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


def pick_precision(precision: str | None) -> None:
    """Sets the precision of matrix products and convolutions from now on; None leaves it as JAX has it."""
    if precision is not None:
        with usage("--precision"):
            jax.config.update("jax_default_matmul_precision", precision)


def matmul_precision() -> str:
    """The precision of matrix products and convolutions that counts now, by JAX's name for it."""
    config: Any = jax.config  # its options are attributes to the type checker on new versions alone
    return config.jax_default_matmul_precision or "default"


def keep_compiled() -> None:
    """Lets JAX keep what it compiles in the cache folder, unless the environment says where to keep it.

    JAX would warn of a file that it cannot write or that a killed process has left half written, and would
    leave it as it is for ever: here the folder is emptied then.
    """
    if "JAX_COMPILATION_CACHE_DIR" in os.environ:
        return
    folder = cache_dir() / "compiled"
    jax.config.update("jax_compilation_cache_dir", str(folder))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
    show_warning = warnings.showwarning

    def show(message: Warning | str, *where: Any) -> None:
        if "persistent compilation cache entry" not in str(message):
            show_warning(message, *where)
        elif folder.is_dir():
            for path in folder.iterdir():
                path.unlink(missing_ok=True)

    warnings.showwarning = show  # type: ignore[assignment]


def use_every_core() -> None:
    """Gives JAX one CPU device for each core, if it has not started yet."""
    with suppress(RuntimeError):
        jax.config.update("jax_num_cpu_devices", cores())


def import_meanwhile(*modules: str) -> None:
    """Imports what the end needs while the devices compute; what is missing is told when it is used."""

    def load() -> None:
        with suppress(ImportError):
            for module in modules:
                importlib.import_module(module)

    Thread(target=load).start()
