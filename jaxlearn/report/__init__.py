"""What runs and comparisons show: tables, pictures, a page that opens offline, and words."""

from ._answers import confusion_table, plot_answers, plot_mistakes
from ._curves import plot_curves
from ._logs import log_csv, log_sweeps, log_tensorboard
from ._report import print_report, write_report
from ._trajectories import descents_table, plot_descents, write_descents

__all__ = [
    "confusion_table",
    "descents_table",
    "log_csv",
    "log_sweeps",
    "log_tensorboard",
    "plot_answers",
    "plot_curves",
    "plot_descents",
    "plot_mistakes",
    "print_report",
    "write_descents",
    "write_report",
]
