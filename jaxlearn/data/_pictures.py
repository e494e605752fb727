"""Image files as examples for a model."""

import warnings
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ._dataset import DataError

# Pillow decodes these by itself; for others it starts a program, such as Ghostscript for EPS
FORMATS = ("PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF", "PPM")


class Picture(NamedTuple):
    """An image file as an example.

    Attributes:
      image: uint8 of shape (height, width, channels).
      inverted: whether bright and dark were exchanged.
    """

    image: np.ndarray
    inverted: bool


def read_picture(path: str | Path, shape: tuple[int, ...]) -> Picture:
    """Reads an image file as an example for a model trained on images of `shape`.

    The image is turned upright as its EXIF data say, laid on white where it is transparent, and made grey for
    one channel or RGB for three. It is resized with its proportions kept, and the rest is filled with the
    median of its border. Sets like MNIST are bright on dark: for one channel, an image whose border has a
    median above 127 is inverted. An image that has the size, the channels and a dark border already comes
    back byte for byte.

    Args:
      path: a PNG, JPEG, GIF (of which the first picture is read), BMP, WEBP, TIFF or PPM file.
      shape: (height, width, channels), with 1 or 3 channels.

    Raises:
      ValueError: another shape.
      DataError: no such file, no image, a damaged or cut one, or one of more than
        `PIL.Image.MAX_IMAGE_PIXELS` pixels. One line names the file.

    >>> import tempfile
    >>> from PIL import Image
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     Image.new("RGB", (200, 100), "white").save(f"{folder}/page.png")
    ...     picture = read_picture(f"{folder}/page.png", (28, 28, 1))
    >>> picture.image.shape, picture.image.max(), picture.inverted
    ((28, 28, 1), np.uint8(0), True)
    """
    from PIL import Image, ImageOps

    if len(shape) != 3 or shape[2] not in (1, 3):
        raise ValueError(f"shape must be (height, width, 1) or (height, width, 3), got {shape}")
    height, width, channels = shape
    picture = _decode(Path(path), "L" if channels == 1 else "RGB")
    if round(min(width / picture.width, height / picture.height) * min(picture.size)) < 1:
        size = f"{picture.width} x {picture.height}"
        raise DataError(f"{path} is too narrow for {width} x {height} pixels: it has {size}")
    background = _background(picture)
    inverted = channels == 1 and background[0] > 127
    if inverted:
        picture, background = ImageOps.invert(picture), (255 - background[0],)
    fitted = ImageOps.pad(picture, (width, height), Image.Resampling.LANCZOS, background)
    return Picture(np.array(fitted).reshape(shape), inverted)


def _background(picture: Any) -> tuple[int, ...]:
    """The median of the border of an image, for each channel."""
    pixels = np.asarray(picture).reshape(picture.height, picture.width, -1)
    border = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    return tuple(round(float(middle)) for middle in np.median(border, axis=0))


def _decode(path: Path, mode: str) -> Any:
    """An image file as an upright and opaque image of Pillow."""
    from PIL import Image, UnidentifiedImageError

    if not path.is_file():
        what = "is no file" if path.exists() else "is missing"
        raise DataError(f"{path} {what}: an image file is needed ({', '.join(FORMATS)})")
    try:
        with warnings.catch_warnings(action="ignore"):
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path, formats=FORMATS) as image:
                return _lay_on_white(image, mode)
    except UnidentifiedImageError:
        raise DataError(f"{path} is no image, or none of {', '.join(FORMATS)}") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise DataError(f"{path} has more pixels than are read, {Image.MAX_IMAGE_PIXELS:,}") from None
    except Exception as error:  # every decoder has its own
        raise DataError(f"{path} cannot be read as an image: {error}") from None


def _lay_on_white(image: Any, mode: str) -> Any:
    from PIL import Image, ImageOps

    ImageOps.exif_transpose(image, in_place=True)
    if image.mode == "F":
        raise ValueError("its pixels are not whole numbers")
    if image.mode.startswith("I"):  # 16 bits, which convert() would cut off at 255
        image = Image.fromarray((np.asarray(image) // 257).clip(0, 255).astype(np.uint8))
    if image.getbands()[-1] in ("A", "a") or "transparency" in image.info:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert(mode)
