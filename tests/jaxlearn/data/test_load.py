"""Where data come from: files, the cache, a download, scikit-learn, tensorflow-datasets."""

import hashlib
import http.server
import shutil
import time

import numpy as np
import pytest

from jaxlearn import data
from jaxlearn.data import _download
from jaxlearn.data._idx import NAMES, read_folder

# sizes and SHA-256 as published with the files
PUBLISHED = {
    "mnist": {
        "train-images-idx3-ubyte.gz": (
            9912422,
            "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        ),
        "train-labels-idx1-ubyte.gz": (
            28881,
            "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        ),
        "t10k-images-idx3-ubyte.gz": (
            1648877,
            "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        ),
        "t10k-labels-idx1-ubyte.gz": (
            4542,
            "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
        ),
    },
    "fashion_mnist": {
        "train-images-idx3-ubyte.gz": (
            26421880,
            "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
        ),
        "train-labels-idx1-ubyte.gz": (
            29515,
            "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
        ),
        "t10k-images-idx3-ubyte.gz": (
            4422102,
            "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
        ),
        "t10k-labels-idx1-ubyte.gz": (
            5148,
            "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
        ),
    },
}  # fmt: skip


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_register_is_the_published_one(name):
    files = _download.registered_files(name)
    assert {k: (f.size, f.sha256) for k, f in files.items()} == PUBLISHED[name]
    assert all(f.url.endswith(k) for k, f in files.items())


@pytest.fixture
def small_register(tmp_path, monkeypatch, write_idx, serve, cache):
    """Small files that count as the registered ones, and the folder that a mirror serves them from."""
    folder = write_idx(tmp_path / "mirror" / "mnist")
    files = {
        name: _download.RegisteredFile(
            "http://127.0.0.1:9/", path.stat().st_size, hashlib.sha256(path.read_bytes()).hexdigest()
        )
        for name in NAMES
        for path in [folder / name]
    }
    monkeypatch.setattr(_download, "registered_files", lambda name: files)
    monkeypatch.setenv("JAXLEARN_MIRROR", serve(tmp_path / "mirror"))
    return folder


def test_a_download_fills_the_cache_and_the_cache_is_used(small_register, cache, monkeypatch):
    first = data.load("mnist")
    assert "downloaded" in first.origin
    monkeypatch.setenv("JAXLEARN_MIRROR", "http://127.0.0.1:9")
    second = data.load("mnist")
    assert "from the cache" in second.origin
    np.testing.assert_array_equal(first.train.images, second.train.images)
    assert sorted(p.name for p in (cache / "mnist").iterdir()) == sorted(NAMES)


def test_auto_downloads_mnist(small_register):
    assert data.load().name == "mnist"


def test_a_damaged_cache_is_mended(small_register, cache):
    data.load("mnist")
    path = cache / "mnist" / NAMES[0]
    path.write_bytes(path.read_bytes()[:-10])
    assert "downloaded" in data.load("mnist").origin
    assert path.read_bytes() == (small_register / NAMES[0]).read_bytes()


@pytest.mark.parametrize("broken", NAMES)
def test_a_broken_file_is_never_cached(broken, small_register, cache):
    content = bytearray((small_register / broken).read_bytes())
    content[-1] ^= 1
    (small_register / broken).write_bytes(content)
    with pytest.raises(data.DataError, match="is not the registered file"):
        data.load("mnist")
    assert not (cache / "mnist" / broken).exists()
    assert {p.name for p in (cache / "mnist").iterdir()} <= set(NAMES)


def test_another_length_is_told_before_the_download(small_register, cache):
    (small_register / NAMES[0]).write_bytes(b"short")
    with pytest.raises(data.DataError, match="is 5 bytes long, the registered file is"):
        data.load("mnist")
    assert not cache.exists()


def test_a_missing_file_is_told(small_register, cache):
    (small_register / NAMES[0]).unlink()
    with pytest.raises(data.DataError, match="answers with status 404"):
        data.load("mnist")
    (small_register / NAMES[0]).touch()


def test_a_transfer_that_breaks_off_leaves_nothing(small_register, cache, tmp_path, serve, monkeypatch):
    class BreaksOff(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args):
            pass

        def copyfile(self, source, output):
            output.write(source.read(10))

    monkeypatch.setenv("JAXLEARN_MIRROR", serve(tmp_path / "mirror", BreaksOff))
    with pytest.raises(data.DataError, match="broke off|is not the registered file"):
        data.load("mnist")
    assert not any((cache / "mnist").iterdir())


def test_a_server_that_never_answers_costs_seconds(small_register, tmp_path, serve, monkeypatch):
    class Hangs(http.server.SimpleHTTPRequestHandler):
        def do_HEAD(self):
            time.sleep(6)

    monkeypatch.setenv("JAXLEARN_MIRROR", serve(tmp_path, Hangs))
    start = time.monotonic()
    with pytest.raises(data.DataError, match="does not answer"):
        data.load("mnist")
    assert time.monotonic() - start < 5


def test_offline_says_what_to_do(cache):
    with pytest.raises(
        data.DataError, match="does not answer .*; put .* into a folder and pass it as --data-dir"
    ):
        data.load("fashion_mnist")


def test_auto_offline_is_digits_and_says_why(cache):
    dataset = data.load()
    assert dataset.name == "digits"
    assert "because MNIST cannot be had: http://127.0.0.1:9/mnist/" in dataset.origin


def test_auto_does_not_hide_a_broken_folder(tmp_path, cache):
    with pytest.raises(data.DataError, match="is not a folder"):
        data.load("auto", tmp_path / "nowhere")


def test_digits_are_always_the_same():
    a, b = data.load("digits"), data.load("digits")
    np.testing.assert_array_equal(a.test.images, b.test.images)
    assert a.train.images.shape == (1437, 28, 28, 1)
    assert a.train.images.dtype == np.uint8
    assert a.train.images.max() == 255
    shares = np.bincount(a.test.labels) / 360 - np.bincount(a.train.labels) / 1437
    assert np.abs(shares).max() < 0.01  # stratified
    everything = [image.tobytes() for split in (a.train, a.test) for image in split.images]
    assert len(set(everything)) == 1797


def test_unknown_names_are_told(tmp_path):
    with pytest.raises(ValueError, match="dataset 'mnits' is unknown; known are auto, mnist"):
        data.load("mnits")
    with pytest.raises(ValueError, match="take no data_dir"):
        data.load("digits", tmp_path)


def test_hold_out_divides_without_loss():
    images = np.arange(10, dtype=np.uint8).reshape(10, 1, 1, 1)
    split = data.Split(images, np.arange(10, dtype=np.int32))
    rest, held_out = data.hold_out(split, 3)
    again = data.hold_out(split, 3)[1]
    assert (len(rest.labels), len(held_out.labels)) == (7, 3)
    assert sorted([*rest.labels, *held_out.labels]) == list(range(10))
    np.testing.assert_array_equal(held_out.labels, again.labels)
    np.testing.assert_array_equal(rest.images.ravel(), rest.labels)
    for wrong in (-1, 10):
        with pytest.raises(ValueError, match="must be from 0 to 9"):
            data.hold_out(split, wrong)


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist"])
def test_the_real_download_path(name, data_folder, cache, serve, monkeypatch):
    """The registered sizes and checksums, over a real connection."""
    monkeypatch.setenv("JAXLEARN_MIRROR", serve(data_folder(name).parent))
    dataset = data.load(name)
    assert "downloaded" in dataset.origin
    assert len(dataset.train.labels) == 60000


@pytest.mark.slow
def test_tensorflow_datasets_prepares_and_reads_without_tensorflow(
    data_folder, tmp_path, monkeypatch, capsys
):
    """Both sets, by files of the same names, into one folder: neither may become the other."""
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    with pytest.raises(data.DataError, match="tfds:fashion_mnist cannot be prepared: .*wrong checksum"):
        data.load("tfds:fashion_mnist", data_folder("mnist"))
    for name in ("mnist", "fashion_mnist"):
        dataset = data.load(f"tfds:{name}", data_folder(name))
        assert dataset.classes == 10
        for ours, theirs in zip(read_folder(data_folder(name)), (dataset.train, dataset.test), strict=True):
            # the order is not that of the files
            assert sorted(zip(map(bytes, ours.images), ours.labels, strict=True)) == sorted(
                zip(map(bytes, theirs.images), theirs.labels, strict=True)
            )
    assert capsys.readouterr().out == ""
    shutil.rmtree(tmp_path / "downloads", ignore_errors=True)
    again = data.load("tfds:fashion_mnist")  # prepared: needs neither the files nor the network
    assert np.bincount(again.train.labels).tolist() == [6000] * 10


def test_tensorflow_datasets_without_files_or_network(tmp_path, monkeypatch):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    monkeypatch.setattr(_download, "PROBE_SECONDS", 0.001)  # no time for an answer
    with pytest.raises(data.DataError, match="tfds:kmnist is not prepared .* pass the folder that holds"):
        data.load("tfds:kmnist")
    with pytest.raises(data.DataError, match="tfds:no_such_set is unknown"):
        data.load("tfds:no_such_set")
    with pytest.raises(data.DataError, match="is not a folder"):
        data.load("tfds:mnist", tmp_path / "nowhere")
