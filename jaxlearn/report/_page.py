"""A report as Markdown, and as a page of HTML that needs nothing beside it."""

import base64
import html
import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from ._tables import Column, Table

LONG = 40  # rows; a table with more is folded away on the page
WIDE = 30  # letters; a column with more gets room for them


class Warnings(NamedTuple):
    """What to beware of."""

    texts: list[str]


class Picture(NamedTuple):
    """A file beside the report, and what is to be seen there."""

    file: str
    text: str


class Code(NamedTuple):
    """Text to be taken letter by letter."""

    text: str


Block = str | Warnings | Table | Picture | Code


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
    parts = [f"# {_escape(title)}"]
    for section in sections:
        parts += [f"## {_escape(section.title)}", *(_block_to_markdown(block) for block in section.blocks)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _escape(text: str) -> str:
    """Text in one line that Markdown takes for text."""
    return re.sub(r"([\\|<`\[])", r"\\\1", " ".join(text.split()))


def _block_to_markdown(block: Block) -> str:
    match block:
        case Warnings(texts):
            return "\n".join(f"- **Beware:** {_escape(text)}" for text in texts)
        case Picture(file, text):
            return f"![{_escape(text)}]({file})"
        case Code(text):
            return "\n".join(f"    {line}" for line in text.splitlines())
        case Table(title, columns, rows):
            lines = [[_escape(column.name) for column in columns]]
            lines.append(["---:" if column.number else "---" for column in columns])
            lines += [[_escape(cell) for cell in row] for row in rows]
            table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
            return f"{_escape(title)}\n\n{table}" if title else table
    return _escape(block)


def to_html(
    title: str, sections: list[Section], light: Mapping[str, bytes], dark: Mapping[str, bytes]
) -> str:
    """The report as one page, light or dark as the reader's system is.

    Args:
      title: of the page.
      sections: what stands there.
      light, dark: the content of each PNG file, in both styles.
    """
    style = Path(__file__).with_name("_page.css").read_text(encoding="utf-8")
    body = "\n".join(
        f"<section>\n<h2>{html.escape(section.title)}</h2>\n"
        + "\n".join(_block_to_html(block, light, dark) for block in section.blocks)
        + "\n</section>"
        for section in sections
    )
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{html.escape(title)}</title>
<style>
{style}</style>
</head>
<body>
<main>
<h1>{html.escape(title)}</h1>
{body}
</main>
</body>
</html>
"""


def _block_to_html(block: Block, light: Mapping[str, bytes], dark: Mapping[str, bytes]) -> str:
    match block:
        case Warnings(texts):
            items = "\n".join(f"<li><strong>Beware:</strong> {html.escape(text)}</li>" for text in texts)
            return f'<ul class="warnings">\n{items}\n</ul>' if items else ""
        case Picture(file, text):
            return (
                '<div class="box picture" tabindex="0"><picture>'
                f'<source media="(prefers-color-scheme: dark)" srcset="{_embed(dark[file])}">'
                f'<img src="{_embed(light[file])}" alt="{html.escape(text)}"></picture></div>'
            )
        case Code(text):
            return f'<pre class="box" tabindex="0"><code>{html.escape(text)}</code></pre>'
        case Table():
            return _table_to_html(block)
    return f"<p>{html.escape(block)}</p>"


def _embed(picture: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(picture).decode()}"


def _kind(column: Column, cells: tuple[str, ...]) -> str:
    wide = max(map(len, cells)) > WIDE
    return ' class="number"' if column.number else ' class="wide"' if wide else ""


def _table_to_html(table: Table) -> str:
    cells = zip(*table.rows, strict=True)
    kinds = [_kind(column, cell) for column, cell in zip(table.columns, cells, strict=True)]
    head = "".join(
        f'<th scope="col"{kind}>{html.escape(column.name)}</th>'
        for kind, column in zip(kinds, table.columns, strict=True)
    )
    body = "\n".join(
        f'<tr><th scope="row">{html.escape(row[0])}</th>'
        + "".join(
            f"<td{kind}>{html.escape(cell)}</td>" for kind, cell in zip(kinds[1:], row[1:], strict=True)
        )
        + "</tr>"
        for row in table.rows
    )
    caption = f'<p class="caption">{html.escape(table.title)}</p>\n' if table.title else ""
    box = (
        f'<div class="box" tabindex="0"><table>\n<thead><tr>{head}</tr></thead>\n'
        f"<tbody>\n{body}\n</tbody>\n</table></div>"
    )
    if len(table.rows) > LONG:
        box = f"<details><summary>{len(table.rows)} rows</summary>\n{box}\n</details>"
    return caption + box
