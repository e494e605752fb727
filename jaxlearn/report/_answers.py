"""What a trained model answered: pictures of its answers and of its mistakes, and how often which."""

import math
import textwrap
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jaxlearn._files import write_png
from jaxlearn._split import Split
from jaxlearn.training import Evaluation

MISTAKES, ANSWERS, COLUMNS = 40, 400, 8  # in a picture, at most, and in a row


def plot_mistakes(
    path: Path, images: np.ndarray, labels: np.ndarray, probabilities: np.ndarray, title: str
) -> None:
    """Draws the mistakes of which a model was surest, at most 40, as a PNG.

    Each is shown with its class, the model's answer and the probability that the model gave to this answer.
    Without any mistake the picture says so.

    Args:
      path: of the picture.
      images: bytes of shape (examples, height, width, channels); of 3 channels as RGB, else the first.
      labels: their classes, integers of shape (examples,).
      probabilities: as from `predict`, shape (examples, classes).
      title: what stands above.
    """
    images, labels = Split(images, labels)
    answers, sure = probabilities.argmax(axis=1), probabilities.max(axis=1)
    (wrong,) = np.nonzero(answers != labels)
    shown = wrong[np.argsort(-sure[wrong], kind="stable")][:MISTAKES]
    captions = [f"{labels[number]} → {answers[number]}\n{sure[number]:.1%}" for number in shown]
    _plot_images(path, images[shown], captions, f"{title}\n{_summary(len(shown), len(wrong), len(labels))}")


def plot_answers(
    path: Path, images: np.ndarray, names: Sequence[str], probabilities: np.ndarray, title: str
) -> None:
    """Draws images as a model saw them, the first 400 at most, with its answers, as a PNG.

    Args:
      path: of the picture.
      images: bytes of shape (examples, height, width, channels); of 3 channels as RGB, else the first.
      names: of the examples; more than three short lines are cut.
      probabilities: as from `predict`, shape (examples, classes).
      title: what stands above.
    """
    answers, sure = probabilities.argmax(axis=1), probabilities.max(axis=1)
    shown = [_printable(name) for name in names[:ANSWERS]]
    captions = [
        "\n".join([*textwrap.wrap(name, 12, max_lines=3, placeholder="…"), f"{answer}, {chance:.1%}"])
        for name, answer, chance in zip(shown, answers, sure, strict=False)
    ]
    first = f"the first {len(shown)} of {len(names):,} examples: " if len(shown) < len(names) else ""
    _plot_images(path, images[:ANSWERS], captions, f"{title}\n{first}answer, its probability")


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def _plot_images(path: Path, images: np.ndarray, captions: Sequence[str], title: str) -> None:
    from matplotlib.figure import Figure

    rows = math.ceil(len(images) / COLUMNS)
    lines = max((caption.count("\n") + 1 for caption in captions), default=0)
    figure = Figure(figsize=(9, (1.15 + 0.15 * lines) * rows + 0.7), layout="constrained")
    figure.suptitle(title, fontsize=11, parse_math=False)
    panels: list[Any] = figure.subplots(rows, COLUMNS, squeeze=False).ravel().tolist() if rows else []
    for axes in panels:
        axes.set_axis_off()
    for axes, image, caption in zip(panels, images, captions, strict=False):
        axes.imshow(image if image.shape[2] == 3 else image[..., 0], cmap="gray", vmin=0, vmax=255)
        axes.set_title(caption, fontsize=9, parse_math=False)
    with warnings.catch_warnings():
        warnings.filterwarnings(
            "ignore", "Glyph .* missing from"
        )  # a name in any script; a box stands for it
        write_png(path, figure)


def _summary(shown: int, wrong: int, examples: int) -> str:
    if not wrong:
        return f"no mistakes in {examples:,} examples"
    which = f"the {shown} it was surest of: " if shown < wrong else ""
    return f"mistakes: {wrong:,} of {examples:,} examples; {which}class → answer, probability of the answer"


def confusion_table(evaluation: Evaluation) -> str:
    """The confusion matrix as text: a row for each right class, a column for each answer.

    >>> import jax.numpy as jnp
    >>> print(confusion_table(Evaluation(jnp.array(0.0), jnp.array([[10, 2], [0, 7]]))))
    class    0    1
        0   10    2
        1    .    7
    """
    counts = np.asarray(evaluation.confusion)
    width = max(5, len(str(counts.max())) + 1)
    rows = ["class" + "".join(f"{j:{width}}" for j in range(len(counts)))]
    for i, row in enumerate(counts):
        rows.append(f"{i:5}" + "".join(f"{n or '.':>{width}}" for n in row))
    return "\n".join(rows)
