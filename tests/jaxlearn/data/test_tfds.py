"""Sets of tensorflow-datasets from elsewhere: prepared as TFRecord, or registered at an address of http."""

import base64
import hashlib

import numpy as np
import pytest

from jaxlearn import data
from jaxlearn.data import _download
from jaxlearn.data._idx import FILES, NAMES, read_folder
from jaxlearn.data._tfrecord import read_tfrecords
from tests.jaxlearn.data.prepared import picture, write_prepared

tfds = pytest.importorskip("tensorflow_datasets")

# written by tf.io.TFRecordWriter of TensorFlow 2.21
WRITTEN = base64.b64decode(
    "AwAAAAAAAACwmUkOamF44JwbrgAAAAAAAAAAKQOYB9jqgqIoAAAAAAAAAP9wFkoAAQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0e"
    "HyAhIiMkJSYndRGJgw=="
)
RECORDS = [b"jax", b"", bytes(range(40))]


def test_records_that_tensorflow_wrote(tmp_path):
    (tmp_path / "x").write_bytes(WRITTEN)
    assert read_tfrecords(tmp_path / "x") == RECORDS
    (tmp_path / "x").write_bytes(b"")
    assert read_tfrecords(tmp_path / "x") == []


def test_every_flipped_bit_and_every_cut_is_noticed(tmp_path):
    path = tmp_path / "x"
    ends = (0, 19, 35, len(WRITTEN))  # of whole records
    for place in range(8 * len(WRITTEN)):
        content = bytearray(WRITTEN)
        content[place // 8] ^= 1 << place % 8
        path.write_bytes(content)
        with pytest.raises(data.DataError, match="x is damaged or cut short"):
            read_tfrecords(path)
    for end in range(len(WRITTEN)):
        path.write_bytes(WRITTEN[:end])
        if end in ends:
            assert read_tfrecords(path) == RECORDS[: ends.index(end)]
        else:
            with pytest.raises(data.DataError, match="x is damaged or cut short"):
                read_tfrecords(path)


@pytest.fixture
def prepared(tmp_path, monkeypatch):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    return write_prepared(tmp_path)


def test_a_set_that_tensorflow_prepared_is_read_and_stays(prepared):
    before = {path.name: path.read_bytes() for path in prepared.iterdir()}
    dataset = data.load("tfds:mnist")
    assert (dataset.train.labels.tolist(), dataset.test.labels.tolist()) == ([0, 1, 2, 3, 4], [0, 1])
    np.testing.assert_array_equal(dataset.train.images[..., 0], [picture(label) for label in range(5)])
    assert before.items() <= {path.name: path.read_bytes() for path in prepared.iterdir()}.items()


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda path: path.write_bytes(path.read_bytes()[:-1]), "00001-of-00002 is damaged or cut short"),
        (lambda path: path.write_bytes(b""), "must hold 5 examples, as dataset_info.json says; they hold 3"),
        (lambda path: path.unlink(), "00001-of-00002 cannot be read: No such file"),
    ],
)
def test_a_damaged_one_is_named(spoil, message, prepared):
    spoil(prepared / "mnist-train.tfrecord-00001-of-00002")
    with pytest.raises(data.DataError, match=message) as caught:
        data.load("tfds:mnist")
    assert "remove" not in str(caught.value)
    assert "delete" not in str(caught.value)


def test_another_format_is_told_and_kept(prepared):
    path = prepared / "dataset_info.json"
    path.write_text(path.read_text(encoding="utf-8").replace("tfrecord", "riegeli"), encoding="utf-8")
    with pytest.raises(data.DataError, match=r"3\.0\.1 is in the format riegeli, .* another folder"):
        data.load("tfds:mnist")


@pytest.fixture
def http_register(tmp_path, monkeypatch, write_idx, serve, cache):
    """Small files that count as those registered for kmnist, at an address of http; and their folder."""
    folder = write_idx(tmp_path / "server")
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "prepared"))
    monkeypatch.delenv("JAXLEARN_MIRROR")
    monkeypatch.setattr(_download, "PROBE_SECONDS", 20.0)
    builder = tfds.builder_cls("kmnist")
    address = f"{serve(folder)}/"
    about = next(iter(builder.url_infos.values()))
    infos = {
        address + name: type(about)(
            size=len(content), checksum=hashlib.sha256(content).hexdigest(), filename=name
        )
        for name in NAMES
        for content in [(folder / name).read_bytes()]
    }
    monkeypatch.setattr(builder, "url_infos", infos)
    monkeypatch.setattr(builder, "URL", address)
    known = tuple((info.size, info.checksum) for info in infos.values())
    monkeypatch.setitem(_download._SETS, "kmnist", (address, known))
    return folder


def test_a_set_registered_at_http_is_downloaded(http_register):
    dataset = data.load("tfds:kmnist")
    for split, want in zip((dataset.train, dataset.test), read_folder(http_register), strict=True):
        here, there = (sorted(zip(map(bytes, s.images), s.labels, strict=True)) for s in (split, want))
        assert here == there


@pytest.mark.parametrize("name", [pair[0] for pair in FILES.values()])
def test_its_checksum_is_what_protects(name, http_register, cache):
    content = bytearray((http_register / name).read_bytes())
    content[-1] ^= 1
    (http_register / name).write_bytes(content)
    with pytest.raises(data.DataError, match=f"http://127.*{name} is not the registered file"):
        data.load("tfds:kmnist")
    assert not (cache / "kmnist" / name).exists()
