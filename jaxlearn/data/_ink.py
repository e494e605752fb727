"""Ink on paper as an example like MNIST's: bright on black, in a box of fixed size, centred by its mass.

MNIST's digits were black and white when they were scaled. In a photograph the light is uneven, paper and ink
have any brightness, and there are grain and dust: `find_ink` takes these away, `fit_box` does the rest.
"""

import numpy as np
from PIL import Image
from scipy import ndimage

LEAST_CONTRAST = 12 / 255  # of the full range, between ink and paper
LEAST_CLEARNESS = 3  # contrast in deviations of the paper's grain; grain alone, cut in two, has 2.5
LEAST_STEEPNESS = 14  # contrast in a picture's length, where ink begins; light changes more slowly
EDGE = 0.2  # of full ink, where its box ends
LEAST_PART = 0.05  # of the pixels of the largest stroke; what is smaller is dust
LEAST_EDGE = 0.5  # of a side; what lies along so much of it is beside the paper


class NoInkError(ValueError):
    """A picture in which nothing stands out from its paper."""


def find_ink(grey: np.ndarray) -> tuple[np.ndarray, bool]:
    """How much ink there is at every point of a picture, and whether ink is darker than paper.

    Paper is what most of the border shows. Its brightness may change slowly over the picture and is taken
    away; spots that are small beside the largest stroke are dust.

    Args:
      grey: shape (height, width), from 0 to 1.

    Returns:
      From 0 for paper to 1 for ink, of the same shape.

    Raises:
      NoInkError: nothing stands out.

    >>> page = np.full((30, 30), 0.8) + np.linspace(0, 0.1, 30)
    >>> page[10:20, 14:17] = 0.1
    >>> ink, dark = find_ink(page)
    >>> ink[9:12, 15].round(1), dark
    (array([0., 1., 1.]), True)
    """
    smooth = ndimage.gaussian_filter(grey, max(grey.shape) / 150)
    bright = split(smooth)
    dark = bool(border(bright).mean() > 0.5)
    other = bright ^ dark  # than paper
    if not other.any() or other.all():
        raise NoInkError
    blank = ~ndimage.binary_dilation(other, iterations=_soft_edge(grey))
    paper = spread(smooth, blank if blank.any() else ~other)
    inked = strokes(other)
    sign = -1 if dark else 1
    contrast = np.median(sign * (smooth - paper)[inked])
    grain = 1.4826 * np.median(np.abs(smooth - paper)[~other])
    rise = np.hypot(*np.gradient(np.pad(smooth - paper, 1, "edge")))[1:-1, 1:-1][inked]
    steepness = np.percentile(rise, 90) * max(grey.shape) / contrast if contrast > 0 else 0
    clear = contrast >= max(LEAST_CONTRAST, LEAST_CLEARNESS * grain)
    if not clear or steepness < min(LEAST_STEEPNESS, 0.4 * max(grey.shape)):
        raise NoInkError
    full = np.percentile(sign * (grey - paper)[inked], 75)
    near = ndimage.binary_dilation(inked, np.ones((3, 3)), iterations=1 + _soft_edge(grey))
    return np.where(near, (sign * (grey - paper) / full).clip(0, 1), 0), dark


def split(grey: np.ndarray) -> np.ndarray:
    """Which pixels belong to the bright one of the two things that a picture shows, paper or ink.

    The light is taken to be even, sloping or quadratic; each has more to adapt than the one before, and so
    must leave much less unexplained. Where the border shows both things, and only paper if the light is what
    a blurred picture shows, or what most pixels around are, it is the edge of a shadow across the border,
    soft or sharp. In a narrow picture, such as a 1 cut out, strokes could pass for light, which may therefore
    change along the longer side only.

    >>> split(np.array([[0.1, 0.2, 0.9, 0.4, 0.5]])).tolist()
    [[False, False, True, False, False]]
    """
    y, x = np.meshgrid(*(np.linspace(-1, 1, side) for side in grey.shape), indexing="ij")
    one = np.ones_like(grey)
    best, rest = _two_parts(grey, [one])
    sloping, curved = [one, x, y], [one, x, y, x * x, x * y, y * y]
    if max(grey.shape) > 3 * min(grey.shape):
        longer = y if len(grey) > grey.shape[1] else x
        sloping, curved = [one, longer], [one, longer, longer * longer]
    for light in sloping, curved:
        bright, left = _two_parts(grey, light)
        if left < 0.7 * rest:
            best, rest = bright, left
    if 0.1 < border(best).mean() < 0.9:
        soft = ndimage.gaussian_filter(grey, max(grey.shape) / 12)
        sharp = ndimage.uniform_filter(best.astype(float), max(grey.shape) // 4 | 1) > 0.5
        shaded = [_two_parts(grey, [one, light]) for light in (soft, sharp)]
        if _share(shaded[1][0]) < 0.07 * _share(best):  # only what rounding the corners of `sharp` has left
            del shaded[1]
        right = [each for each in shaded if not 0.02 < border(each[0]).mean() < 0.98]
        if right:
            return min(right, key=lambda each: each[1])[0]
    return best


def _share(parts: np.ndarray) -> float:
    """Of the smaller one of two parts."""
    return min(parts.mean(), 1 - parts.mean())


def _two_parts(grey: np.ndarray, light: list[np.ndarray]) -> tuple[np.ndarray, float]:
    """Least squares of grey = sum(weight * light) + contrast * bright, for the weights and `bright` in turn.

    Returns `bright`, and the mean of the squares that remain.
    """
    basis, values = np.stack([part.ravel() for part in light], axis=1), grey.ravel()
    beside = values - basis @ _least_squares(basis, values)
    bright = beside > (beside.min() + beside.max()) / 2
    for _ in range(10):
        *weights, contrast = _least_squares(np.column_stack([basis, bright]), values)
        beside = values - basis @ np.array(weights)
        bright, before = beside > contrast / 2, bright
        if np.array_equal(bright, before):
            break
    return bright.reshape(grey.shape), float(np.square(beside - contrast * bright).mean())


def _least_squares(columns: np.ndarray, values: np.ndarray) -> np.ndarray:
    """By the normal equations: there are many rows and few columns."""
    return np.linalg.lstsq(columns.T @ columns, columns.T @ values)[0]


def border(image: np.ndarray) -> np.ndarray:
    """The outermost pixels of an image of shape (height, width, ...).

    >>> border(np.arange(9).reshape(3, 3))
    array([0, 1, 2, 6, 7, 8, 0, 3, 6, 2, 5, 8])
    """
    return np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]])


