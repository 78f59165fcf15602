"""The report as a PDF: A4, one page where it fits, the notice and the page's number on each.

Equal contents give equal bytes: reportlab's invariant mode takes the clock and the random ids out of the file.
Paragraphs parse mark-up, so that every text is escaped on its way into one.
"""

from __future__ import annotations

from functools import cache
from io import BytesIO
from typing import TYPE_CHECKING, Final
from xml.sax.saxutils import escape

from PIL import Image as Pictures
from reportlab.lib.colors import HexColor
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.platypus import (
    BaseDocTemplate,
    Flowable,
    Frame,
    HRFlowable,
    Image,
    KeepTogether,
    PageTemplate,
    Paragraph,
    Spacer,
    Table,
)

from apps.exports.drawing import lettered
from apps.exports.fonts import BOLD, REGULAR, drawable, font_file
from apps.exports.sheet import STANDING, TITLE, caption, sections

if TYPE_CHECKING:
    from reportlab.pdfgen.canvas import Canvas

    from apps.exports.contents import Contents
    from apps.exports.sheet import Line, Section
    from apps.exports.snapshot import Snapshot

_INK, _GREY, _RULE, _ACCENT = (HexColor(colour) for colour in ("#1b2430", "#5b6675", "#d5dae1", "#1f5f8b"))
_WIDTH, _HEIGHT = A4
_SIDE, _TOP, _BOTTOM = 20 * mm, 30 * mm, 22 * mm
_INNER = _WIDTH - 2 * _SIDE
_LABEL = 34 * mm
_PICTURE = 58 * mm
_HEAD: Final = 4
"""What of a section stays together: a heading is never the last on a page."""

_PIXELS: Final = 900
"""Longest side of the picture in the file: a report illustrates, it is not read from."""


def as_pdf(contents: Contents) -> bytes:
    """The file. It is laid out twice, since a page says how many there are."""
    pages, _ = _drawn(contents, pages=0)
    return _drawn(contents, pages=pages)[1]


def _drawn(contents: Contents, *, pages: int) -> tuple[int, bytes]:
    _register()
    out = BytesIO()
    document = BaseDocTemplate(
        out,
        pagesize=A4,
        invariant=1,
        title=f"medtransfer: {TITLE.lower()}",
        author="medtransfer",
        subject=contents.notice,
        lang="en-GB",
    )
    frame = Frame(_SIDE, _BOTTOM, _INNER, _HEIGHT - _TOP - _BOTTOM, 0, 0, 0, 0)

    def furnish(canvas: Canvas, _document: BaseDocTemplate) -> None:
        _furnish(canvas, contents, pages)

    document.addPageTemplates(PageTemplate(frames=[frame], onPage=furnish))
    document.build(_story(contents))
    return document.page, out.getvalue()


def _furnish(canvas: Canvas, contents: Contents, pages: int) -> None:
    """What stands on every page."""
    top = _HEIGHT - 16 * mm
    canvas.setFillColor(_ACCENT)
    canvas.setFont(BOLD, 8.5)
    canvas.drawString(_SIDE, top, contents.notice)
    canvas.setFillColor(_GREY)
    canvas.setFont(REGULAR, 8)
    canvas.drawRightString(_WIDTH - _SIDE, top, STANDING)
    canvas.setStrokeColor(_RULE)
    canvas.setLineWidth(0.6)
    canvas.line(_SIDE, top - 3 * mm, _WIDTH - _SIDE, top - 3 * mm)
    canvas.line(_SIDE, 16 * mm, _WIDTH - _SIDE, 16 * mm)
    canvas.setFont(REGULAR, 7.5)
    canvas.drawString(_SIDE, 11.5 * mm, f"{contents.notice} Study protocol {drawable(contents.protocol, 60)}.")
    canvas.drawRightString(_WIDTH - _SIDE, 11.5 * mm, f"Page {canvas.getPageNumber()} of {pages}")


