"""IDX files: the real ones, and every way in which a file can be wrong."""

import gzip
import os
import resource
import shutil
import socket
import time
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from jaxlearn import data
from jaxlearn.data._idx import NAMES, read_folder, read_idx
from tests.jaxlearn.data.idx_files import FAULTS, IMAGES, LABELS, bomb, header, packed

COUNTS = {
    "mnist": [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949],
    "fashion_mnist": [6000] * 10,
}
TEST_COUNTS = {
    "mnist": [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009],
    "fashion_mnist": [1000] * 10,
}


@pytest.mark.parametrize("name", COUNTS)
def test_the_original_files(name, data_folder):
    dataset = data.load(name, data_folder(name))
    assert dataset.train.images.shape == (60000, 28, 28, 1)
    assert dataset.test.images.shape == (10000, 28, 28, 1)
    assert dataset.train.images.dtype == np.uint8
    assert np.bincount(dataset.train.labels).tolist() == COUNTS[name]
    assert np.bincount(dataset.test.labels).tolist() == TEST_COUNTS[name]
    assert str(data_folder(name)) in dataset.origin


@pytest.mark.parametrize(("asked", "given"), [("mnist", "fashion_mnist"), ("fashion_mnist", "mnist")])
def test_one_set_under_the_name_of_the_other_is_noticed(asked, given, data_folder):
    with pytest.raises(data.DataError, match=f"load '{given}'"):
        data.load(asked, data_folder(given))


def test_small_files_are_read_as_written(tmp_path, write_idx):
    train, test = read_folder(write_idx(tmp_path / "mnist"))
    assert train.images.shape == (20, 28, 28, 1)
    assert test.labels.tolist() == list(range(10))
    assert train.labels.dtype == np.int32


UNPACKED = {
    "as torchvision leaves them": lambda name: f"MNIST/raw/{name.removesuffix('.gz')}",
    "torchvision's folder itself": lambda name: f"raw/{name}",
    "unpacked": lambda name: name.removesuffix(".gz"),
    "with a dot": lambda name: name.replace("-idx", ".idx"),
    "with a dot, unpacked": lambda name: name.replace("-idx", ".idx").removesuffix(".gz"),
    "gzipped without saying so": lambda name: f"{name.removesuffix('.gz')}!",
}


@pytest.mark.parametrize("kind", UNPACKED)
def test_files_under_the_names_that_they_have_elsewhere(kind, tmp_path, write_idx):
    want = read_folder(write_idx(tmp_path / "original"))
    for name in NAMES:
        content = (tmp_path / "original" / name).read_bytes()
        path = tmp_path / "given" / UNPACKED[kind](name).removesuffix("!")
        path.parent.mkdir(parents=True, exist_ok=True)
        packed = path.suffix == ".gz" or UNPACKED[kind](name).endswith("!")
        path.write_bytes(content if packed else gzip.decompress(content))
    dataset = data.load("mnist", tmp_path / "given")
    for ours, theirs in zip((dataset.train, dataset.test), want, strict=True):
        for there, here in zip(ours, theirs, strict=True):
            np.testing.assert_array_equal(there, here)


def test_torchvisions_folder_holds_several_sets(tmp_path, write_idx):
    for folder, sizes in (("MNIST", (20, 10)), ("FashionMNIST", (30, 10)), ("KMNIST", (40, 10))):
        write_idx(tmp_path / folder / "raw", sizes)
    assert len(data.load("mnist", tmp_path).train.labels) == 20
    assert len(data.load("fashion_mnist", tmp_path).train.labels) == 30


def test_a_gzipped_file_with_its_checksum_comes_first(tmp_path, write_idx):
    folder = write_idx(tmp_path)
    (folder / NAMES[0][:-3]).write_bytes(b"other")
    assert len(read_folder(folder)[0].labels) == 20


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (header(2051, 2, 2, 2) + bytes(7), "must hold 8 bytes after its header, .* holds only 7"),
        (header(2051, 2, 2, 2) + bytes(9), "must hold 8 bytes after its header, .* holds more"),
        (header(2051, 2), "has no complete header"),
        (header(2049, 2) + bytes(2), "holds labels where images .* swapped"),
        (header(2051, 2**16, 2**16, 2**16), "the most read is 2147483648"),
        (header(2051, 0, 2, 2), "claims to hold no images"),
        (b"<html>404</html>", "something else"),
        (b"", "is empty"),
    ],
)
def test_a_wrong_unpacked_file_is_named(content, message, tmp_path, write_idx):
    folder = write_idx(tmp_path)
    (folder / NAMES[0]).unlink()
    (folder / NAMES[0][:-3]).write_bytes(content)
    with pytest.raises(data.DataError, match=message) as caught:
        data.load("mnist", folder)
    assert str(caught.value).startswith(f"{folder / NAMES[0][:-3]} ")


