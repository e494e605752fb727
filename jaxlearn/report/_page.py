"""A report as Markdown, and as a page of HTML that needs nothing beside it."""

import base64
import re
from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple

from ._tables import Table

LONG = 40  # rows; a table with more is folded away on the page
WIDE = 30  # letters; a column with more gets room for them


class Warnings(NamedTuple):
    """What to beware of."""

    texts: list[str]
    kind: str = "warnings"


class Figure(NamedTuple):
    """A file beside the report, and what is to be seen there."""

    file: str
    text: str
    kind: str = "picture"


class Code(NamedTuple):
    """Text to be taken letter by letter."""

    text: str
    kind: str = "code"


Block = str | Warnings | Table | Figure | Code


class Section(NamedTuple):
    """A heading and what stands below it; a string is a paragraph."""

    title: str
    blocks: list[Block]


def to_markdown(title: str, sections: list[Section]) -> str:
    """The report as GitHub's Markdown.

    >>> print(to_markdown("Two | three", [Section("Found", ["All <b>.", Code("make"), Warnings(["Hot."])])]))
    # Two \\| three
    <BLANKLINE>
    ## Found
    <BLANKLINE>
    All \\<b>.
    <BLANKLINE>
        make
    <BLANKLINE>
    - **Beware:** Hot.
    <BLANKLINE>
    """
    return str(_template("report.md").render(title=title, sections=sections))


def to_html(
    title: str, sections: list[Section], light: Mapping[str, bytes], dark: Mapping[str, bytes]
) -> str:
    """The report as one page, light or dark as the reader's system is.

    Args:
      title: of the page.
      sections: what stands there.
      light, dark: the content of each PNG file, in both styles.
    """
    return str(
        _template("report.html").render(title=title, sections=sections, light=light, dark=dark, LONG=LONG)
    )


@cache
def _template(name: str) -> Any:
    import jinja2
    from markupsafe import Markup

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("jaxlearn.report", "_templates"),
        autoescape=jinja2.select_autoescape(["html"]),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["plain"] = _escape
    environment.filters["embed"] = _embed
    environment.filters["kinds"] = lambda table: [Markup(kind) for kind in _kinds(table)]
    return environment.get_template(name)


def _escape(text: str) -> str:
    """Text in one line that Markdown takes for text."""
    return re.sub(r"([\\|<`\[])", r"\\\1", " ".join(text.split()))


def _embed(picture: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(picture).decode()}"


def _kinds(table: Table) -> list[str]:
    """For each column the class of its cells."""
    columns = zip(table.columns, zip(*table.rows, strict=True), strict=True)
    return [
        ' class="number"' if column.number else ' class="wide"' if max(map(len, cells)) > WIDE else ""
        for column, cells in columns
    ]
