"""Test digits as photographs: is what a camera makes of a digit still read?

`python -m tests.photographs RUN` renders 500 test digits of MNIST in every way of `KINDS`, reads them with
`data.read_picture` and prints how many of each the model in the folder RUN classifies right. RUN is what
`python train.py --opt adam --model cnn --dataset mnist --epochs 5 --out RUN` leaves. JAXLEARN_DATA is the
folder of `mnist/`.
"""

import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from scipy import ndimage

import jaxlearn
from jaxlearn import data, training
from models import MODELS

DIGITS = 500
LEAST, LEAST_ORIGINALS = 0.95, 0.985


def ink_of(digit: np.ndarray, size: int = 28, margin: int = 0, turn: float = 0) -> np.ndarray:
    """A digit of shape (28, 28, 1) as the share of ink, 0 to 1, `size` pixels a side within a margin."""
    image = Image.fromarray(digit[..., 0]).rotate(turn, Image.Resampling.BICUBIC)
    image = image.resize((size, size), Image.Resampling.BICUBIC)
    return np.pad(np.asarray(image) / 255, margin)


def write(ink: np.ndarray, paper: Any = 255, pen: float = 0) -> np.ndarray:
    """Ink on paper, either of which may be uneven; with a last axis for the colours of the paper."""
    return paper + ink * (pen - paper)


def grain(image: np.ndarray, deviation: float, seed: int = 0) -> np.ndarray:
    return image + np.random.default_rng(seed).normal(0, deviation, image.shape)


def slope(size: int, dark: float, bright: float) -> np.ndarray:
    """Light that comes from one corner."""
    x = np.linspace(0, 1, size)
    return dark + (bright - dark) * (x[:, None] + x) / 2


def vignette(size: int, dark: float, bright: float) -> np.ndarray:
    """Light that falls off towards the corners, as cos^4 does in a lens."""
    x = np.linspace(-1, 1, size)
    return dark + (bright - dark) * ((1 + (x[:, None] ** 2 + x**2) / 2) ** -2 - 0.25) / 0.75


def crop(image: np.ndarray) -> np.ndarray:
    """What lies in the box of everything that is ink."""
    (box,) = ndimage.find_objects((image > 0).astype(int))
    return image[box]


def specks(image: np.ndarray, number: int, value: float) -> np.ndarray:
    spotted = image.copy()
    spotted.ravel()[np.random.default_rng(1).choice(image.size, number, replace=False)] = value
    return spotted


def shadow(size: int, dark: float, bright: float) -> np.ndarray:
    """The soft edge of a hand's shadow over a third of the page."""
    x = np.linspace(0, 1, size)
    return dark + (bright - dark) / (1 + np.exp(-(x[:, None] * 0.4 + x - 0.5) * 25))


def place(ink: np.ndarray, size: int, top: int, left: int) -> np.ndarray:
    page = np.zeros((size, size))
    page[top : top + len(ink), left : left + len(ink)] = ink
    return page


def colour(ink: np.ndarray, paper: tuple[int, int, int], pen: tuple[int, int, int]) -> np.ndarray:
    return np.stack([write(ink, p, q) for p, q in zip(paper, pen, strict=True)], axis=-1)


