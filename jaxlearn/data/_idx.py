"""MNIST's file format, IDX, inside gzip or unpacked."""

import math
import os
import stat
import zlib
from pathlib import Path
from typing import BinaryIO

import numpy as np

from jaxlearn._split import Split

from ._dataset import DataError

FILES = {
    "train": ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"),
    "test": ("t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"),
}
_TORCHVISION = {"mnist": "MNIST", "fashion_mnist": "FashionMNIST"}  # its folder for each set
NAMES = [name for pair in FILES.values() for name in pair]
_KINDS = {2051: "images", 2049: "labels"}
_LARGEST = 2**31  # bytes; a header that promises more is a lie or a bomb
_RATIO = 1032  # bytes that deflate can make of one, at most
_GZIP = b"\x1f\x8b"  # how such a file begins
_CHUNK = 2**17  # bytes of the file read at a time; its header must come in the first


def show_path(path: Path) -> str:
    """A path for a message: in one line, and in characters that any terminal takes.

    >>> show_path(Path("data/mnist")), show_path(Path("two\\nlines"))
    ('data/mnist', "'two\\\\nlines'")
    """
    text = str(path)
    return text if text.isprintable() else ascii(text)


def read_idx(path: Path, magic: int) -> np.ndarray:
    """Reads one IDX file of bytes: images if `magic` is 2051, labels if it is 2049.

    A file whose name does not end in .gz may be unpacked: it has no checksum, but its length must be right.
    Memory and time are bounded by the size that the header claims, and that by the size of the file.

    Returns:
      uint8 of shape (examples, height, width), or (examples,) for labels.

    Raises:
      DataError: the file is missing, is no regular file or no single gzip stream, is damaged or cut short,
        holds the other kind, or does not hold as many bytes as its header says.
    """
    try:
        return _read(path, magic)
    except DataError as error:
        reason = str(error)
    except FileNotFoundError:
        reason = f"is missing: a folder with {', '.join(NAMES)} is needed"
    except zlib.error as error:
        reason = f"is damaged or cut short ({error}); get it again"
    except OSError as error:
        reason = f"cannot be read: {error.strerror}"
    except MemoryError:
        reason = "does not fit into memory"
    raise DataError(f"{show_path(path)} {reason}")


def _read(path: Path, magic: int) -> np.ndarray:
    status = path.stat()  # before it is opened: opening a pipe would wait for its other end
    if not stat.S_ISREG(status.st_mode):
        raise DataError("is not a regular file; the original, gzipped file is needed")
    if not status.st_size:  # or a file of the system's, which may have content, and no end
        raise DataError("is empty; get it again")
    with path.open("rb") as file:
        packed = file.read(_CHUNK)
        if path.suffix != ".gz" and packed[:2] != _GZIP:
            return _read_unpacked(file, packed, magic, status.st_size)
        _check_gzip(packed, path.stem)
        stream = zlib.decompressobj(wbits=31)  # gzip, with its checksum and length
        shape = _read_header(stream.decompress(packed, 4 + 4 * (magic % 256)), magic)
        size = math.prod(shape)
        _check_claim(size, status.st_size, _KINDS[magic])
        content, filled = np.empty(size + 1, np.uint8), 0  # one more than there may be, to notice it
        while filled <= size and not stream.eof and (packed := stream.unconsumed_tail or file.read(_CHUNK)):
            part = stream.decompress(packed, size + 1 - filled)
            content[filled : filled + len(part)] = np.frombuffer(part, np.uint8)
            filled += len(part)
        rest = stream.unused_data or file.read(1)
    if filled <= size and not stream.eof:
        raise DataError("is damaged or cut short (its gzip stream does not end); get it again")
    if filled != size:
        amount = "more" if filled > size else f"only {filled}"
        raise DataError(f"must hold {size} bytes after its header, as that says; it holds {amount}")
    if rest:
        raise DataError("must end where its gzip stream ends; more bytes follow; get it again")
    return content[:size].reshape(shape)


def _read_unpacked(file: BinaryIO, start: bytes, magic: int, total: int) -> np.ndarray:
    shape = _read_header(start[: 4 + 4 * (magic % 256)], magic)
    size, held = math.prod(shape), total - 4 * (1 + len(shape))
    _check_size(size, _KINDS[magic])
    if held != size:
        amount = "more" if held > size else f"only {held}"
        raise DataError(f"must hold {size} bytes after its header, as that says; it holds {amount}")
    file.seek(-size, os.SEEK_END)
    return np.frombuffer(file.read(size), np.uint8).reshape(shape)


