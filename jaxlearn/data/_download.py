"""Downloading MNIST and Fashion-MNIST: probed first, checked after, never half in the cache."""

import os
import threading
from pathlib import Path
from typing import NamedTuple

from ._dataset import DataError
from ._idx import NAMES

PROBE_SECONDS = 3.0


class RegisteredFile(NamedTuple):
    """A file as tensorflow-datasets knows it: where it lies, its bytes and its SHA-256."""

    url: str
    size: int
    sha256: str


def registered_files(name: str) -> dict[str, RegisteredFile]:
    """The four files of "mnist" or "fashion_mnist", by file name, from tensorflow-datasets' register.

    Raises:
      DataError: tensorflow-datasets is not installed.
    """
    try:
        import tensorflow_datasets as tfds

        infos = tfds.builder_cls(name).url_infos
    except ImportError as error:
        raise DataError(f"a download needs `pip install 'jaxlearn[train]'` ({error})") from None
    return {
        info.filename: RegisteredFile(url, int(info.size), info.checksum)
        for url, info in infos.items()
        if info.filename in NAMES
    }


def download(name: str, folder: Path) -> None:
    """Puts the four files of a dataset into a folder; those already there and right are kept.

    The environment variable JAXLEARN_MIRROR names another place to fetch from: the files of
    Fashion-MNIST, for one, at $JAXLEARN_MIRROR/fashion_mnist/. Sizes and SHA-256 are those that
    tensorflow-datasets registers, wherever the files come from.

    Raises:
      DataError: no answer within a few seconds, a transfer that breaks off, or a file that is not
        the registered one. A broken file is never left in `folder`.
    """
    files = registered_files(name)
    mirror = os.environ.get("JAXLEARN_MIRROR")
    if mirror:
        files = {k: f._replace(url=f"{mirror.rstrip('/')}/{name}/{k}") for k, f in files.items()}
    first = files[NAMES[0]]
    probe(first.url, first.size)
    for file_name, file in files.items():
        _fetch(file, folder, file_name)


def probe(url: str, size: int | None = None) -> None:
    """Asks for the head of a file and gives up after `PROBE_SECONDS`, name resolution included.

    Raises:
      DataError: no answer in time, an error status, or another length than `size`.
    """
    import requests

    answer: list[requests.Response | Exception] = []

    def ask() -> None:
        try:
            answer.append(requests.head(url, timeout=PROBE_SECONDS, allow_redirects=True))
        except requests.RequestException as error:
            answer.append(error)

    # a thread, because a timeout of requests does not bound the look-up of the host's address
    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(PROBE_SECONDS)
    got = answer[0] if answer else TimeoutError()
    if isinstance(got, Exception):
        raise DataError(f"{url} does not answer ({type(got).__name__})")
    if got.status_code != 200:
        raise DataError(f"{url} answers with status {got.status_code}, 200 is needed")
    length = got.headers.get("Content-Length")
    if size is not None and length is not None and int(length) != size:
        raise DataError(f"{url} is {length} bytes long, the registered file is {size}")


def _fetch(file: RegisteredFile, folder: Path, name: str) -> None:
    import logging
    import sys

    import pooch
    import requests

    pooch.get_logger().setLevel(logging.WARNING)
    downloader = pooch.HTTPDownloader(timeout=30, progressbar=sys.stderr.isatty())
    try:
        # pooch writes beside, compares the hash, and only then renames
        pooch.retrieve(file.url, f"sha256:{file.sha256}", name, folder, downloader=downloader)
    except (requests.RequestException, ValueError, OSError) as error:
        reason = "is not the registered file" if isinstance(error, ValueError) else "broke off"
        raise DataError(f"the download of {file.url} {reason} ({str(error).splitlines()[0]})") from None
