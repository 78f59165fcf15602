"""The words of a page as plain pieces, so that a screen says what the page says without its markup.

What is read is the HTML that our own templates have just made. What a user wrote was escaped there, and comes out here
as the text it was: nothing of a piece is markup.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from itertools import zip_longest
from typing import Final

_VOID: Final = frozenset({"br", "hr", "img", "input", "meta", "link", "col"})
_SKIPPED: Final = frozenset({"svg", "figure", "img", "style", "script", "nav"})
_APART: Final = frozenset({"what", "meaning"})
"""Classes of spans that stand on a line of their own."""


@dataclass(frozen=True, kw_only=True)
class ReportWords:
    """A heading or a paragraph."""

    text: str
    heading: bool = False
    small: bool = False


@dataclass(frozen=True, kw_only=True)
class ReportItems:
    """A list."""

    items: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class ReportFacts:
    """Names, and what stands behind each."""

    rows: tuple[tuple[str, str], ...]


@dataclass(frozen=True, kw_only=True)
class ReportTable:
    """A table; the lines of a cell are parted by line feeds. Rows are as long as the head."""

    caption: str
    head: tuple[str, ...]
    numeric: tuple[bool, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, kw_only=True)
class ReportMore:
    """What is there for those who ask for it."""

    summary: str
    blocks: tuple[ReportBlock, ...]


ReportBlock = ReportWords | ReportItems | ReportFacts | ReportTable | ReportMore


@dataclass
class _Node:
    tag: str
    classes: frozenset[str] = frozenset()
    span: int = 1
    children: list[_Node | str] = field(default_factory=list)

    def find(self, *tags: str) -> Iterator[_Node]:
        """Nodes of these tags, not looking inside those that are found."""
        for child in self.children:
            if isinstance(child, _Node):
                if child.tag in tags:
                    yield child
                else:
                    yield from child.find(*tags)


def blocks(html: str) -> tuple[ReportBlock, ...]:
    """The pieces of a page's part, in their order; drawings are left out."""
    tree = _Tree()
    tree.feed(html)
    tree.close()
    return tuple(_blocks(tree.root))


class _Tree(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = _Node("")
        self._open = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = dict(attrs)
        node = _Node(tag, frozenset((said.get("class") or "").split()), int(said.get("colspan") or 1))
        self._open[-1].children.append(node)
        if tag not in _VOID:
            self._open.append(node)

    def handle_endtag(self, tag: str) -> None:
        place = next((i for i in range(len(self._open) - 1, 0, -1) if self._open[i].tag == tag), None)
        if place is not None:
            del self._open[place:]

    def handle_data(self, data: str) -> None:
        self._open[-1].children.append(data)


def _blocks(node: _Node) -> Iterator[ReportBlock]:
    for child in node.children:
        if isinstance(child, str):
            if text := " ".join(child.split()):
                yield ReportWords(text=text)
        elif child.tag not in _SKIPPED:
            yield from _block(child)


def _block(node: _Node) -> Iterator[ReportBlock]:
    match node.tag:
        case "h1" | "h2" | "h3" | "h4":
            yield ReportWords(text=_text(node), heading=True)
        case "p":
            if text := _text(node):
                yield ReportWords(text=text, small="small" in node.classes)
        case "ul" | "ol":
            yield ReportItems(items=tuple(_text(one) for one in node.find("li")))
        case "dl":
            names, said = ([_text(one) for one in node.find(tag)] for tag in ("dt", "dd"))
            yield ReportFacts(rows=tuple(zip(names, said, strict=True)))
        case "table":
            yield _table(node)
        case "details":
            summary = next(node.find("summary"), _Node(""))
            inner = _Node("", children=[child for child in node.children if child is not summary])
            yield ReportMore(summary=_text(summary), blocks=tuple(_blocks(inner)))
        case _:
            yield from _blocks(node)


def _table(node: _Node) -> ReportTable:
    heads = [_cells(row, heads=True) for part in node.find("thead") for row in part.find("tr")]
    body = [_cells(row) for part in node.find("tbody") for row in part.find("tr")]
    width = max(map(len, [*heads, *body]), default=0)
    last = heads[-1] if heads else []
    above = [[text for text, _ in row] for row in heads]
    names = [": ".join(dict.fromkeys(filter(None, column))) for column in zip_longest(*above, fillvalue="")]
    return ReportTable(
        caption=" ".join(_text(one) for one in node.find("caption")),
        head=tuple(names) + ("",) * (width - len(names)),
        numeric=tuple(number for _, number in last) + (False,) * (width - len(last)),
        rows=tuple(tuple(text for text, _ in row) + ("",) * (width - len(row)) for row in body),
    )


def _cells(row: _Node, *, heads: bool = False) -> list[tuple[str, bool]]:
    """Text, and whether it is a number; a cell over several columns stands in the first of them, a head in each."""
    cells: list[tuple[str, bool]] = []
    for cell in row.find("th", "td"):
        text, number = _text(cell), bool({"num", "right", "wrong"} & cell.classes)
        cells.append((text, number))
        cells += [(text if heads else "", number)] * (cell.span - 1)
    return cells


def _text(node: _Node) -> str:
    """Its text: blanks as one, `<br>` as a line feed."""
    lines = "".join(_pieces(node)).split("\v")
    return "\n".join(filter(None, (" ".join(line.split()) for line in lines)))


def _pieces(node: _Node) -> Iterator[str]:
    for child in node.children:
        if isinstance(child, str):
            yield child.replace("\v", " ")
        elif child.tag == "br" or child.tag in {"li", "p"} or _APART & child.classes:
            yield "\v"
            yield from _pieces(child)
        elif child.tag not in _SKIPPED:
            yield from _pieces(child)
