"""Datasets by name."""

import os
from pathlib import Path

import numpy as np

from jaxlearn._split import Split

from ._dataset import DataError, Dataset
from ._digits import read_digits
from ._download import download
from ._idx import NAMES, read_folder, show_path
from ._tfds import read_tfds

TITLES = {"mnist": "MNIST", "fashion_mnist": "Fashion-MNIST"}
# the two share file names and sizes, but not how often each class occurs
_MNIST_COUNTS = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
_EVEN_COUNTS = [6000] * 10


def cache_dir() -> Path:
    """Where downloads are kept: $JAXLEARN_CACHE, or jaxlearn in the user's cache folder."""
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return Path(os.environ.get("JAXLEARN_CACHE") or Path(base) / "jaxlearn")


def load(name: str = "auto", data_dir: str | Path | None = None) -> Dataset:
    """Loads a dataset into memory.

    Args:
      name: "mnist" or "fashion_mnist", from `data_dir`, else the cache, else a download; "digits",
        1,797 small digits that come with scikit-learn; "tfds:NAME", an image set of
        tensorflow-datasets; or "auto", MNIST where it can be had and otherwise digits.
      data_dir: a folder with the four original files, gzipped or not, or torchvision's folder, whose files
        are in MNIST/raw or FashionMNIST/raw. For "tfds:NAME", a folder with the files that the set would
        download.

    Returns:
      The dataset; its `origin` says in words what was taken and why.

    Raises:
      ValueError: an unknown name.
      DataError: a missing or broken file, or a download that fails.

    >>> dataset = load("digits")
    >>> dataset.train.images.shape, dataset.test.images.shape, dataset.classes
    ((1437, 28, 28, 1), (360, 28, 28, 1), 10)
    """
    folder = None if data_dir is None else Path(os.path.expanduser(data_dir))
    if name == "auto":
        return _auto(folder)
    if name == "digits":
        if folder is not None:
            raise ValueError(f"digits come with scikit-learn and take no data_dir, got {show_path(folder)}")
        return Dataset(name, *read_digits(), 10, "digits (1,797 images, bundled with scikit-learn)")
    if name.startswith("tfds:"):
        train, test, classes = read_tfds(name.removeprefix("tfds:"), folder, cache_dir())
        return Dataset(name, train, test, classes, f"{name} (by tensorflow-datasets)")
    if name not in TITLES:
        raise ValueError(
            f"dataset {name!r} is unknown; known are auto, {', '.join(TITLES)}, digits, tfds:NAME"
        )
    try:
        return _mnist_like(name, folder)
    except DataError as error:
        if folder is not None:
            raise
        advice = f"put {', '.join(NAMES)} into a folder and pass it as data_dir"
        raise DataError(f"{error}; {advice}, or load 'digits'") from None


def _auto(folder: Path | None) -> Dataset:
    try:
        mnist = _mnist_like("mnist", folder)
        return mnist._replace(origin=f"{mnist.origin}; auto takes it where it can be had")
    except DataError as error:
        if folder is not None:  # asked for by name: its faults are not to be hidden
            raise
        digits = load("digits")
        return digits._replace(origin=f"{digits.origin}, because MNIST cannot be had: {error}")


def _mnist_like(name: str, folder: Path | None) -> Dataset:
    cached = cache_dir() / name
    if folder is not None:
        train, test = read_folder(folder, name)
        origin = f"from {show_path(folder)}"
    else:
        train, test, origin = _from_cache(name, cached)
    _check_counts(name, train, folder or cached)
    sizes = f"{len(train.labels):,} + {len(test.labels):,} images"
    return Dataset(name, train, test, 10, f"{TITLES[name]} ({sizes}, {origin})")


def _from_cache(name: str, cached: Path) -> tuple[Split, Split, str]:
    try:
        return *read_folder(cached), f"from the cache, {show_path(cached)}"
    except DataError as error:
        broken = f"{error}, and " if cached.is_dir() else ""
    try:
        download(name, cached)
    except DataError as error:
        raise DataError(f"{broken}{error}") from None
    return *read_folder(cached), f"downloaded to {show_path(cached)}"


def _check_counts(name: str, train: Split, folder: Path) -> None:
    counts = np.bincount(train.labels, minlength=10).tolist()
    if name == "fashion_mnist" and counts == _MNIST_COUNTS:
        raise DataError(
            f"{show_path(folder)} holds MNIST, not Fashion-MNIST (they share file names); load 'mnist'"
        )
    if name == "mnist" and counts == _EVEN_COUNTS:
        raise DataError(
            f"{show_path(folder)} does not hold MNIST: it has 6,000 images of each class, as Fashion-MNIST "
            "has (they share file names); load 'fashion_mnist'"
        )