def _story(contents: Contents) -> list[Flowable]:
    story: list[Flowable] = [Paragraph(escape(TITLE), _style("title")), Spacer(1, 3 * mm)]
    first, *others = sections(contents)
    if contents.picture is None:
        story += _block(first, _INNER)
    else:
        beside = [*_block(first, _INNER - _PICTURE - 8 * mm)]
        if others and any(line.figure for line in others[0].lines):
            beside += _block(others.pop(0), _INNER - _PICTURE - 8 * mm)
        story.append(_beside(beside, _picture(contents.picture, caption(contents))))
    for section in others:
        block = _block(section, _INNER)
        story += [KeepTogether(block[:_HEAD]), *block[_HEAD:]]
    return story


def _beside(left: list[Flowable], right: list[Flowable]) -> Flowable:
    """Text and picture next to each other; where the text fills the page, what is left of it goes below."""
    table = Table([[left, right]], colWidths=[_INNER - _PICTURE, _PICTURE], splitInRow=1)
    table.setStyle(
        [
            ("VALIGN", (0, 0), (-1, -1), "TOP"),
            ("LEFTPADDING", (0, 0), (-1, -1), 0),
            ("RIGHTPADDING", (0, 0), (0, 0), 8 * mm),
            ("RIGHTPADDING", (1, 0), (1, 0), 0),
            ("TOPPADDING", (0, 0), (-1, -1), 0),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 0),
        ]
    )
    return table


def _picture(picture: Snapshot, below: str) -> list[Flowable]:
    image = Pictures.fromarray(lettered(picture))
    image.thumbnail((_PIXELS, _PIXELS), Pictures.Resampling.LANCZOS)
    scale = min(_PICTURE / image.width, 75 * mm / image.height)
    content = BytesIO()
    image.save(content, "PNG")
    content.seek(0)
    drawn = Image(content, image.width * scale, image.height * scale, hAlign="RIGHT")
    return [Spacer(1, 4 * mm), drawn, Spacer(1, 1.5 * mm), Paragraph(escape(below), _style("caption"))]


def _block(section: Section, width: float) -> list[Flowable]:
    rule = HRFlowable(width="100%", thickness=0.6, color=_RULE, spaceBefore=0, spaceAfter=1.6 * mm)
    heading = [Spacer(1, 3.2 * mm), Paragraph(escape(section.title), _style("heading")), rule]
    return [*heading, *(_line(line, width) for line in section.lines)]


def _line(line: Line, width: float) -> Flowable:
    if not line.label:
        return Paragraph(escape(line.text), _style("figure" if line.figure else "sentence"))
    cells = [[Paragraph(escape(line.label), _style("label")), Paragraph(escape(line.text), _style("value"))]]
    table = Table(cells, colWidths=[_LABEL, width - _LABEL], hAlign="LEFT")
    table.setStyle(
        [
            ("VALIGN", (0, 0), (-1, -1), "TOP"),
            ("LEFTPADDING", (0, 0), (-1, -1), 0),
            ("RIGHTPADDING", (0, 0), (-1, -1), 2 * mm),
            ("TOPPADDING", (0, 0), (-1, -1), 0.2 * mm),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 0.5 * mm),
        ]
    )
    return table


def _style(name: str) -> ParagraphStyle:
    font, size, leading, colour, after = {
        "title": (BOLD, 17, 21, _INK, 0),
        "heading": (BOLD, 9.5, 12, _ACCENT, 0.8 * mm),
        "figure": (BOLD, 24, 29, _INK, 1 * mm),
        "sentence": (REGULAR, 8.5, 12, _INK, 0.6 * mm),
        "value": (REGULAR, 8.5, 12, _INK, 0),
        "label": (REGULAR, 8, 12, _GREY, 0),
        "caption": (REGULAR, 7, 9, _GREY, 0),
    }[name]
    return ParagraphStyle(
        name, fontName=font, fontSize=size, leading=leading, textColor=colour, spaceAfter=after, splitLongWords=1
    )


@cache
def _register() -> None:
    for name in (REGULAR, BOLD):
        pdfmetrics.registerFont(TTFont(name, str(font_file(name))))
