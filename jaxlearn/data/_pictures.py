"""Image files as examples for a model."""

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from jaxlearn._check import check_whole

from ._dataset import DataError

# Pillow decodes these by itself; for others it starts a program, such as Ghostscript for EPS
FORMATS = ("PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF", "PPM")
LARGEST = 280  # pixels a side in which ink is looked for
DEAD = 3  # pixels of a sensor at each end, brightest and darkest, that may be wrong


class Picture(NamedTuple):
    """An image file as an example.

    Attributes:
      image: uint8 of shape (height, width, channels).
      inverted: whether bright and dark were exchanged.
    """

    image: np.ndarray
    inverted: bool


def read_picture(path: str | Path, shape: tuple[int, ...], box: float = 20 / 28) -> Picture:
    """Reads an image file as an example for a model trained on images of `shape`.

    The image is turned upright as its EXIF data say.

    One channel: the picture is taken for ink on paper and is prepared as MNIST's digits were. Colours become
    grey along the line on which they differ most. The paper, whose light may be uneven, is taken away, and
    bright ink on black remains, whichever of the two was darker. The ink is scaled to a box, its proportions
    kept, and its centre of mass comes into the middle. Ink on transparency may have any colour. A picture of
    the right size that is bright on black and in place comes back byte for byte.

    Three channels: the image is made RGB, laid on white where it is transparent, resized with its proportions
    kept, and the rest is filled with the median of its border.

    Pixels of more than 8 bits, or that are no whole numbers, are scaled from their smallest and largest,
    but for up to three at each end that are far from all others, as those of dead pixels are.

    Args:
      path: a PNG, JPEG, GIF (of which the first picture is read), BMP, WEBP, TIFF or PPM file.
      shape: (height, width, channels), with 1 or 3 channels.
      box: the ink's share of the sides, for one channel. MNIST's digits have 20 of 28 pixels; 1 is for sets
        whose examples fill their images, such as Fashion-MNIST.

    Raises:
      ValueError: another shape, or a box that is not above 0 and at most 1.
      DataError: no such file, no image, a damaged or cut one, one of more than `PIL.Image.MAX_IMAGE_PIXELS`
        pixels, or for one channel one in which nothing stands out. One line names the file.

    Reference: Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits", 1998.

    >>> import tempfile
    >>> from PIL import Image
    >>> page = Image.new("RGB", (200, 100), "white")
    >>> page.paste("navy", (30, 20, 50, 60))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     page.save(f"{folder}/page.png")
    ...     picture = read_picture(f"{folder}/page.png", (28, 28, 1))
    >>> picture.image.shape, int(picture.image[14, 14, 0]), picture.inverted
    ((28, 28, 1), 255, True)
    """
    shape = tuple(check_whole("shape", side, 1) for side in shape)
    if len(shape) != 3 or shape[2] not in (1, 3):
        raise ValueError(f"shape must be (height, width, 1) or (height, width, 3), got {shape}")
    if not 0 < box <= 1:
        raise ValueError(f"box must be above 0 and at most 1, got {box}")
    path, size = Path(path), (shape[0], shape[1])
    image, inverted = _read_ink(path, size, box) if shape[2] == 1 else (_read_colours(path, size), False)
    return Picture(image.reshape(shape), inverted)


def _read_ink(path: Path, size: tuple[int, int], box: float) -> tuple[np.ndarray, bool]:
    from . import _ink  # here, because scipy takes its time to import

    grey = _decode(path, _to_grey)
    if is_example(grey, size, box):
        return np.rint(255 * grey).astype(np.uint8), False
    try:
        ink, dark = _ink.find_ink(grey)
    except _ink.NoInkError:
        raise DataError(f"{path} shows nothing: no ink stands out from its paper") from None
    return _ink.fit_box(ink, size, box), dark


