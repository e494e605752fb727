"""The pictures of a comparison, on light and on dark paper."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from jaxlearn._files import to_png
from jaxlearn.compare import Sweep

from ._style import Style
from ._tables import Entry, Ranking

DPI = 110
WIDTH = 10.0  # inches
NUMBERED = 25  # classes; of more there are no numbers in the cells


def draw(rankings: list[Ranking], style: Style) -> dict[str, bytes]:
    """Every picture as a PNG, by the name of its file.

    Errors of classes are left out where targets are no classes.

    Args:
      rankings: as from `ranking`.
      style: `LIGHT` or `DARK`.
    """
    import matplotlib

    names = {row.optimizer for ranked in rankings for row in ranked.rows}
    looks = style.looks(sorted(names))
    drawings = {"curves.png": _curves, "sensitivity.png": _sensitivity, "time_to_target.png": _time_to_target}
    if any(row.sweep.confusion.size for ranked in rankings for row in ranked.rows):
        drawings["classes.png"] = _classes
    with matplotlib.rc_context(style.settings), np.errstate(invalid="ignore", over="ignore"):
        return {file: to_png(drawing(rankings, looks, style), DPI) for file, drawing in drawings.items()}


def _panels(rankings: list[Ranking], looks: dict[str, Any]) -> tuple[Any, list[Any]]:
    """A figure with a panel for each model, and below them the names of the optimizers."""
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    rows = math.ceil(len(rankings) / 3)
    columns = math.ceil(len(rankings) / rows)
    across = max(1, int(WIDTH / (0.6 + 0.075 * max(map(len, looks)))))
    legend = 0.2 * math.ceil(len(looks) / across) + 0.15
    height = 3.4 * rows + legend
    figure = Figure(figsize=(WIDTH, height))
    figure.subplots_adjust(
        left=0.07, right=0.985, top=1 - 0.3 / height, bottom=(0.5 + legend) / height, wspace=0.22, hspace=0.35
    )
    panels = figure.subplots(rows, columns, squeeze=False).ravel().tolist()
    for axes, ranked in zip(panels, rankings, strict=False):
        axes.set_title(ranked.model)
        axes.grid()
    for axes in panels[len(rankings) :]:
        axes.set_axis_off()
    lines = [Line2D([], [], label=name, **look) for name, look in looks.items()]
    figure.legend(handles=lines, loc="lower center", ncols=min(across, len(looks)), handlelength=2.5)
    return figure, panels


def _curves(rankings: list[Ranking], looks: dict[str, Any], style: Style) -> Any:
    """Validation score over the epochs: mean over the seeds, and from the least to the largest of them."""
    from matplotlib.ticker import MaxNLocator

    figure, panels = _panels(rankings, looks)
    alpha = 0.18 if len(looks) <= 7 else 0.06
    for axes, ranked in zip(panels, rankings, strict=False):
        height = _heights(ranked)
        for row in ranked.rows:
            runs, look = _scores(row.sweep)[row.sweep.chosen], looks[row.optimizer]
            epochs = np.arange(1, row.sweep.epochs + 1)
            axes.plot(epochs, height(runs.mean(axis=0)), marker="." if len(epochs) <= 20 else "", **look)
            band = height(runs.min(axis=0)), height(runs.max(axis=0))
            axes.fill_between(epochs, *band, color=look["color"], alpha=alpha, linewidth=0)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        axes.set_xlabel("epoch")
        _scale(axes, ranked)
    return figure


def _sensitivity(rankings: list[Ranking], looks: dict[str, Any], style: Style) -> Any:
    """Final validation score against the learning rate, the other hyperparameters as chosen."""
    from matplotlib.ticker import FuncFormatter, NullLocator

    figure, panels = _panels(rankings, looks)
    for axes, ranked in zip(panels, rankings, strict=False):
        height = _heights(ranked)
        searched = [row for row in ranked.rows if row.point]
        for number, row in enumerate(searched):
            _draw_points(axes, row, height, looks[row.optimizer], crosses=0.03 + 0.03 * (number % 7))
        names = dict.fromkeys(_axis(row).replace("_", " ") for row in searched)
        axes.set_xlabel(" or ".join(names) or "nothing was searched")
        if searched and all(point[_axis(row)] > 0 for row in searched for point in row.sweep.points):
            axes.set_xscale("log")
            axes.xaxis.set_minor_locator(NullLocator())
            axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        _scale(axes, ranked)
    return figure


def _axis(row: Entry) -> str:
    return "learning_rate" if "learning_rate" in row.point else next(iter(row.point))


def _draw_points(axes: Any, row: Entry, height: Any, look: dict[str, Any], crosses: float) -> None:
    """A line for an optimizer, a dot for each run, a ring at the chosen point, a cross where one diverged."""
    sweep, name = row.sweep, _axis(row)
    along = [i for i, point in enumerate(sweep.points) if point | {name: row.point[name]} == row.point]
    along.sort(key=lambda i: sweep.points[i][name])
    values = np.array([sweep.points[i][name] for i in along])
    runs, diverged = _scores(sweep)[along, :, -1], sweep.diverged[along]
    means = height(runs.mean(axis=1))
    axes.plot(values, np.where(diverged.all(axis=1), np.nan, means), **look)
    point, seed = np.nonzero(~diverged)
    axes.plot(values[point], height(runs[point, seed]), ".", color=look["color"], alpha=0.5)
    chosen = along.index(sweep.chosen)
    axes.plot(values[chosen], means[chosen], "o", markersize=10, fillstyle="none", color=look["color"])
    lost = values[diverged.any(axis=1)]
    low = crosses if sweep.by_accuracy else 1 - crosses
    axes.plot(lost, np.full(len(lost), low), "x", color=look["color"], transform=axes.get_xaxis_transform())


def _scores(sweep: Sweep) -> np.ndarray:
    """Validation accuracy or loss of every run, shape (points, seeds, epochs); NaN where it is not finite."""
    scores = sweep.val_accuracy if sweep.by_accuracy else sweep.val_loss
    return np.where(np.isfinite(scores), scores, np.nan)


def _heights(ranked: Ranking) -> Callable[[np.ndarray], np.ndarray]:
    """Where a score stands; an accuracy stands where its error is, so that 0.98 and 0.99 are far apart."""
    if not ranked.by_accuracy:
        return lambda scores: scores
    errors = np.concatenate([1 - _scores(row.sweep).ravel() for row in ranked.rows])
    least = float(np.min(errors, where=errors > 0, initial=1.0)) / 2  # there is no logarithm of no error
    return lambda scores: np.maximum(1 - scores, least)


def _scale(axes: Any, ranked: Ranking) -> None:
    """A logarithmic axis: of errors, the smaller the higher, or of losses, without those that diverged."""
    from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

    axes.set_ylabel(f"validation {ranked.measure}")
    drawn = np.concatenate([_scores(row.sweep).ravel() for row in ranked.rows])
    drawn = drawn[np.isfinite(drawn)]
    if not ranked.by_accuracy and (not len(drawn) or drawn.min() <= 0):
        return
    axes.set_yscale("log")
    low, high = axes.get_ylim()
    if ranked.by_accuracy:
        high = min(high, 1.05)
    else:
        high = min(high, 2.2 * max(float(row.sweep.start_loss.max()) for row in ranked.rows))
    axes.set_ylim((high, low) if ranked.by_accuracy else (low, max(high, 1.01 * low)))
    subs = (1, 2, 5) if high > 30 * low else (1, 1.5, 2, 3, 4, 5, 7)
    axes.yaxis.set_major_locator(LogLocator(subs=subs, numticks=50) if high > 3 * low else MaxNLocator(6))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(
        FuncFormatter(lambda height, _: f"{1 - height if ranked.by_accuracy else height:.4g}")
    )


def _rows(rankings: list[Ranking], columns: int) -> tuple[Any, Any]:
    """A figure with a row of panels for each model, high enough for all its optimizers."""
    from matplotlib.figure import Figure

    heights = [0.26 * len(ranked.rows) + 0.95 for ranked in rankings]
    longest = max(len(row.optimizer) for ranked in rankings for row in ranked.rows)
    figure = Figure(figsize=(WIDTH, sum(heights)))
    grid = figure.add_gridspec(
        len(rankings),
        columns,
        height_ratios=heights,
        left=min(0.4, (0.3 + 0.085 * longest) / WIDTH),
        right=0.985,
        top=1 - 0.35 / sum(heights),
        bottom=0.5 / sum(heights),
        wspace=0.06,
        hspace=0.9 / (sum(heights) / len(heights) - 0.9),
    )
    panels = grid.subplots(squeeze=False)
    for (first, *others), ranked in zip(panels, rankings, strict=True):
        first.set_title(ranked.model, loc="left")
        for axes in (first, *others):
            axes.set_yticks(range(len(ranked.rows)), [row.optimizer for row in ranked.rows])
            axes.tick_params(axis="y", length=0, labelleft=axes is first)
            axes.set_ylim(len(ranked.rows) - 0.5, -0.5)
    return figure, panels


def _time_to_target(rankings: list[Ranking], looks: dict[str, Any], style: Style) -> Any:
    """Epochs and seconds until the target: a bar for the mean, a dot for each seed, words for the misses."""
    from matplotlib.ticker import MaxNLocator

    figure, panels = _rows(rankings, columns=2)
    for (epochs, seconds), ranked in zip(panels, rankings, strict=True):
        _draw_bars(epochs, ranked, looks, style, [1.0] * len(ranked.rows))
        _draw_bars(seconds, ranked, looks, style, [row.sweep.epoch_seconds for row in ranked.rows])
        epochs.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        epochs.set_xlabel(f"epochs to validation {ranked.measure} {ranked.target:g}")
        seconds.set_xlabel("seconds (those of the grid, divided by its runs)")
    return figure


def _draw_bars(axes: Any, ranked: Ranking, looks: dict[str, Any], style: Style, costs: list[float]) -> None:
    axes.grid(axis="x")
    axes.set_axisbelow(True)
    means = [cost * float(np.mean(row.reached or [0])) for row, cost in zip(ranked.rows, costs, strict=True)]
    colors = [looks[row.optimizer]["color"] for row in ranked.rows]
    axes.barh(range(len(means)), means, color=colors, height=0.6, alpha=0.55)
    largest = 0.0
    for place, (row, cost) in enumerate(zip(ranked.rows, costs, strict=True)):
        dots = cost * np.array(row.reached, float)
        axes.plot(dots, np.full(len(dots), place), ".", color=colors[place])
        largest = max([largest, *dots])
        if misses := len(row.epochs_to) - len(row.reached):
            words = f"{misses} of {len(row.epochs_to)} never" if row.reached else "never"
            axes.annotate(
                words, (max([0, *dots]), place), (6, 0), textcoords="offset points", va="center", fontsize=8
            )
    axes.set_xlim(0, 1.25 * largest or 1)


def _classes(rankings: list[Ranking], looks: dict[str, Any], style: Style) -> Any:
    """Share of the examples of each class that were taken for another, in percent: mean over the seeds."""
    from matplotlib.colors import LinearSegmentedColormap, PowerNorm

    shown = [ranked for ranked in rankings if ranked.rows[0].sweep.confusion.size]
    figure, panels = _rows(shown, columns=1)
    colors = LinearSegmentedColormap.from_list("", [style.paper, style.deep])
    darker, lighter = sorted([style.paper, style.ink])  # as their digits are
    for (axes,), ranked in zip(panels, shown, strict=True):
        errors = np.array([class_errors(row.sweep) for row in ranked.rows])
        norm = PowerNorm(0.5, 0, max(float(np.nanmax(errors)), 1e-3))  # small errors differ in color, too
        axes.imshow(errors, cmap=colors, norm=norm, aspect="auto")
        axes.set_xlabel("class (errors in percent)")
        if errors.shape[1] > NUMBERED:
            continue
        axes.set_xticks(range(errors.shape[1]))
        for (row, column), error in np.ndenumerate(errors):
            luminance = np.dot(np.array(colors(norm(error))[:3]) ** 2.2, [0.2126, 0.7152, 0.0722])
            color = style.ink if np.isnan(error) else darker if luminance > 0.18 else lighter
            percent = "-" if np.isnan(error) else f"{100 * error:.1f}"
            axes.text(column, row, percent, color=color, ha="center", va="center", fontsize=8)
    return figure


def class_errors(sweep: Sweep) -> np.ndarray:
    """Share of the test examples of each class that were taken for another, mean over seeds.

    Shape (classes,); NaN for a class without examples.
    """
    right = np.diagonal(sweep.confusion, axis1=1, axis2=2)
    examples = sweep.confusion.sum(axis=2)
    return np.where(examples > 0, 1 - right / np.maximum(examples, 1), np.nan).mean(axis=0)
