"""What readers notice, in sentences: every code that their source can give has one, and none of them has the code."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from apps.notices import LEFT_OUT, NOTES, PROBLEMS, UNNAMED, UNSAID, noticed, why_unread

if TYPE_CHECKING:
    from collections.abc import Iterator

SOURCE = Path(__file__).parents[2] / "medtransfer"
READERS = [
    *(
        file
        for folder in ("dicom", "nifti", "loaders", "isolation")
        for file in (SOURCE / "data" / folder).rglob("*.py")
    ),
    *(
        SOURCE / "data" / f"{name}.py"
        for name in ["archive", "cache", "decoding", "ingest", "orient", "outcome", "preprocess"]
    ),
    *(SOURCE / "data" / f"{name}.py" for name in ["resample", "squares", "values", "walk", "windows"]),
    *(SOURCE / "prediction" / f"{name}.py" for name in ["study", "study_files", "view_values", "viewing", "predict"]),
]
CODE = re.compile(r"([A-Z][a-z0-9]+(?:[A-Z0-9][a-z0-9]*)+|Resampled): ")
WORD = re.compile(r"[A-Z][A-Za-z0-9]+")
BARE = re.compile(r"[A-Z][a-z0-9]+(?:[A-Z0-9][a-z0-9]*)+")
MAKERS = {"_refusal", "_error", "_failed", "_mixed"}
TECHNICAL = re.compile(
    r"--|[A-Z][a-z]+[A-Z]|\bbyte|\btag\b|element|offset|\bLUT\b|sform|pars|\b0x|None|header\b", re.ASCII
)


def strings(node: ast.AST) -> Iterator[str]:
    for one in ast.walk(node):
        if isinstance(one, ast.Constant) and isinstance(one.value, str):
            yield one.value


def trees() -> Iterator[ast.AST]:
    for file in READERS:
        yield ast.parse(file.read_text(encoding="utf-8"))


def note_codes() -> set[str]:
    """Codes before a colon, those that are appended to notes as they are, and those of irregular series."""
    found: set[str] = set()
    for tree in trees():
        found |= {match[1] for text in strings(tree) if (match := CODE.match(text))}
        for node in ast.walk(tree):
            if isinstance(node, ast.Assign) and any(str(getattr(t, "id", "")).endswith("_NOTE") for t in node.targets):
                found |= {text for text in strings(node.value) if BARE.fullmatch(text)}
            if not isinstance(node, ast.Call):
                continue
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            if name == "append" and "notes" in ast.unparse(node.func):
                found |= {text for text in strings(node) if BARE.fullmatch(text)}
            if name == "Irregularity":
                found |= {text for word in node.keywords if word.arg == "code" for text in strings(word.value)}
    return found


def problem_codes() -> set[str]:
    """Codes that are given by name, and those of functions that make an error of a code."""
    found: set[str] = set()
    for tree in trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.keyword) and node.arg == "code":
                found |= {text for text in strings(node.value) if WORD.fullmatch(text)}
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in MAKERS:
                words = [str(one.value) for one in node.args if isinstance(one, ast.Constant)]
                found |= {word for word in words if WORD.fullmatch(word)}
    return found


def rules() -> set[str]:
    """Names of the rules that leave a file out."""
    tree = ast.parse((SOURCE / "data" / "dicom" / "rules.py").read_text(encoding="utf-8"))
    yields = [node.value for node in ast.walk(tree) if isinstance(node, ast.Yield)]
    return {
        str(each.elts[1].value)
        for each in yields
        if isinstance(each, ast.Tuple) and isinstance(each.elts[1], ast.Constant)
    } | {"nested_archive", "not_an_image_file"}


def test_every_note_that_a_reader_can_make_has_its_sentence() -> None:
    found = note_codes()
    assert len(found) > 40
    assert {"SpacingIgnored", "EightBits", "PresentationStateNotApplied", "GantryTilt", "BurnedInAnnotation"} <= found
    assert found - NOTES.keys() == set()
    assert NOTES.keys() - found == set(), "a sentence of what no reader says any more"


def test_every_problem_that_a_reader_can_meet_has_its_sentence() -> None:
    found = problem_codes()
    assert len(found) > 45
    assert {"Truncated", "NotDicom", "MixedPatient", "GeometryMissing", "Encrypted", "Corrupt"} <= found
    assert found - PROBLEMS.keys() == set()


def test_every_rule_that_leaves_a_file_out_has_its_words() -> None:
    found = rules()
    assert len(found) > 10
    assert found == LEFT_OUT.keys()


@pytest.mark.parametrize("sentence", [*NOTES.values(), *PROBLEMS.values(), *LEFT_OUT.values(), UNNAMED, UNSAID])
def test_no_sentence_speaks_of_codes_options_or_parsers(sentence: str) -> None:
    assert not TECHNICAL.search(sentence.replace("DICOM", ""))
    assert sentence.endswith(".") or sentence in LEFT_OUT.values()


def test_notes_and_problems_in_words() -> None:
    assert noticed("GantryTilt: 12.0 degrees") == "The scanner's gantry was tilted by 12.0 degrees."
    assert noticed("MiddlePlane: plane 2 of 3 is shown") == "A volume: plane 2 of 3 is shown."
    assert noticed("SpacingIgnored: PixelSpacing is 0 x 0 mm") == NOTES["SpacingIgnored"]
    assert noticed("Some{0}Code: what") == noticed("pydicomWarning: {x}") == UNNAMED
    assert "swayed" in noticed("BurnedInAnnotation")
    assert "Copy or send it again" in why_unread("Truncated")
    assert why_unread("localizer", by_rule=True) == "a scout."
    assert why_unread("Whatever") == UNSAID
