"""Colors of pictures, on light and on dark paper."""

from typing import Any, NamedTuple

DASHES = ["-", (0, (5, 2)), (0, (1, 1.5)), (0, (6, 2, 1, 2)), (0, (3, 1, 1, 1, 1, 1))]


class Style(NamedTuple):
    """Colors of paper, text, lines, of what is much, and of optimizers.

    The seven colors are told apart by color-blind people too (Okabe and Ito, 2008, without yellow, which
    nobody sees on white, and black); on dark paper they are lighter.
    """

    paper: str
    ink: str
    line: str
    deep: str
    colors: tuple[str, ...]

    def looks(self, names: list[str]) -> dict[str, dict[str, Any]]:
        """A color for each name, and after the last color other dashes.

        >>> LIGHT.looks(["adam", "sgd"])["sgd"]
        {'color': '#d55e00', 'linestyle': '-'}
        """
        return {
            name: {
                "color": self.colors[i % len(self.colors)],
                "linestyle": DASHES[i // len(self.colors) % len(DASHES)],
            }
            for i, name in enumerate(names)
        }

    @property
    def settings(self) -> Any:
        """For `matplotlib.rc_context`."""
        return {
            "font.size": 9,
            "figure.facecolor": self.paper,
            "axes.facecolor": self.paper,
            "axes.edgecolor": self.line,
            "axes.labelcolor": self.ink,
            "axes.titlesize": 10,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "grid.color": self.line,
            "grid.linewidth": 0.6,
            "text.color": self.ink,
            "text.parse_math": False,  # a name with two dollar signs is a name
            "xtick.color": self.ink,
            "ytick.color": self.ink,
            "legend.frameon": False,
            "lines.linewidth": 1.6,
        }


LIGHT = Style(
    paper="#ffffff",
    ink="#1d2127",
    line="#d9dde3",
    deep="#0b4f86",
    colors=("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7d7d7d"),
)
DARK = Style(
    paper="#14171b",
    ink="#e4e7eb",
    line="#333a43",
    deep="#a5d4f7",
    colors=("#4a9fe0", "#ff8040", "#25c496", "#e79ac6", "#f7c04a", "#9bd8fa", "#a8a8a8"),
)
