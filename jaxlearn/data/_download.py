"""Downloading MNIST and its like by pooch: probed first, checked after, never half in the cache."""

import contextlib
import os
import sys
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urljoin

from ._dataset import DataError
from ._idx import NAMES, show_path

PROBE_SECONDS = 3.0
FETCH_SECONDS = 30.0  # for a file, and a second more for each SLOWEST bytes of it
SLOWEST = 20_000
_REDIRECTS = 5
# of each set where its files lie, and of each file, in the order of `NAMES`, its bytes and its SHA-256, as
# tensorflow-datasets registers them; but the files of Fashion-MNIST are at their authors', by https
_SETS = {
    "mnist": (
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
        (
            (9912422, "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"),
            (28881, "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"),
            (1648877, "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"),
            (4542, "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"),
        ),
    ),
    "fashion_mnist": (
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
        (
            (26421880, "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"),
            (29515, "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"),
            (4422102, "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"),
            (5148, "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"),
        ),
    ),
    "kmnist": (
        "http://codh.rois.ac.jp/kmnist/dataset/kmnist/",
        (
            (18165135, "51467d22d8cc72929e2a028a0428f2086b092bb31cfb79c69cc0a90ce135fde4"),
            (29497, "e38f9ebcd0f3ebcdec7fc8eabdcdaef93bb0df8ea12bee65224341c8183d8e17"),
            (3041136, "edd7a857845ad6bb1d0ba43fe7e794d164fe2dce499a1694695a792adfac43c5"),
            (5120, "20bb9a0ef54c7db3efc55a92eef5582c109615df22683c380526788f98e42a1c"),
        ),
    ),
}


class RegisteredFile(NamedTuple):
    """A file as it is known: where it lies, its bytes and its SHA-256."""

    url: str
    size: int
    sha256: str


def registered_files(name: str) -> dict[str, RegisteredFile]:
    """The four files of a set in MNIST's format, by file name."""
    place, files = _SETS[name]
    return {file: RegisteredFile(place + file, *known) for file, known in zip(NAMES, files, strict=True)}


def download(name: str, folder: Path) -> None:
    """Puts the four files of a dataset into a folder; those already there and right are kept.

    The environment variable JAXLEARN_MIRROR names another place to fetch from: the files of
    Fashion-MNIST, for one, at $JAXLEARN_MIRROR/fashion_mnist/. Sizes and SHA-256 are the registered ones,
    wherever the files come from, and what protects them where an address is one of http.

    Raises:
      DataError: no answer within a few seconds, a transfer that breaks off or takes too long, a file that
        is not the registered one, a folder that cannot be written, or no pooch. A file is never there in
        part under its name.
    """
    try:
        import pooch
    except ImportError as error:
        raise DataError(f"a download needs `pip install 'jaxlearn[train]'` ({error})") from None

    files = registered_files(name)
    mirror = os.environ.get("JAXLEARN_MIRROR")
    if mirror:
        if not (mirror.isprintable() and mirror.startswith(("https://", "http://"))):
            raise DataError(f"JAXLEARN_MIRROR must be an address such as https://example.org, got {mirror!r}")
        files = {k: f._replace(url=f"{mirror.rstrip('/')}/{name}/{k}") for k, f in files.items()}
    first = files[NAMES[0]]
    probe(first.url, first.size)
    pooch.get_logger().setLevel("ERROR")
    for file_name, file in files.items():
        place = folder / file_name
        try:
            if place.exists() and not (place.is_file() or place.is_dir()):
                place.unlink()  # a pipe, of which a sum would be waited for
            fetch = partial(_fetch, size=file.size)
            pooch.retrieve(file.url, f"sha256:{file.sha256}", file_name, folder, downloader=fetch)
        except DataError:
            raise
        except OSError as error:
            advice = "set JAXLEARN_CACHE to a folder that can be"
            raise DataError(f"{show_path(place)} cannot be written: {error.strerror}; {advice}") from None
        except ValueError:
            raise DataError(
                f"the download of {file.url} is not the registered file of {file.size} bytes with the "
                f"SHA-256 {file.sha256}"
            ) from None


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
    import requests  # noqa: F401  a thread that is given up would leave it half imported

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


def _fetch(url: str, output_file: str, pooch: Any, *, size: int) -> None:
    """A downloader of pooch, for a file of a known size; it writes nothing before it has all of it."""

    def receive() -> bytes:
        content = bytearray()
        with _open("GET", url, FETCH_SECONDS) as answer:
            for part in answer.raw.stream(2**16, decode_content=False):
                content += part
                if len(content) > size:
                    raise DataError(f"{url} sends more than the registered {size} bytes")
        return bytes(content)

    if sys.stderr.isatty():
        print(f"downloading {url} ({size / 1e6:.1f} MB)", file=sys.stderr)
    try:
        content = _in_time(FETCH_SECONDS + size / SLOWEST, receive)
    except DataError:
        raise
    except Exception as error:
        raise DataError(f"the download of {url} broke off ({one_line(error)})") from None
    Path(output_file).write_bytes(content)
