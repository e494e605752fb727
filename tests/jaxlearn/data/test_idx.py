"""IDX files: the real ones, and every way in which a file can be wrong."""

import contextlib
import gzip

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest

from jaxlearn import data
from jaxlearn.data._idx import NAMES, read_folder, read_idx

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
    with pytest.raises(data.DataError, match=f"use --dataset {given}"):
        data.load(asked, data_folder(given))


def test_small_files_are_read_as_written(tmp_path, write_idx):
    train, test = read_folder(write_idx(tmp_path / "mnist"))
    assert train.images.shape == (20, 28, 28, 1)
    assert test.labels.tolist() == list(range(10))
    assert train.labels.dtype == np.int32


def header(*numbers):
    return np.array(numbers, ">u4").tobytes()


IMAGES, LABELS = NAMES[0], NAMES[1]
FAULTS = {
    "missing": (IMAGES, None, "is missing"),
    "not gzip": (IMAGES, b"<html>404</html>", "is not a whole gzip file"),
    "empty": (IMAGES, b"", "is cut short: it has no complete header"),
    "trailing garbage": (
        IMAGES,
        gzip.compress(header(2051, 1, 1, 1) + b"0") + b"junk",
        "is not a whole gzip",
    ),
    "labels as images": (
        IMAGES,
        gzip.compress(header(2049, 1) + b"0"),
        "holds labels where images .* swapped",
    ),
    "images as labels": (LABELS, gzip.compress(header(2051, 1, 1, 1) + b"0"), "holds images where labels"),
    "other content": (IMAGES, gzip.compress(header(7, 1, 1, 1) + b"0"), "holds something else where images"),
    "short header": (IMAGES, gzip.compress(header(2051, 1)), "no complete header"),
    "too few bytes": (IMAGES, gzip.compress(header(2051, 20, 28, 28) + b"0"), "it holds only 1"),
    "too many bytes": (LABELS, gzip.compress(header(2049, 20) + bytes(21)), "it holds more"),
    "bomb": (IMAGES, gzip.compress(header(2051, *[2**32 - 1] * 3)), "the most read is"),
    "no images": (IMAGES, gzip.compress(header(2051, 0, 28, 28)), "there must be as many, and at least one"),
    "label 10": (LABELS, gzip.compress(header(2049, 20) + bytes([10] * 20)), "holds the label 10"),
    "too few labels": (LABELS, gzip.compress(header(2049, 19) + bytes(19)), "20 images of .* 19 labels"),
    "other size": (IMAGES, gzip.compress(header(2051, 20, 2, 2) + bytes(80)), "mixes sizes"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_wrong_file_is_named(fault, tmp_path, write_idx):
    folder = write_idx(tmp_path / "mnist")
    name, content, message = FAULTS[fault]
    (folder / name).unlink()
    if content is not None:
        (folder / name).write_bytes(content)
    with pytest.raises(data.DataError, match=message) as caught:
        data.load("mnist", folder)
    assert str(folder) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_truncated_file_is_told_wherever_it_ends(tmp_path, write_idx):
    path = write_idx(tmp_path / "mnist") / IMAGES
    whole = path.read_bytes()
    for end in [*range(30), *range(30, len(whole), 997), len(whole) - 1]:
        path.write_bytes(whole[:end])
        with pytest.raises(data.DataError, match="damaged or cut short|no complete header|not a whole gzip"):
            read_idx(path, 2051)


def test_a_flipped_bit_is_noticed(tmp_path, write_idx):
    path = write_idx(tmp_path / "mnist") / IMAGES
    whole = bytearray(path.read_bytes())
    whole[len(whole) // 2] ^= 1
    path.write_bytes(whole)
    with pytest.raises(data.DataError):
        read_idx(path, 2051)


@hypothesis.given(content=st.binary(max_size=64), zipped=st.booleans())
@hypothesis.settings(max_examples=300, suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture])
def test_random_bytes_give_data_or_a_clean_error(content, zipped, tmp_path):
    path = tmp_path / "file.gz"
    path.write_bytes(gzip.compress(content) if zipped else content)
    for magic in (2051, 2049):
        with contextlib.suppress(data.DataError):
            assert read_idx(path, magic).dtype == np.uint8


def test_a_folder_in_the_place_of_a_file(tmp_path, write_idx):
    folder = write_idx(tmp_path / "mnist")
    (folder / IMAGES).unlink()
    (folder / IMAGES).mkdir()
    with pytest.raises(data.DataError, match="cannot be read"):
        data.load("mnist", folder)


def test_no_folder(tmp_path):
    with pytest.raises(data.DataError, match="is not a folder"):
        data.load("mnist", tmp_path / "nowhere")
