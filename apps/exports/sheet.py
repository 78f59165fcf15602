"""The report word by word, in the order it is read: the preview and the PDF both draw this, and nothing else.

Every text has passed `drawable`, so that what the PDF cannot draw is seen to be spelt out before it is exported.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from apps.exports.fonts import drawable

if TYPE_CHECKING:
    from apps.exports.contents import Contents, Finding, Statement

TITLE: Final = "AI result on one study"
STANDING: Final = "Made by a model, verified by nobody."


@dataclass(frozen=True, kw_only=True)
class Line:
    """A label and what stands behind it; a sentence of its own where there is no label."""

    text: str
    label: str = ""
    figure: bool = False
    """True for the figure that the report is about."""


@dataclass(frozen=True, kw_only=True)
class Section:
    """A heading and its lines."""

    title: str
    lines: tuple[Line, ...]


def sections(contents: Contents) -> tuple[Section, ...]:
    """What the report says; a section without lines is left out."""
    parts = (
        _section("Study", _study(contents)),
        *(_section(f"Probability of {finding.name}", _finding(finding)) for finding in contents.findings),
        _section("Take note", [Line(text=flag) for flag in contents.flags]),
        _section("Reader before the result", _statements(contents.impressions)),
        _section("Reader after the result", _statements(contents.feedback)),
        _section("Model", _model(contents)),
        _section("This report", _origin(contents)),
    )
    return tuple(section for section in parts if section.lines)


def caption(contents: Contents) -> str:
    """What stands below the picture."""
    return drawable(contents.picture.where) if contents.picture else ""


def _section(title: str, lines: list[Line]) -> Section:
    return Section(
        title=drawable(title, 120),
        lines=tuple(
            Line(text=drawable(line.text), label=drawable(line.label, 80), figure=line.figure) for line in lines
        ),
    )


def _study(contents: Contents) -> list[Line]:
    subject = contents.subject
    name = " · ".join(part for part in (subject.name, subject.number) if part)
    unnamed = "not stated in the files" if subject.named else "not named: the app has no key of the pseudonyms"
    lines = [Line(label="Patient", text=name or unnamed)]
    if subject.deidentified:
        lines.append(Line(label="Identity", text="The files are de-identified: name and number are pseudonyms."))
    lines += _stated("Born", subject.birth_date)
    lines += _stated("Sex", subject.sex)
    lines += [Line(label="Study", text=contents.study)]
    lines += _stated("Date of study", contents.study_date)
    return [*lines, Line(label="Images", text=contents.images)]


def _finding(finding: Finding) -> list[Line]:
    lines = [Line(text=finding.said, figure=True)]
    lines += [Line(text=sentence) for sentence in (finding.caution, finding.decision, finding.frequency) if sentence]
    return [*lines, *(Line(text=sentence) for sentence in finding.performance)]


def _statements(statements: tuple[Statement, ...]) -> list[Line]:
    lines = []
    for statement in statements:
        said = " · ".join(part for part in (*statement.said, statement.who) if part)
        lines.append(Line(label=statement.at, text=said))
    return lines


def _model(contents: Contents) -> list[Line]:
    model = contents.model
    return [
        Line(label="Name", text=model.name),
        Line(label="Made by", text=f"medtransfer {model.version}"),
        Line(label="Bundle (SHA-256)", text=model.sha256),
        *(Line(label=label, text=text) for label, text in model.scope),
    ]


def _origin(contents: Contents) -> list[Line]:
    at = f"{contents.drawn_up:%Y-%m-%d %H:%M:%S} UTC"
    return [
        Line(label="Study protocol", text=contents.protocol or "none: exports are off"),
        Line(label="Drawn up", text=f"{at} by {contents.exported_by}"),
        Line(label="Study (SHA-256)", text=contents.study_sha256),
    ]


def _stated(label: str, text: str) -> list[Line]:
    return [Line(label=label, text=text)] if text else []
