"""The picture of optimizers on a function of two numbers."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxlearn._files import write_png, write_text
from jaxlearn.compare.functions import Descent, Surface

from ._style import LIGHT

COLORS = LIGHT.colors
STYLES = ("-", "--", ":", "-.")  # the next one for each round of colors
COLUMNS = 3  # of the legend
POINTS = 300  # of the grid, along each side
LOWEST, HIGHEST = 1e-12, 10.0  # heights that are drawn, in those of the start


def plot_descents(path: Path, surface: Surface, descents: Sequence[Descent]) -> None:
    """Draws the ways of tuned optimizers over contours, and their values over the steps, as a PNG.

    Contours are those of the logarithm of the height above the minima; a dot ends each way. A way that
    leaves the bounds of the surface leaves the picture, and so does a height that is not between 1e-12 and
    10 times that of the start: a run that diverges does not change the scale.

    Args:
      path: of the file; it is there whole or not at all.
      surface: what was minimised.
      descents: one for each optimizer, as from `tune`.

    Raises:
      ValueError: no descent.
    """
    if not descents:
        raise ValueError("descents must hold at least one, got none")
    from matplotlib.figure import Figure

    rows = math.ceil((len(descents) + 2) / COLUMNS)
    figure = Figure(figsize=(11, 5 + 0.25 * rows), layout="constrained")
    figure.suptitle(f"{surface.name}: {surface.formula}")
    ways, heights = figure.subplots(1, 2)
    _draw_contours(ways, surface)
    _draw_ways(ways, surface, descents)
    _draw_heights(heights, surface, descents)
    handles = [*heights.lines, *ways.lines[-2:]]
    figure.legend(handles=handles, loc="outside lower center", ncols=COLUMNS, frameon=False)
    write_png(path, figure)


def _look(number: int) -> dict[str, Any]:
    """How the line of an optimizer is drawn, by its place."""
    style = STYLES[number // len(COLORS) % len(STYLES)]
    return {"color": COLORS[number % len(COLORS)], "linestyle": style, "linewidth": 1.6}


def _draw_contours(axes: Any, surface: Surface) -> None:
    left, right, bottom, top = surface.bounds
    x, y = np.meshgrid(np.linspace(left, right, POINTS), np.linspace(bottom, top, POINTS))
    grid = jnp.asarray(np.stack([x, y], axis=-1), float)
    heights = np.asarray(jax.jit(jax.vmap(jax.vmap(surface.f)))(grid)) - surface.least
    logs = np.log10(heights + 1e-3 * np.median(heights))  # minima would be holes without end
    axes.contourf(x, y, logs, levels=24, cmap="viridis", alpha=0.35)
    axes.contour(x, y, logs, levels=24, colors="white", linewidths=0.5, linestyles="solid")
    axes.set(xlabel="x", ylabel="y", xlim=(left, right), ylim=(bottom, top), aspect="equal")


def _draw_ways(axes: Any, surface: Surface, descents: Sequence[Descent]) -> None:
    for number, descent in enumerate(descents):
        points = descent.points.astype(float)
        axes.plot(*points.T, **_look(number))
        color = COLORS[number % len(COLORS)]
        axes.plot(*points[-1], "o", color=color, markeredgecolor="white", markersize=7, zorder=3)
    marks = {"linestyle": "none", "markeredgecolor": "black", "zorder": 4}
    axes.plot(*surface.start, "o", color="white", markersize=7, label="start", **marks)
    name = "minimum" if len(surface.minima) == 1 else "minima"
    axes.plot(*np.transpose(surface.minima), "*", color="yellow", markersize=13, label=name, **marks)


def _draw_heights(axes: Any, surface: Surface, descents: Sequence[Descent]) -> None:
    for number, descent in enumerate(descents):
        label = f"{descent.optimizer}, rate {descent.rate:g}"
        axes.plot(descent.values.astype(float) - surface.least, label=label, **_look(number))
    axes.set(xlabel="steps", ylabel="value above the least", yscale="log", ymargin=0)
    start = descents[0].values[0] - surface.least
    bottom, top = axes.get_ylim()
    axes.set_ylim(max(bottom / 2, LOWEST * start), min(top * 2, HIGHEST * start))
    axes.grid(alpha=0.3)


def write_descents(folder: Path, surface: Surface, descents: Sequence[Descent]) -> None:
    """Writes `<surface>.png`, the picture of `plot_descents`, and `<surface>.csv`, every step of every way.

    Args:
      folder: where to; it is made if need be.
      surface, descents: as of `plot_descents`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    plot_descents(folder / f"{surface.name}.png", surface, descents)
    lines = ["optimizer,learning_rate,step,x,y,value"]
    for descent in descents:
        ways = zip(descent.points.tolist(), descent.values.tolist(), strict=True)
        lines += [
            f"{descent.optimizer},{descent.rate!r},{step},{x!r},{y!r},{value!r}"
            for step, ((x, y), value) in enumerate(ways)
        ]
    write_text(folder / f"{surface.name}.csv", "\n".join(lines) + "\n")


def descents_table(surface: Surface, descents: Sequence[Descent]) -> list[dict[str, str]]:
    """A row for each optimizer, as text; a "-" stands for never.

    >>> from jaxlearn.compare.functions import SURFACES
    >>> values = np.array([4.0, 1e-4])
    >>> descent = Descent("adam", [0.1, 1.0, 10.0], np.array([1e-4, 3.0, 5.0]), np.zeros((2, 2)), values, 1)
    >>> for column, text in descents_table(SURFACES["saddle"], [descent])[0].items():
    ...     print(f"{column}: {text}")
    optimizer: adam
    learning rate: 0.1 (smallest tried)
    above the least at the end: 0.0001
    steps to 1/10000 of the start: 1
    diverged: 1/3
    """
    return [
        {
            "optimizer": descent.optimizer,
            "learning rate": f"{descent.rate:g}" + (f" ({descent.edge} tried)" if descent.edge else ""),
            "above the least at the end": f"{descent.final[descent.chosen] - surface.least:.3g}",
            "steps to 1/10000 of the start": "-" if descent.steps_to is None else str(descent.steps_to),
            "diverged": f"{descent.diverged}/{len(descent.rates)}",
        }
        for descent in descents
    ]
