"""Image sets of tensorflow-datasets, prepared and read without TensorFlow."""

import contextlib
import hashlib
import os
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np

from jaxlearn._split import Split

from ._dataset import DataError
from ._download import download, one_line, probe
from ._idx import FILES, check_labels, read_idx, show_path
from ._tfrecord import read_tfrecords


def read_tfds(name: str, data_dir: Path | None, cache: Path) -> tuple[Split, Split, int]:
    """Prepares (once) and reads a set of images with one label each.

    tensorflow-datasets keeps what it prepared in $TFDS_DATA_DIR, or ~/tensorflow_datasets. Without
    TensorFlow it can read that where it is array_record (TFRecord, TensorFlow's own, is read here) but not
    make it, so the sets in MNIST's format (mnist, fashion_mnist,
    kmnist) are prepared here; others need TensorFlow once, on any machine.

    Args:
      name: such as "fashion_mnist", or "eurosat/rgb", a set and one of its configurations. It must be
        one that the installed tensorflow-datasets defines: code named by prepared files is never run.
      data_dir: a folder that holds the files it would download (its `manual_dir`). They must be the
        registered ones.
      cache: the folder that downloads in MNIST's format are kept in.

    Returns:
      The training examples, the test examples and the number of classes.

    Raises:
      ValueError: `name` is no name of a set.
      DataError: an unknown name, no network, a wrong file, or a set that is not one of images of one
        size with a label each, split into "train" and "test".
    """
    # versions, arguments and foreign namespaces would make it look for code elsewhere
    if not re.fullmatch(r"[a-zA-Z]\w*(/[\w+.-]+)?", name, re.ASCII):
        raise ValueError(f"dataset {f'tfds:{name}'!r} must be tfds:NAME or tfds:NAME/CONFIG")
    try:
        import importlib_resources  # noqa: F401  (tensorflow-datasets needs it and does not ask for it)
        import tensorflow_datasets as tfds
        from absl import logging
    except ImportError as error:
        raise DataError(f"tfds:{name} needs `pip install 'jaxlearn[train]'` ({error})") from None

    logging.set_verbosity(logging.ERROR)
    if not sys.stderr.isatty():
        tfds.disable_progress_bar()
    try:
        builder_class = tfds.builder_cls(name.partition("/")[0])
    except Exception as error:
        raise DataError(f"tfds:{name} is unknown: {one_line(error)}") from None
    try:
        return _read(builder_class, name, data_dir, cache)
    except DataError:
        raise
    except (PermissionError, MemoryError, ImportError) as error:  # its files may be whole
        raise DataError(f"tfds:{name} cannot be read: {one_line(error)}") from None
    except Exception as error:
        again = "move its folder out of TFDS_DATA_DIR to have it prepared again"
        raise DataError(f"tfds:{name} cannot be read: {one_line(error)}; {again}") from None


def _read(builder_class: Any, name: str, data_dir: Path | None, cache: Path) -> tuple[Split, Split, int]:
    import tensorflow_datasets as tfds

    config, known = name.partition("/")[2], builder_class.builder_configs
    if config and config not in known:
        raise DataError(f"tfds:{name} is unknown; its configurations are {', '.join(known) or 'none'}")
    is_idx = issubclass(builder_class, tfds.builder_cls("mnist")) and builder_class.name != "emnist"
    make = _idx_builder(builder_class) if is_idx else builder_class
    prepared = os.environ.get("TFDS_DATA_DIR")
    builder = make(data_dir=prepared, config=config) if config else make(data_dir=prepared)
    if not builder.is_prepared():
        _prepare(builder, name, _find_files(builder, name, data_dir, cache if is_idx else None))
    return _read_split(builder, name, "train"), _read_split(builder, name, "test"), _classes(builder, name)


def _idx_builder(builder_class: Any) -> Any:
    """The same builder, reading IDX with numpy and writing PNG with Pillow instead of TensorFlow."""
    import tensorflow_datasets as tfds
    from PIL import Image

    with tfds.core.registered.skip_registration():

        class IdxBuilder(builder_class):  # type: ignore[misc]
            name = builder_class.name
            url_infos = builder_class.url_infos  # found by the place of a class's file, which is not ours

            def _split_generators(self, dl_manager: Any) -> dict[str, Any]:
                urls = {split: [self.URL + name for name in pair] for split, pair in FILES.items()}
                # not download_and_extract: MNIST and Fashion-MNIST share file names, so that in one
                # folder the second to be extracted would silently be the first
                paths = dl_manager.download(urls)
                return {split: self._generate_examples(*pair) for split, pair in paths.items()}

            def _generate_examples(self, images_path: Any, labels_path: Any) -> Any:
                images = read_idx(Path(images_path), 2051)
                labels = read_idx(Path(labels_path), 2049)
                for i, (image, label) in enumerate(zip(images, labels, strict=True)):
                    yield i, {"image": Image.fromarray(image), "label": int(label)}

    return IdxBuilder


