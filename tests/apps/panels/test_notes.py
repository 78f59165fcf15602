"""What readers should take note of: sentences, with the technical words folded away."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import medtransfer as mt
from apps.notices import NOTES
from tests.apps.test_app import markup, texts

if TYPE_CHECKING:
    from tests.apps.panels.conftest import Draw, MakeReading


def test_codes_and_words_of_parsers_are_folded_away(make_reading: MakeReading, draw: Draw) -> None:
    file = Path("<b>a.dcm")
    notes = ("SpacingIgnored: PixelSpacing is 0 × 0 mm", "EightBits: colours of 0 to 9")
    view = SimpleNamespace(label="CR", notes=notes)
    reading = make_reading({}, views=(view,), files=(file,))
    reading.no_score = ()
    problem = "element (0002,0003) declares 48 bytes. Read it nevertheless with --force"
    reading.views.unread = (mt.Unreadable(file, problem, code="Truncated"),)
    app = draw("notes", reading)
    assert not app.exception
    (folded,) = app.expander
    inside = [line.value for line in folded.text]
    outside = [line.value for line in app.text if line.value not in inside]
    assert folded.label == "For whoever looks after the files"
    assert not folded.proto.expanded
    assert NOTES["SpacingIgnored"] in outside
    assert any(line.startswith("<b>a.dcm cannot be read: it is damaged") for line in outside)
    assert not [line for line in outside if "--force" in line or "Ignored" in line or "element" in line]
    assert inside == [f"<b>a.dcm: Truncated: {problem}", *notes]
    assert "<b>" not in markup(app)


def test_nothing_is_drawn_of_nothing(make_reading: MakeReading, draw: Draw) -> None:
    reading = make_reading({})
    reading.no_score = ()
    app = draw("notes", reading)
    assert not app.exception
    assert (texts(app), len(app.expander)) == ("", 0)
