"""The picture of a run."""

from collections.abc import Sequence
from pathlib import Path

from jaxlearn._files import write_png
from jaxlearn.training import EpochReport


def plot_curves(path: Path, reports: Sequence[EpochReport], title: str) -> None:
    """Draws loss and accuracy over the epochs, training and validation, as a PNG."""
    from matplotlib.figure import Figure

    epochs = [report.epoch for report in reports]
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    figure.suptitle(title)
    for axes, name in zip(figure.subplots(1, 2), ("loss", "accuracy"), strict=True):
        for split, label, style in (("train", "training", "o-"), ("val", "validation", "s--")):
            values = [getattr(report, f"{split}_{name}") for report in reports]
            if values[0] is not None:
                axes.plot(epochs, values, style, markersize=3, label=label)
        axes.set(xlabel="epoch", ylabel=name)
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.grid(alpha=0.3)
        axes.legend()
    write_png(path, figure)
