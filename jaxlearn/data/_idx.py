"""MNIST's file format, IDX inside gzip."""

import gzip
import math
import zlib
from pathlib import Path

import numpy as np

from ._dataset import DataError, Split

FILES = {
    "train": ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"),
    "test": ("t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"),
}
NAMES = [name for pair in FILES.values() for name in pair]
_KINDS = {2051: "images", 2049: "labels"}
_LARGEST = 2**31  # bytes; a header that promises more is a lie or a bomb


def read_idx(path: Path, magic: int) -> np.ndarray:
    """Reads one gzipped IDX file of bytes: images if `magic` is 2051, labels if it is 2049.

    Raises:
      DataError: the file is missing, is no gzip file, is damaged or cut short, holds the other
        kind, or does not hold as many bytes as its header says.
    """
    dimensions = magic % 256
    try:
        with gzip.open(path) as file:
            header = file.read(4 + 4 * dimensions)
            found = int.from_bytes(header[:4], "big")
            if len(header) >= 4 and found != magic:
                kind = _KINDS.get(found, "something else")
                hint = "; are two files swapped?" if found in _KINDS else ""
                raise DataError(f"{path} holds {kind} where {_KINDS[magic]} (magic {magic}) must be{hint}")
            if len(header) < 4 + 4 * dimensions:
                raise DataError(f"{path} is cut short: it has no complete header")
            shape = tuple(np.frombuffer(header, ">u4")[1:].tolist())
            size = math.prod(shape)
            if size > _LARGEST:
                raise DataError(f"{path} claims {size} bytes of {_KINDS[magic]}; the most read is {_LARGEST}")
            content = file.read(size + 1)
    except FileNotFoundError:
        raise DataError(f"{path} is missing: a folder with {', '.join(NAMES)} is needed") from None
    except gzip.BadGzipFile as error:
        raise DataError(
            f"{path} is not a whole gzip file ({error}); the original, gzipped file is needed"
        ) from None
    except (EOFError, zlib.error) as error:
        raise DataError(f"{path} is damaged or cut short ({error}); get it again") from None
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from None
    if len(content) != size:
        amount = "more" if len(content) > size else f"only {len(content)}"
        raise DataError(f"{path} must hold {size} bytes after its header, as that says; it holds {amount}")
    return np.frombuffer(content, np.uint8).reshape(shape)


def read_folder(folder: Path) -> tuple[Split, Split]:
    """Reads the four files of MNIST's layout: the training and the test examples.

    Raises:
      DataError: no such folder; a file is missing or broken; two files do not belong together.
    """
    if not folder.is_dir():
        raise DataError(f"{folder} is not a folder: a folder with {', '.join(NAMES)} is needed")
    train, test = (_read_split(folder / images, folder / labels) for images, labels in FILES.values())
    if train.images.shape[1:] != test.images.shape[1:]:
        raise DataError(
            f"{folder} mixes sizes: training images are {train.images.shape[1:3]}, "
            f"test images {test.images.shape[1:3]}"
        )
    return train, test


def _read_split(images_path: Path, labels_path: Path) -> Split:
    images, labels = read_idx(images_path, 2051), read_idx(labels_path, 2049)
    if len(images) != len(labels) or not images.size:
        raise DataError(
            f"{images_path} holds {len(images)} images of {images.shape[1:]} pixels and {labels_path.name} "
            f"{len(labels)} labels; there must be as many, and at least one"
        )
    if labels.max() > 9:
        raise DataError(f"{labels_path} holds the label {labels.max()}; labels must be 0 to 9")
    return Split(images[..., None], labels.astype(np.int32))