def spread(values: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Values where they are known, and elsewhere means of them in which the nearest count most.

    >>> spread(np.array([[1.0, 0, 0, 0, 3]]), np.array([[True, False, False, False, True]])).round(1).tolist()
    [[1.0, 1.0, 2.0, 3.0, 3.0]]
    """
    blur = lambda image: ndimage.gaussian_filter(image.astype(float), max(image.shape) / 12, truncate=12)
    return blur(np.where(known, values, 0)) / np.maximum(blur(known), 1e-300)


def strokes(other: np.ndarray) -> np.ndarray:
    """What is ink of all that is not paper: no dust, nor, if there is more, what the paper lies on.

    >>> strokes(np.array([[0, 0, 0, 0, 0, 1], [1, 0, 1, 1, 0, 1], [0, 0, 0, 0, 0, 1]]) > 0).astype(int)
    array([[0, 0, 0, 0, 0, 0],
           [1, 0, 1, 1, 0, 0],
           [0, 0, 0, 0, 0, 0]])
    """
    spots, number = ndimage.label(other, np.ones((3, 3)))
    sizes = np.bincount(spots.ravel())
    sizes[0] = 0  # paper
    sides = spots[0], spots[-1], spots[:, 0], spots[:, -1]
    along = np.max([np.bincount(side, minlength=number + 1) / len(side) for side in sides], axis=0)
    inside = np.where(along < LEAST_EDGE, sizes, 0)
    if inside.max() >= LEAST_PART * sizes.max():
        sizes = inside
    return (sizes >= LEAST_PART * sizes.max())[spots] & other


def _soft_edge(image: np.ndarray) -> int:
    """How far from ink its soft edge may reach, in pixels."""
    return max(1, max(image.shape) // 60)


def fit_box(ink: np.ndarray, shape: tuple[int, int], box: float) -> np.ndarray:
    """Scales ink to a box of this share of the sides and moves its centre of mass to the middle.

    Its proportions are kept. The middle is pixel (14, 14) of 28 x 28, or half of the sides; as in MNIST, the
    move is by whole pixels, and not so far that ink would leave the image. One resampling does both.

    >>> ink = np.zeros((60, 60))
    >>> ink[3:43, 7:15] = 1
    >>> rows, columns = np.nonzero(fit_box(ink, (28, 28), 20 / 28) > 127)
    >>> [int(end) for end in (rows.min(), rows.max(), columns.min(), columns.max())]
    [4, 23, 12, 15]
    """
    (found,) = ndimage.find_objects((ink > EDGE).astype(int))
    corner, end = np.array([(part.start, part.stop) for part in found]).T
    sides = np.array(shape)
    scale = box * min(sides / (end - corner))
    mass = np.array(ndimage.center_of_mass(ink)) + 0.5
    place = np.ceil(sides // 2 - scale * (mass - corner) - 1e-6)  # of the corner
    place = place.clip(0, sides - scale * (end - corner))
    margin = int(max(sides / scale)) + 1
    start = corner - place / scale + margin
    (top, left), (bottom, right) = start, start + sides / scale
    image = Image.fromarray(np.pad(ink, margin).astype(np.float32))
    fitted = np.array(
        image.resize((shape[1], shape[0]), Image.Resampling.BICUBIC, (left, top, right, bottom))
    )
    return np.rint(255 * (fitted / min(1, fitted.max())).clip(0, 1)).astype(np.uint8)