def _check_gzip(start: bytes, unpacked: str) -> None:
    if int.from_bytes(start[:4], "big") in _KINDS:
        raise DataError(f"is not gzipped; rename it to {unpacked}")
    if start[:2] != _GZIP:
        raise DataError("is not a whole gzip file; the original, gzipped file is needed")


def _read_header(header: bytes, magic: int) -> tuple[int, ...]:
    found = int.from_bytes(header[:4], "big")
    if len(header) >= 4 and found != magic:
        kind = _KINDS.get(found, f"something else (magic {found})")
        hint = "; are two files swapped?" if found in _KINDS else ""
        raise DataError(f"holds {kind} where {_KINDS[magic]} (magic {magic}) must be{hint}")
    if len(header) < 4 + 4 * (magic % 256):
        raise DataError("is damaged or cut short: it has no complete header; get it again")
    return tuple(np.frombuffer(header, ">u4")[1:].tolist())


def _check_size(size: int, kind: str) -> None:
    if not size:
        raise DataError(f"claims to hold no {kind}; at least one is needed")
    if size > _LARGEST:
        raise DataError(f"claims {size} bytes of {kind}; the most read is {_LARGEST}")


def _check_claim(size: int, packed: int, kind: str) -> None:
    _check_size(size, kind)
    if size > _RATIO * packed:
        claim = f"it claims {size} bytes of {kind}, more than a gzip file of {packed} bytes can hold"
        raise DataError(f"is damaged or cut short: {claim}; get it again")
    if packed > 2 * size + _CHUNK:
        raise DataError(f"is {packed} bytes long, far more than the {size} bytes of {kind} that it claims")


def read_folder(folder: Path, name: str = "mnist") -> tuple[Split, Split]:
    """Reads the four files of MNIST's layout: the training and the test examples.

    They may be unpacked, and called train-images.idx3-ubyte as well. Where none is in `folder`, torchvision's
    folder for the set in it will do, such as MNIST/raw.

    Raises:
      DataError: no such folder; a file is missing or broken; two files do not belong together.
    """
    if not os.path.isdir(folder):
        raise DataError(f"{show_path(folder)} is not a folder: a folder with {', '.join(NAMES)} is needed")
    for place in (folder, folder / "raw", folder / _TORCHVISION[name] / "raw"):
        if any(os.path.lexists(_find(place, file)) for file in NAMES):
            folder = place
            break
    train, test = (_read_split(*(_find(folder, file) for file in pair)) for pair in FILES.values())
    if train.images.shape[1:] != test.images.shape[1:]:
        raise DataError(
            f"{show_path(folder)} mixes sizes: training images are {train.images.shape[1:3]}, "
            f"test images {test.images.shape[1:3]}; they must be the same"
        )
    return train, test


def _find(folder: Path, name: str) -> Path:
    """The file in a folder that has this name, or one that it goes by elsewhere; gzipped ones first."""
    dotted = name.replace("-idx", ".idx")
    names = [name, dotted, name.removesuffix(".gz"), dotted.removesuffix(".gz")]
    there = [folder / other for other in names if os.path.lexists(folder / other)]
    return there[0] if there else folder / name


def _read_split(images_path: Path, labels_path: Path) -> Split:
    images, labels = read_idx(images_path, 2051), read_idx(labels_path, 2049)
    if len(images) != len(labels):
        raise DataError(
            f"{show_path(images_path)} holds {len(images)} images of {images.shape[1:]} pixels and "
            f"{labels_path.name} {len(labels)} labels; there must be as many"
        )
    check_labels(labels, 10, show_path(labels_path))
    return Split(images[..., None], labels.astype(np.int32))


def check_labels(labels: np.ndarray, classes: int, source: str) -> None:
    """Raises DataError if one of the `labels` is not from 0 to `classes` - 1.

    >>> check_labels(np.array([3, 10]), 10, "labels.gz")
    Traceback (most recent call last):
    ...
    jaxlearn.data._dataset.DataError: labels.gz holds the label 10 at index 1; labels must be 0 to 9
    """
    wrong = np.flatnonzero((labels < 0) | (labels >= classes))
    if wrong.size:
        first = wrong[0]
        raise DataError(
            f"{source} holds the label {labels[first]} at index {first}; labels must be 0 to {classes - 1}"
        )
