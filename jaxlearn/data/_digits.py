"""Handwritten digits that come with scikit-learn: no file, no network."""

import numpy as np

from jaxlearn._split import Split

from ._dataset import DataError


def read_digits() -> tuple[Split, Split]:
    """1,797 digits (1,437 to train, 360 to test), resized from 8 x 8 to 28 x 28 pixels.

    The split is stratified and always the same. The images are the test set of Kaynak (1995),
    Optical Recognition of Handwritten Digits, UCI machine learning repository.

    Raises:
      DataError: scikit-learn is not installed.
    """
    try:
        from sklearn.datasets import load_digits
        from sklearn.model_selection import train_test_split
    except ImportError:
        raise DataError("the digits dataset needs `pip install 'jaxlearn[train]'` (scikit-learn)") from None
    import jax

    images, labels = load_digits(return_X_y=True)
    resized = jax.image.resize(images.reshape(-1, 8, 8, 1) * (255 / 16), (len(images), 28, 28, 1), "linear")
    pixels = np.rint(np.clip(resized, 0, 255)).astype(np.uint8)
    parts = train_test_split(pixels, labels.astype(np.int32), test_size=360, random_state=0, stratify=labels)
    train_images, test_images, train_labels, test_labels = parts
    return Split(train_images, train_labels), Split(test_images, test_labels)
