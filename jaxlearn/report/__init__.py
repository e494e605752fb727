"""What a comparison shows: tables, pictures, a page that opens offline, and words."""

from ._report import print_report, write_report
from ._trajectories import descents_table, plot_descents, write_descents

__all__ = [
    "descents_table",
    "plot_descents",
    "print_report",
    "write_descents",
    "write_report",
]
