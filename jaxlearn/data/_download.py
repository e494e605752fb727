"""Downloading MNIST and Fashion-MNIST: probed first, checked after, never half in the cache."""

import contextlib
import hashlib
import os
import secrets
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urljoin

from ._dataset import DataError
from ._idx import NAMES, show

PROBE_SECONDS = 3.0
FETCH_SECONDS = 30.0  # for a file, and a second more for each SLOWEST bytes of it
SLOWEST = 20_000
_REDIRECTS = 5
# registered at an address of http; its authors keep the same files here
_AUTHORS = "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/"


class RegisteredFile(NamedTuple):
    """A file as tensorflow-datasets knows it: where it lies, its bytes and its SHA-256."""

    url: str
    size: int
    sha256: str


def registered_files(name: str) -> dict[str, RegisteredFile]:
    """The four files of a set in MNIST's format, by file name, from tensorflow-datasets' register.

    Raises:
      DataError: tensorflow-datasets is not installed.
    """
    try:
        import tensorflow_datasets as tfds

        infos = tfds.builder_cls(name).url_infos
    except ImportError as error:
        raise DataError(f"a download needs `pip install 'jaxlearn[train]'` ({error})") from None
    files = {}
    for url, info in infos.items():
        if info.filename in NAMES:
            place = _AUTHORS + info.filename if name == "fashion_mnist" else url
            files[info.filename] = RegisteredFile(place, int(info.size), info.checksum)
    return files


def download(name: str, folder: Path) -> None:
    """Puts the four files of a dataset into a folder; those already there and right are kept.

    The environment variable JAXLEARN_MIRROR names another place to fetch from: the files of
    Fashion-MNIST, for one, at $JAXLEARN_MIRROR/fashion_mnist/. Sizes and SHA-256 are those that
    tensorflow-datasets registers, wherever the files come from, and what protects them where an address is
    one of http.

    Raises:
      DataError: no answer within a few seconds, a transfer that breaks off or takes too long, a file that
        is not the registered one, or a folder that cannot be written. A part of a file is never left in
        `folder`.
    """
    files = registered_files(name)
    mirror = os.environ.get("JAXLEARN_MIRROR")
    if mirror:
        if not (mirror.isprintable() and mirror.startswith(("https://", "http://"))):
            raise DataError(f"JAXLEARN_MIRROR must be an address such as https://example.org, got {mirror!r}")
        files = {k: f._replace(url=f"{mirror.rstrip('/')}/{name}/{k}") for k, f in files.items()}
    first = files[NAMES[0]]
    probe(first.url, first.size)
    for file_name, file in files.items():
        if not is_registered(folder / file_name, file):
            _write(folder / file_name, _fetch(file))


def is_registered(path: Path, file: RegisteredFile) -> bool:
    """Whether a path leads to a regular file that can be read and is the registered one."""
    try:
        if path.stat().st_size != file.size:  # which is 0 for a pipe
            return False
        with path.open("rb") as content:
            return hashlib.file_digest(content, "sha256").hexdigest() == file.sha256
    except OSError:
        return False


def probe(url: str, size: int | None = None) -> None:
    """Asks for the head of a file and gives up after `PROBE_SECONDS`, name resolution included.

    Raises:
      DataError: no answer in time, an error status, or another length than `size`.
    """

    def ask() -> str:
        with _open("HEAD", url, PROBE_SECONDS) as answer:
            return str(answer.headers.get("Content-Length", ""))

    try:
        length = _in_time(PROBE_SECONDS, ask)
    except DataError:
        raise
    except Exception as error:
        raise DataError(f"{url} does not answer ({type(error).__name__})") from None
    if size is not None and length.isdecimal() and length != str(size):
        raise DataError(f"{url} is {length} bytes long, the registered file is {size}")


def one_line(error: Exception) -> str:
    """The first line of what an error says, to the end of its sentence, or its name if it says nothing.

    >>> one_line(ValueError("first\\nsecond")), one_line(TimeoutError()), one_line(ValueError("one of:\\n a"))
    ('first', 'TimeoutError', 'one of: a')
    """
    first, *others = (str(error).strip() or type(error).__name__).splitlines()
    while first.endswith((":", ",")) and others:
        first += " " + others.pop(0).strip(" *\t")
    return first


def _in_time(seconds: float, work: Callable[[], Any]) -> Any:
    """What `work` returns or raises, or TimeoutError after some seconds."""
    results: list[Any] = []

    def run() -> None:
        try:
            results.append(work())
        except Exception as error:
            results.append(error)

    # a thread, because a timeout of requests bounds neither the look-up of the host's address nor a
    # transfer that trickles
    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    if not results:
        raise TimeoutError(f"not done after {seconds:.1f} s")
    if isinstance(results[0], Exception):
        raise results[0]
    return results[0]


@contextlib.contextmanager
def _open(method: str, url: str, timeout: float) -> Iterator[Any]:
    """The answer to a request, its content still to come; an https address leads to no other kind."""
    import requests

    # the length and the content are to be those of the file itself
    headers, place = {"Accept-Encoding": "identity"}, url
    with requests.Session() as session:
        # redirects are followed here: requests would go to http, and read the content of each to its end
        session.get_redirect_target = lambda resp: None  # type: ignore[method-assign]
        for _ in range(_REDIRECTS + 1):
            with session.request(method, place, stream=True, timeout=timeout, headers=headers) as answer:
                if not answer.is_redirect:
                    if answer.status_code != 200:
                        raise DataError(f"{url} answers with status {answer.status_code}, 200 is needed")
                    yield answer
                    return
                place = urljoin(place, answer.headers["Location"])
            if url.startswith("https://") and not place.startswith("https://"):
                raise DataError(f"{url} leads to {place!r}, which is not https")
        raise DataError(f"{url} leads from one address to another, more than {_REDIRECTS} times")


def _fetch(file: RegisteredFile) -> bytes:
    """The content of a registered file, kept in memory until it is known to be right."""

    def receive() -> bytes:
        content = bytearray()
        with _open("GET", file.url, FETCH_SECONDS) as answer:
            for part in answer.raw.stream(2**16, decode_content=False):
                content += part
                if len(content) > file.size:
                    raise DataError(f"{file.url} sends more than the registered {file.size} bytes")
        return bytes(content)

    if sys.stderr.isatty():
        print(f"downloading {file.url} ({file.size / 1e6:.1f} MB)", file=sys.stderr)
    try:
        content = _in_time(FETCH_SECONDS + file.size / SLOWEST, receive)
    except DataError:
        raise
    except Exception as error:
        raise DataError(f"the download of {file.url} broke off ({one_line(error)})") from None
    if (found := hashlib.sha256(content).hexdigest()) != file.sha256:
        raise DataError(
            f"the download of {file.url} is not the registered file: {len(content)} of {file.size} bytes, "
            f"SHA-256 {found} instead of {file.sha256}"
        )
    return content


def _write(path: Path, content: bytes) -> None:
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside.write_bytes(content)
        os.replace(beside, path)
    except OSError as error:
        raise DataError(
            f"{show(path)} cannot be written: {error.strerror}; set JAXLEARN_CACHE to a folder that can be"
        ) from None
    finally:
        with contextlib.suppress(OSError):
            beside.unlink()
