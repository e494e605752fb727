"""Image sets of tensorflow-datasets, prepared and read without TensorFlow."""

import contextlib
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np

from ._dataset import DataError, Split
from ._download import probe
from ._idx import FILES, read_idx


def read_tfds(name: str, data_dir: Path | None = None) -> tuple[Split, Split, int]:
    """Prepares (once) and reads a set of images with one label each.

    tensorflow-datasets keeps what it prepared in $TFDS_DATA_DIR, or ~/tensorflow_datasets. Without
    TensorFlow it can read that but not make it, so the sets in MNIST's format (mnist, fashion_mnist,
    kmnist) are prepared here; others need TensorFlow once, on any machine.

    Args:
      name: such as "fashion_mnist" or "cifar10".
      data_dir: a folder that holds the files it would download (its `manual_dir`). They must be the
        registered ones.

    Returns:
      The training examples, the test examples and the number of classes.

    Raises:
      DataError: an unknown name, no network, a wrong file, or a set that is not one of images of one
        size with a label each, split into "train" and "test".
    """
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
        raise DataError(f"tfds:{name} is unknown: {str(error).splitlines()[0]}") from None
    prepared_dir = os.environ.get("TFDS_DATA_DIR")
    if issubclass(builder_class, tfds.builder_cls("mnist")) and not name.startswith("emnist"):
        builder = _idx_builder(builder_class)(data_dir=prepared_dir)
    else:
        builder = tfds.builder(name, data_dir=prepared_dir)
    if not builder.is_prepared():
        _prepare(builder, name, data_dir)
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


def _prepare(builder: Any, name: str, data_dir: Path | None) -> None:
    import tensorflow_datasets as tfds

    if data_dir is not None and not data_dir.is_dir():
        raise DataError(
            f"{data_dir} is not a folder: tfds:{name} looks there for the files it would download"
        )
    for url, info in (builder.url_infos or {}).items():
        if data_dir is None or not (data_dir / info.filename).exists():
            try:
                probe(url)
            except DataError as error:
                raise DataError(
                    f"tfds:{name} is not prepared in {builder.data_path.parent}, and {error}; "
                    f"pass the folder that holds {info.filename} as --data-dir (data_dir=)"
                ) from None
            break
    config = tfds.download.DownloadConfig(manual_dir=data_dir, try_download_gcs=False)
    try:
        with contextlib.redirect_stdout(sys.stderr):  # it prints what it does, among a program's results
            builder.download_and_prepare(file_format="array_record", download_config=config)
    except ImportError as error:
        raise DataError(
            f"tfds:{name} can be prepared only where TensorFlow is installed ({error}); "
            "prepare it there with file_format='array_record' and copy it to TFDS_DATA_DIR"
        ) from None
    except Exception as error:
        raise DataError(f"tfds:{name} cannot be prepared: {str(error).splitlines()[0]}") from None


def _read_split(builder: Any, name: str, split: str) -> Split:
    if split not in builder.info.splits:
        raise DataError(f"tfds:{name} has no split {split!r}, only {', '.join(builder.info.splits)}")
    try:
        source = builder.as_data_source(split=split)
        examples = source.__getitems__(range(len(source)))  # far faster than one after another
    except Exception as error:
        raise DataError(f"tfds:{name} cannot be read: {str(error).splitlines()[0]}") from None
    image_key, label_key = _keys(builder, name)
    images = [example[image_key] for example in examples]
    if len({image.shape for image in images}) != 1 or images[0].dtype != np.uint8:
        raise DataError(f"tfds:{name} must have images of bytes and of one size")
    return Split(np.stack(images), np.array([example[label_key] for example in examples], np.int32))


def _keys(builder: Any, name: str) -> tuple[str, str]:
    keys = builder.info.supervised_keys
    if keys is None or len(keys) != 2 or not hasattr(builder.info.features[keys[1]], "num_classes"):
        raise DataError(f"tfds:{name} is not a set of images with one label each")
    return keys[0], keys[1]


def _classes(builder: Any, name: str) -> int:
    return int(builder.info.features[_keys(builder, name)[1]].num_classes)