def beside(page: np.ndarray, value: float) -> np.ndarray:
    """The page does not fill the picture: at one side there is what it lies on."""
    shown = page.copy()
    shown[:, : len(page) // 14] = value
    return shown


def transparent(ink: np.ndarray, pen: int) -> np.ndarray:
    return np.stack([np.full(ink.shape, pen)] * 3 + [ink * 255], axis=-1)


# a digit of shape (28, 28, 1) becomes pixels from 0 to 255, of shape (height, width), or of 3 or 4 channels
KINDS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "original": lambda d: d[..., 0],
    "ink 0 on paper 255": lambda d: write(ink_of(d)),
    "ink 60 on paper 200": lambda d: write(ink_of(d), 200, 60),
    "ink 60 on paper 160": lambda d: write(ink_of(d), 160, 60),
    "ink 130 on paper 160": lambda d: write(ink_of(d), 160, 130),
    "paper 60, ink 200": lambda d: write(ink_of(d), 60, 200),
    "light from a corner": lambda d: write(ink_of(d, 56, 14), slope(84, 110, 240), 30),
    "vignette": lambda d: write(ink_of(d, 56, 14), vignette(84, 90, 230), 30),
    "a shadow": lambda d: write(ink_of(d, 56, 14), shadow(84, 120, 220), 40),
    "a shadow on ink and paper": lambda d: ndimage.gaussian_filter(
        write(ink_of(d, 112, 28), shadow(168, 100, 220), 0.2 * shadow(168, 100, 220)), 1.5
    ),
    "a dark table beside it": lambda d: beside(write(ink_of(d, 112, 30), 220, 40), 70),
    "a wide page, one lamp": lambda d: write(
        np.pad(ink_of(d, 56), ((10, 10), (10, 300))), np.linspace(120, 230, 366), 30
    ),
    "sensor noise": lambda d: grain(write(ink_of(d, 56, 14), 200, 60), 15),
    "noise and light": lambda d: grain(write(ink_of(d, 112, 30), slope(172, 120, 220), 40), 15),
    "dust": lambda d: specks(write(ink_of(d, 56, 28), 220, 40), 25, 40),
    "blur": lambda d: ndimage.gaussian_filter(write(ink_of(d, 56, 14), 220, 40), 2),
    "turned by 5 degrees": lambda d: write(ink_of(d, 56, 7, 5), 220, 40),
    "turned by -5 degrees": lambda d: write(ink_of(d, 56, 7, -5), 220, 40),
    "half the size": lambda d: write(ink_of(d, 14), 220, 40),
    "twice the size": lambda d: write(ink_of(d, 56), 220, 40),
    "four times the size": lambda d: write(ink_of(d, 112), 220, 40),
    "a page twice the box": lambda d: write(ink_of(d, 28, 14), 220, 40),
    "in a corner of a page": lambda d: write(place(ink_of(d, 56), 220, 150, 10), 220, 40),
    "small on a large page": lambda d: grain(write(place(ink_of(d, 112), 800, 200, 500), 210, 40), 6),
    "cropped to the ink": lambda d: write(crop(ink_of(d)), 220, 40),
    "cropped, twice the size": lambda d: write(crop(ink_of(d, 56)), 220, 40),
    "cropped, bright on dark": lambda d: crop(ink_of(d)) * 255,
    "JPEG of quality 20": lambda d: write(ink_of(d, 56, 14), 220, 40),
    "blue on yellow": lambda d: colour(ink_of(d, 56, 14), (240, 220, 130), (40, 50, 140)),
    "red on green": lambda d: colour(ink_of(d, 56, 14), (110, 180, 120), (170, 40, 40)),
    "transparent, black": lambda d: transparent(ink_of(d, 56), 0),
    "transparent, white": lambda d: transparent(ink_of(d, 56), 255),
}
OPTIONS = {"JPEG of quality 20": ("digit.jpg", {"quality": 20})}


def save(kind: str, digit: np.ndarray, folder: Path) -> Path:
    """Writes a digit as a photograph of a kind and returns its path."""
    name, options = OPTIONS.get(kind, ("digit.png", {}))
    pixels = np.rint(KINDS[kind](digit)).clip(0, 255).astype(np.uint8)
    Image.fromarray(pixels).save(folder / name, **options)
    return folder / name


def read(kind: str, digits: np.ndarray) -> np.ndarray:
    """The digits as `data.read_picture` prepares photographs of them; black is what it refuses."""

    def through(digit: np.ndarray) -> np.ndarray:
        try:
            return data.read_picture(save(kind, digit, Path(folder)), digit.shape).image
        except data.DataError:
            return np.zeros_like(digit)

    with tempfile.TemporaryDirectory() as folder:
        return np.stack([through(digit) for digit in digits])


def accuracies(model: Any, params: Any, model_state: Any, digits: Any) -> dict[str, float]:
    """The share of `digits`, a Split, that are read right, for each kind; what was refused is wrong."""

    def accuracy(kind: str) -> float:
        images = read(kind, digits.images)
        answers = training.predict(model, params, model_state, images).argmax(axis=1)
        return float(((answers == digits.labels) & images.any(axis=(1, 2, 3))).mean())

    return {kind: accuracy(kind) for kind in KINDS}


def load(run: str | Path) -> tuple[Any, Any, Any]:
    """The model of a run, its parameters and its state."""
    saved = jaxlearn.load(run)
    model = MODELS[saved.config["model"]](saved.config["classes"], **saved.config["sizes"])
    return model, saved.params, saved.model_state


def main(run: str) -> int:
    test = data.load("mnist", Path(os.environ["JAXLEARN_DATA"]) / "mnist").test
    table = accuracies(*load(run), data.Split(test.images[:DIGITS], test.labels[:DIGITS]))
    for kind, accuracy in table.items():
        print(f"{kind:24} {accuracy:.3f}")
    return int(min(table.values()) < LEAST or table["original"] < LEAST_ORIGINALS)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