@pytest.mark.parametrize("fault", FAULTS)
def test_a_wrong_file_is_named(fault, tmp_path, write_idx):
    folder = write_idx(tmp_path / "mnist")
    name, content, message = FAULTS[fault]
    (folder / name).unlink()
    if content is not None:
        (folder / name).write_bytes(content)
    start = time.monotonic()
    tracemalloc.start()
    try:
        with pytest.raises(data.DataError, match=message) as caught:
            data.load("mnist", folder)
        assert tracemalloc.get_traced_memory()[1] < 2**20  # bytes
    finally:
        tracemalloc.stop()
    assert time.monotonic() - start < 1
    assert str(caught.value).startswith(str(folder))
    assert name in str(caught.value) or fault == "other size"
    assert str(caught.value).isprintable()


def listen(path):
    with socket.socket(socket.AF_UNIX) as end:
        end.bind(str(path))


SPECIAL = {
    "folder": (Path.mkdir, "is not a regular file"),
    "pipe": (os.mkfifo, "is not a regular file"),
    "socket": (listen, "is not a regular file"),
    "device": (lambda path: path.symlink_to("/dev/zero"), "is not a regular file"),
    "memory": (lambda path: path.symlink_to("/proc/self/mem"), "is empty"),
    "way through a file": (lambda path: path.symlink_to(f"{LABELS}/x"), "cannot be read: Not a directory"),
    "link to itself": (lambda path: path.symlink_to(path.name), "cannot be read: Too many levels of symb"),
    "link to nothing": (lambda path: path.symlink_to("nothing"), "is missing"),
}


@pytest.mark.parametrize("kind", SPECIAL)
def test_what_is_no_file_is_not_waited_for(kind, tmp_path, write_idx, monkeypatch):
    monkeypatch.chdir(write_idx(tmp_path / "mnist"))  # the path of a socket must be short
    make, message = SPECIAL[kind]
    Path(IMAGES).unlink()
    make(Path(IMAGES))
    with pytest.raises(data.DataError, match=f"^{IMAGES} {message}"):
        data.load("mnist", ".")


def test_more_than_the_memory_holds(tmp_path):
    path = tmp_path / "labels.gz"
    path.write_bytes(bomb(2049, 2**31, blocks=2200))
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + 2**29, hard))
    try:
        with pytest.raises(data.DataError, match="labels.gz does not fit into memory"):
            read_idx(path, 2049)
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


SMALL = packed(2051, 2, 3, 4, content=bytes(range(24)), name=b"train-images")


def test_a_file_cut_anywhere_is_told(tmp_path, write_idx):
    large, path = (write_idx(tmp_path / "mnist") / IMAGES).read_bytes(), tmp_path / "cut.gz"
    for whole, ends in ((SMALL, range(len(SMALL))), (large, range(1, len(large), 997))):
        for end in ends:
            path.write_bytes(whole[:end])
            with pytest.raises(
                data.DataError, match="cut.gz is (damaged or cut short|not a whole gzip|empty)"
            ):
                read_idx(path, 2051)


def test_a_flipped_bit_anywhere_is_told_or_harmless(tmp_path):
    path = tmp_path / "flipped.gz"
    harmless = []
    for bit in range(8 * len(SMALL)):
        content = bytearray(SMALL)
        content[bit // 8] ^= 1 << bit % 8
        path.write_bytes(content)
        try:
            assert read_idx(path, 2051).tobytes() == bytes(range(24))
        except data.DataError:
            continue
        harmless.append(bit // 8)
    # whether it is text, the time, the level, the system, the name, and the bits that fill the last byte
    allowed = {3, *range(4, 10 + len(b"train-images")), len(SMALL) - 9}
    assert {3, 4, 8, 9, 10} <= set(harmless) <= allowed


@pytest.mark.parametrize(
    "fields", [{"name": b"n" * 4096}, {"extra": b"e" * 65535}, {"name": b"n", "extra": b"e"}]
)
def test_other_fields_of_gzip_are_passed_over(fields, tmp_path):
    path = tmp_path / "named.gz"
    path.write_bytes(packed(2051, 1, 2, 2, content=b"0123", **fields))
    assert read_idx(path, 2051).tobytes() == b"0123"


def test_any_level_and_size_is_read(tmp_path):
    path = tmp_path / "file.gz"
    for shape in ((1, 1, 1), (1, 1, 70_000), (70_000, 1, 1), (3, 300, 300)):
        images = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
        for level in (0, 1, 9):
            path.write_bytes(gzip.compress(header(2051, *shape) + images.tobytes(), level))
            np.testing.assert_array_equal(read_idx(path, 2051), images)
            assert read_idx(path, 2051).dtype == np.uint8


def test_odd_names_of_folders_are_told_in_one_line(tmp_path, write_idx):
    folder = write_idx(tmp_path / os.fsdecode(b"two\nlines \xff\x1b[31m"))
    assert r"two\nlines \udcff\x1b[31m" in data.load("mnist", folder).origin
    for name, match in ((LABELS, "is missing"), (None, "is not a folder")):
        (folder / name).unlink() if name else shutil.rmtree(folder)
        with pytest.raises(data.DataError, match=match) as caught:
            data.load("mnist", folder)
        assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    "folder", ["nowhere", "file", "file/below", "loop", "~no-one/data", "a" * 300, "a\0b"]
)
def test_no_folder(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("file").touch()
    Path("loop").symlink_to("loop")
    with pytest.raises(data.DataError, match="is not a folder: a folder with train-images") as caught:
        data.load("mnist", folder)
    assert str(caught.value).isprintable()