def is_example(grey: np.ndarray, size: tuple[int, int], box: float = 20 / 28) -> bool:
    """Whether a picture is an example already: bright on black, of the right size, and in place.

    In place is what is as large as the box and centred by its mass, or is larger, as in other sets.

    >>> grey = np.zeros((28, 28))
    >>> grey[4:24, 10:18] = 1
    >>> is_example(grey, (28, 28)), is_example(np.roll(grey, 4, axis=1), (28, 28)), is_example(grey, (32, 32))
    (True, False, False)
    """
    if grey.shape != size or _background(grey).any() or not grey.any():
        return False
    places = np.nonzero(grey)
    sides = np.array(size)
    fills = max((np.ptp(places, axis=1) + 1) / sides)
    centre = np.average(places, axis=1, weights=grey[places]) + 0.5
    centred = (np.abs(centre - (sides // 2 + 0.5)) < sides / 28).all()
    return bool(fills > 1.05 * box or (fills > 0.9 * box and (centred or box == 1)))


def _read_colours(path: Path, size: tuple[int, int]) -> np.ndarray:
    from PIL import Image, ImageOps

    height, width = size
    picture = _decode(path, _to_rgb)
    if round(min(width / picture.width, height / picture.height) * min(picture.size)) < 1:
        shown = f"{picture.width} x {picture.height}"
        raise DataError(f"{path} is too narrow for {width} x {height} pixels: it has {shown}")
    background = tuple(round(float(part)) for part in _background(np.asarray(picture)))
    return np.array(ImageOps.pad(picture, (width, height), Image.Resampling.LANCZOS, background))


def _background(pixels: np.ndarray) -> np.ndarray:
    """The median of the border of an image, for each channel."""
    from ._ink import border

    return np.median(border(pixels), axis=0)


def _decode(path: Path, convert: Callable[[Any], Any]) -> Any:
    """What `convert` makes of an image file, upright, as an image of Pillow."""
    from PIL import Image, ImageOps, UnidentifiedImageError

    if not path.is_file():
        what = "is no file" if path.exists() else "is missing"
        raise DataError(f"{path} {what}: an image file is needed ({', '.join(FORMATS)})")
    try:
        with warnings.catch_warnings(action="ignore"):
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path, formats=FORMATS) as image:
                ImageOps.exif_transpose(image, in_place=True)
                return convert(_to_bytes(image))
    except UnidentifiedImageError:
        raise DataError(f"{path} is no image, or none of {', '.join(FORMATS)}") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise DataError(f"{path} has more pixels than are read, {Image.MAX_IMAGE_PIXELS:,}") from None
    except Exception as error:  # every decoder has its own
        raise DataError(f"{path} cannot be read as an image: {error}") from None


def _to_bytes(image: Any) -> Any:
    """Scales pixels of more than 8 bits, which convert() would cut off at 255, from least to most.

    A few pixels far from all others do not count, which may be dead.
    """
    from PIL import Image

    if image.mode[0] not in "IF":
        return image
    pixels = np.asarray(image, np.float64)
    if not np.isfinite(pixels).all():
        raise ValueError("its pixels are not all finite numbers")
    ends = np.sort(pixels, axis=None)
    least, most = ends[[0, -1]]
    few = min(DEAD, (pixels.size - 1) // 2)
    if ends[-1 - few] - ends[few] < (most - least) / 2:
        least, most = ends[[few, -1 - few]]
    scaled = ((pixels - least) / ((most - least) or 1)).clip(0, 1)
    return Image.fromarray(np.rint(scaled * 255).astype(np.uint8))


def _has_alpha(image: Any) -> bool:
    return image.getbands()[-1] in ("A", "a") or "transparency" in image.info


def _to_rgb(image: Any) -> Any:
    from PIL import Image

    if _has_alpha(image):
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert("RGB")


def _to_grey(image: Any) -> np.ndarray:
    """Shape (height, width), from 0 to 1, with at most 280 pixels a side; what is transparent is paper."""
    from PIL import Image

    has_alpha = _has_alpha(image)
    plain = not has_alpha and image.mode in ("1", "L")
    image = image.convert("L" if plain else "RGBA" if has_alpha else "RGB")
    image.thumbnail((LARGEST, LARGEST), Image.Resampling.BOX)
    pixels = np.asarray(image) / 255
    if plain:
        return pixels
    seen = pixels[..., 3] if has_alpha else np.ones(pixels.shape[:2])
    if seen.min() == seen.max():
        return along_colours(pixels[..., :3])
    opaque = seen > seen.max() / 2
    grey = along_colours(pixels[..., :3], opaque)
    if np.ptp(np.percentile(grey[opaque], [2, 98])) < 0.25:  # ink of one colour
        return 1 - seen / seen.max()
    return seen * grey + (1 - seen) * np.median(grey[opaque])


def along_colours(colours: np.ndarray, where: np.ndarray | None = None) -> np.ndarray:
    """Colours as numbers: how far they are along the line on which they differ most, from dark to bright.

    Red and green of the same brightness stay apart so, and greys are what they were.

    Args:
      colours: shape (height, width, 3), from 0 to 1.
      where: shape (height, width): the pixels whose differences count; by default all.

    >>> along_colours(np.array([[[0.25, 0.25, 0.25], [0.75, 0.75, 0.75]]])).round(6).tolist()
    [[0.25, 0.75]]
    """
    counted = colours.reshape(-1, 3) if where is None else colours[where]
    beside = counted - counted.mean(axis=0)
    line = np.linalg.eigh(beside.T @ beside)[1][:, -1]
    line *= np.sign(line.sum()) / np.abs(line).sum()
    return colours @ line - np.minimum(line, 0).sum()