def _find_files(builder: Any, name: str, data_dir: Path | None, cache: Path | None) -> Path | None:
    """The folder that holds what a set is prepared from, filled by a download if it is one in `cache`."""
    if data_dir is not None and not os.path.isdir(data_dir):
        raise DataError(
            f"{show_path(data_dir)} is not a folder: tfds:{name} looks there for the files it would download"
        )
    missing = {}
    for url, info in (builder.url_infos or {}).items():
        path = data_dir / info.filename if data_dir and info.filename else None
        if path is None or not os.path.exists(path):
            missing[url] = info.filename, info.checksum
        elif not _is_registered(path, int(info.size), info.checksum):
            wanted = f"{int(info.size)} bytes with the SHA-256 {info.checksum} are needed"
            raise DataError(f"{show_path(path)} is not the file that tfds:{name} registers: {wanted}")
    try:
        if cache is not None and missing:
            if data_dir is not None:
                raise DataError(f"{show_path(data_dir)} does not hold all of its files")
            download(builder.name, cache / builder.name)
            return cache / builder.name
        for url, (_, checksum) in missing.items():
            if not checksum and not url.startswith("https://"):
                raise DataError(f"{url} has neither https nor a registered checksum, which would protect it")
        for url in list(missing)[:1]:
            probe(url)
    except DataError as error:
        raise DataError(
            f"tfds:{name} is not prepared in {show_path(builder.data_path.parent)}, and {error}; have a "
            f"folder that holds {next(iter(missing.values()))[0]}, and pass it as data_dir"
        ) from None
    return data_dir


def _is_registered(path: Path, size: int, sha256: str) -> bool:
    """Whether a path leads to a regular file that can be read and is the registered one."""
    try:
        if path.stat().st_size != size:  # which is 0 for a pipe
            return False
        with path.open("rb") as content:
            return hashlib.file_digest(content, "sha256").hexdigest() == sha256
    except OSError:
        return False


def _prepare(builder: Any, name: str, folder: Path | None) -> None:
    import tensorflow_datasets as tfds

    config = tfds.download.DownloadConfig(manual_dir=folder, try_download_gcs=False)
    try:
        with contextlib.redirect_stdout(sys.stderr):  # it prints what it does, among a program's results
            builder.download_and_prepare(file_format="array_record", download_config=config)
    except ImportError as error:
        raise DataError(
            f"tfds:{name} can be prepared only where TensorFlow is installed ({error}); "
            "prepare it there with file_format='array_record' and copy it to TFDS_DATA_DIR"
        ) from None
    except Exception as error:
        raise DataError(f"tfds:{name} cannot be prepared: {one_line(error)}") from None


def _read_split(builder: Any, name: str, split: str) -> Split:
    if split not in builder.info.splits:
        raise DataError(f"tfds:{name} has no split {split!r}, only {', '.join(builder.info.splits)}")
    examples = _read_examples(builder, split)
    image_key, label_key = _keys(builder, name)
    images = [example[image_key] for example in examples]
    if len({image.shape for image in images}) != 1 or images[0].dtype != np.uint8:
        raise DataError(f"tfds:{name} must have images of bytes and of one size")
    labels = np.array([example[label_key] for example in examples], np.int32)
    check_labels(labels, _classes(builder, name), f"the {split} split of tfds:{name}")
    return Split(np.stack(images), labels)


def _read_examples(builder: Any, split: str) -> list[dict[str, Any]]:
    try:
        source = builder.as_data_source(split=split)
    except NotImplementedError:  # prepared in a format that only TensorFlow reads at random
        if builder.info.file_format.value != "tfrecord":
            kind = f"in the format {builder.info.file_format.value}, which is not read here"
            raise DataError(
                f"{show_path(builder.data_path)} is {kind}; set TFDS_DATA_DIR to another folder "
                "to prepare it anew"
            ) from None
        about, decode = builder.info.splits[split], builder.info.features.deserialize_example_np
        records = [record for path in about.filepaths for record in read_tfrecords(path)]
        if len(records) != about.num_examples:
            raise DataError(
                f"{show_path(about.filepaths[0])} and its shards must hold {about.num_examples} examples, "
                f"as dataset_info.json says; they hold {len(records)}; get them again"
            ) from None
        return list(map(decode, records))
    return source.__getitems__(range(len(source)))  # far faster than one after another


def _keys(builder: Any, name: str) -> tuple[str, str]:
    keys = builder.info.supervised_keys
    if keys is None or len(keys) != 2 or not hasattr(builder.info.features[keys[1]], "num_classes"):
        raise DataError(f"tfds:{name} is not a set of images with one label each")
    return keys[0], keys[1]


def _classes(builder: Any, name: str) -> int:
    return int(builder.info.features[_keys(builder, name)[1]].num_classes)
