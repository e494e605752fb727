"""Where data come from: files, the cache, a download, scikit-learn, tensorflow-datasets."""

import json
import os
import shutil
import sys
import types

import numpy as np
import pytest

from jaxlearn import data
from jaxlearn.data import _download, _tfds
from jaxlearn.data._idx import read_folder

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
    assert all(f.url.startswith("https://") and f.url.endswith(k) for k, f in files.items())


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist"])
def test_the_real_download_path(name, data_folder, cache, serve, monkeypatch):
    """The registered sizes and checksums, over a real connection."""
    monkeypatch.setenv("JAXLEARN_MIRROR", serve(data_folder(name).parent))
    dataset = data.load(name)
    assert "downloaded" in dataset.origin
    assert len(dataset.train.labels) == 60000


def test_offline_says_what_to_do(cache):
    with pytest.raises(
        data.DataError,
        match="does not answer .*; put .* into a folder and pass it as data_dir, or load 'digits'",
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
        with pytest.raises(ValueError, match=r"examples to hold out must be in \[0, 9\], got"):
            data.hold_out(split, wrong)


@pytest.mark.slow
def test_tensorflow_datasets_prepares_and_reads_without_tensorflow(
    data_folder, tmp_path, monkeypatch, capsys
):
    """Both sets, by files of the same names, into one folder: neither may become the other."""
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    with pytest.raises(data.DataError, match="gz is not the file that tfds:fashion_mnist registers: "):
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


@pytest.fixture
def prepared(cache, tmp_path, monkeypatch):
    """The empty folder that tensorflow-datasets keeps its sets in; nothing answers from the network."""
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "prepared"))
    monkeypatch.setattr(_download, "PROBE_SECONDS", 0.001)  # no time for an answer
    return tmp_path / "prepared"


def test_tensorflow_datasets_without_files_or_network(prepared, tmp_path):
    for name in ("kmnist", "cifar10"):
        with pytest.raises(data.DataError, match=f"tfds:{name} is not prepared .*; have a folder that holds"):
            data.load(f"tfds:{name}")
    with pytest.raises(data.DataError, match="and http://.*/extra_32x32.mat does not answer"):
        data.load("tfds:svhn_cropped")
    with pytest.raises(data.DataError, match="tfds:no_such_set is unknown"):
        data.load("tfds:no_such_set")
    with pytest.raises(data.DataError, match="tfds:emnist/none is unknown; its configurations are byclass, "):
        data.load("tfds:emnist/none")
    with pytest.raises(data.DataError, match="is not a folder"):
        data.load("tfds:mnist", tmp_path / "nowhere")


def test_tensorflow_datasets_does_not_wait_for_a_pipe(prepared, tmp_path):
    os.mkfifo(tmp_path / "train-images-idx3-ubyte.gz")
    with pytest.raises(data.DataError, match="gz is not the file that tfds:mnist registers: 9912422 bytes"):
        data.load("tfds:mnist", tmp_path)


def test_tensorflow_datasets_takes_all_files_from_one_place(prepared, tmp_path):
    message = "not hold all of its files; have a folder that holds t10k-images-idx3-ubyte.gz, and pass it as"
    with pytest.raises(data.DataError, match=message):
        data.load("tfds:mnist", tmp_path)


@pytest.mark.parametrize(
    ("sizes", "labels", "split", "message"),
    [
        ([4, 4], [1, -1], "train", "the train split of tfds:x holds the label -1 at index 1; .* 0 to 9"),
        ([4, 4], [10, 1], "train", "the train split of tfds:x holds the label 10 at index 0; .* 0 to 9"),
        ([4, 5], [0, 1], "train", "tfds:x must have images of bytes and of one size"),
        ([], [], "train", "tfds:x must have images of bytes and of one size"),
        ([4], [0], "test", "tfds:x has no split 'test', only train"),
    ],
)
def test_tensorflow_datasets_of_other_images(sizes, labels, split, message):
    images = [np.zeros((size, size, 1), np.uint8) for size in sizes]

    class Source(list):
        def __getitems__(self, indices):
            return [{"image": images[i], "label": labels[i]} for i in indices]

    features = {"label": types.SimpleNamespace(num_classes=10)}
    info = types.SimpleNamespace(splits=["train"], supervised_keys=("image", "label"), features=features)
    builder = types.SimpleNamespace(info=info, as_data_source=lambda split: Source(images))
    with pytest.raises(data.DataError, match=message):
        _tfds._read_split(builder, "x", split)


@pytest.mark.parametrize("length", [20, 1000])
def test_tensorflow_datasets_names_what_is_damaged(length, prepared):
    folder = prepared / "mnist" / "3.0.1"
    folder.mkdir(parents=True)
    splits = [{"name": "train", "shardLengths": ["5"], "numBytes": "5"}]
    info = {"name": "mnist", "version": "3.0.1", "fileFormat": "array_record", "splits": splits}
    (folder / "dataset_info.json").write_text(json.dumps(info)[:length])  # and no records
    with pytest.raises(
        data.DataError, match="tfds:mnist cannot be read: .*; move its folder out of TFDS_DATA"
    ):
        data.load("tfds:mnist")


FOREIGN = "trap cifar10/trap cifar10/trap:1.0.0 trap:1.0.0 trap/x:1.0.0 trap.Trap kaggle:trap"


@pytest.mark.parametrize(
    "name", [*FOREIGN.split(), "huggingface:trap", "../../trap", "mnist/../trap", "mnist/x=1", "trap\n", ""]
)
def test_no_name_and_no_prepared_file_runs_code(name, prepared, tmp_path, monkeypatch):
    """Prepared files may name a class that is to decode them, and tensorflow-datasets would import it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "trap", raising=False)
    for module in (tmp_path / "trap.py", tmp_path / "datasets" / "trap" / "trap_dataset_builder.py"):
        module.parent.mkdir(parents=True, exist_ok=True)
        module.write_text(f"open({str(tmp_path / 'sprung')!r}, 'w').close()")
    for folder in (prepared / "trap" / "1.0.0", prepared / "cifar10" / "trap" / "1.0.0"):
        folder.mkdir(parents=True)
        (folder / "features.json").write_text('{"type": "trap.Trap", "content": {}}')
        info = {"name": folder.parts[-3], "version": "1.0.0", "fileFormat": "array_record"}
        (folder / "dataset_info.json").write_text(json.dumps(info))
    with pytest.raises(ValueError, match=r"must be tfds:NAME or tfds:NAME/CONFIG|is unknown") as caught:
        data.load(f"tfds:{name}")
    assert str(caught.value).isprintable()
    assert not (tmp_path / "sprung").exists()
    assert "trap" not in sys.modules
