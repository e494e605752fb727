"""Datasets: files in --data-dir, the cache, the network."""

import gzip
import os
from collections.abc import Callable
from contextlib import chdir
from pathlib import Path
from typing import Any

from jaxlearn.data._idx import FILES
from tests.faults.bench import Act, Ended, Place, Spoil
from tests.faults.checkpoints import flip
from tests.faults.fault import Fault
from tests.jaxlearn.data import idx_files, prepared

IMAGES = Path("data") / idx_files.IMAGES
HELP = "use --dataset digits"
PACKED = r"(?<=file of )\d+|(?<=is )\d+(?= bytes long)"  # as zlib packs, in every version otherwise


def write_data(folder: Path) -> None:
    """Four small files that are as they should be."""
    folder.mkdir()
    for (images, labels), size in zip(FILES.values(), (20, 10), strict=True):
        (folder / images).write_bytes(idx_files.packed(2051, size, 28, 28, content=bytes(784 * size)))
        (folder / labels).write_bytes(idx_files.packed(2049, size, content=bytes(size)))


def given(*spoils: Spoil, command: str = "--dataset mnist --data-dir data") -> Act:
    """Spoils four small files and trains on them."""

    def act(place: Place) -> Ended:
        with chdir(place.folder):
            write_data(Path("data"))
            for spoil in spoils:
                spoil()
        return place.main(command, "--out run")

    return act


def holds(name: str, content: bytes | None) -> Spoil:
    path = Path("data") / name
    return path.unlink if content is None else lambda: path.write_bytes(content)


def instead(done: str, says: str, make: Callable[[Path], Any]) -> Fault:
    return Fault(f"images: {done}", given(IMAGES.unlink, lambda: make(IMAGES)), 1, f"{IMAGES} {says}")


def asked(done: str, status: int, says: str, command: str, *spoils: Spoil) -> Fault:
    return Fault(done, given(*spoils, command=command), status, says)


def unpacked(place: Path, size: int | None = None) -> Spoil:
    """Moves the files to another folder, without gzip, and cuts the training images."""

    def spoil() -> None:
        place.mkdir(parents=True)
        for path in sorted(Path("data").glob("*.gz")):
            (place / path.stem).write_bytes(gzip.decompress(path.read_bytes()))
            path.unlink()
        images = place / IMAGES.stem
        images.write_bytes(images.read_bytes()[:size])

    return spoil


def shard(spoil: Callable[[Path], Any]) -> Spoil:
    """Spoils a shard of a set that TensorFlow has prepared."""
    name = "mnist-train.tfrecord-00001-of-00002"
    return lambda: spoil(prepared.write_prepared(Path("prepared")) / name)


FAULTS = [
    *[
        Fault(f"{name.split('-idx')[0]}: {done}", given(holds(name, content)), 1, says, varies=PACKED)
        for done, (name, content, says) in idx_files.FAULTS.items()
    ],
    instead("a folder", "is not a regular file", Path.mkdir),
    instead("a named pipe", "is not a regular file", os.mkfifo),
    instead("a link to `/dev/zero`", "is not a regular file", lambda path: path.symlink_to("/dev/zero")),
    instead("a link to itself", "cannot be read", lambda path: path.symlink_to(path.name)),
    asked(
        "`--data-dir` of a folder that is not there",
        1,
        "nowhere is not a folder",
        "--dataset mnist --data-dir nowhere",
    ),
    asked(
        "unzipped images in torchvision's folder `MNIST/raw`, cut",
        1,
        "data/MNIST/raw/train-images-idx3-ubyte must hold 15680 bytes",
        "--dataset mnist --data-dir data",
        unpacked(Path("data/MNIST/raw"), 9000),
    ),
    asked("`--data-dir` of a file", 1, "is not a folder", f"--dataset mnist --data-dir {IMAGES}"),
    asked(
        "`--data-dir` of an empty folder",
        1,
        "train-images.* is missing",
        "--dataset mnist --data-dir empty",
        Path("empty").mkdir,
    ),
    asked(
        "`--data-dir` for digits",
        2,
        "argument --dataset: digits .* take no data_dir",
        "--dataset digits --data-dir data",
    ),
    asked("no network", 1, f"does not answer .*{HELP}", "--dataset mnist"),
    asked(
        "a name of tensorflow-datasets that leads out of its folder",
        2,
        "argument --dataset: .*tfds:../../x",
        "--dataset tfds:../../x",
    ),
    asked(
        "a name that tensorflow-datasets does not know",
        1,
        "tfds:no_such_set is unknown",
        "--dataset tfds:no_such_set",
    ),
    asked(
        "a set of tensorflow-datasets, no network",
        1,
        "tfds:kmnist is not prepared .* does not answer",
        "--dataset tfds:kmnist",
    ),
    *[
        asked(
            f"a set of tensorflow-datasets prepared as TFRecord: a shard {done}",
            1,
            f"mnist-train.tfrecord-00001-of-00002 {says}",
            "--dataset tfds:mnist",
            shard(spoil),
        )
        for done, says, spoil in (
            ("cut", "is damaged or cut short", lambda path: path.write_bytes(path.read_bytes()[:-9])),
            ("with a bit flipped", "is damaged or cut short", flip),
            ("missing", "cannot be read", Path.unlink),
        )
    ],
    asked(
        "a set of tensorflow-datasets whose `dataset_info.json` is cut",
        1,
        "tfds:mnist cannot be read",
        "--dataset tfds:mnist",
        lambda: Path("prepared/mnist/3.0.1").mkdir(parents=True),
        lambda: Path("prepared/mnist/3.0.1/dataset_info.json").write_text(
            '{"name": "mnist", ', encoding="utf-8"
        ),
    ),
]
