"""Tables in Markdown, and their places in the README."""

from collections.abc import Iterable, Sequence
from typing import Any

from .peer import ROOT

README = ROOT / "README.md"


def show(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds >= 1 else f"{1e3 * seconds:.3g} ms"


def line(cells: Iterable[Any]) -> str:
    return f"| {' | '.join(map(str, cells))} |"


def heading(titles: Sequence[str]) -> list[str]:
    """The first two lines of a table whose columns are flush right."""
    return [line(titles), "|" + "--:|" * len(titles)]


def marks(name: str) -> tuple[str, str]:
    return f"<!-- {name} -->", f"<!-- end of {name} -->"


def write_readme(name: str, lines: Sequence[str]) -> bool:
    """Puts the lines between the marks of that name in the README; False where it has no such marks."""
    begin, end = marks(name)
    text = README.read_text(encoding="utf-8")
    before, found, rest = text.partition(begin)
    _, closed, after = rest.partition(end)
    if not (found and closed):
        return False
    README.write_text("\n".join([before + begin, *lines, end + after]), encoding="utf-8")
    return True
