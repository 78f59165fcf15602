"""Impression and feedback as a reader meets them: nothing is preset, every Save is on the disk, nothing goes."""

from __future__ import annotations

import sqlite3
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Literal, Protocol

import pytest

import medtransfer as mt
from apps.server import shown as shown_module
from tests.apps.hostile import HOSTILE, MARKS
from tests.apps.test_app import markup, texts
from tests.manifests import make_manifest

if TYPE_CHECKING:
    from streamlit.testing.v1 import AppTest

    from tests.apps.panels.conftest import Draw

STUDY, BUNDLE = "a" * 64, "b" * 64
WORDS = "In your words"


class Read(Protocol):
    """A reading of one study by this person."""

    def __call__(self, who: str = ..., *, revealed: bool = ..., study: str = ..., **manifest: Any) -> Any: ...


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "reviews" / "r.sqlite"
    monkeypatch.setattr(sys, "argv", ["app.py", "--reviews", str(path)])
    return path


@pytest.fixture
def read(place: Path) -> Read:
    def reading(who: str = "anna", *, revealed: bool = False, study: str = "s", **manifest: Any) -> Any:
        fields: dict[str, Any] = {"classes": ("normal", "pneumonia"), "positive": "pneumonia", **manifest}
        return SimpleNamespace(
            study=SimpleNamespace(name=study),
            views=SimpleNamespace(sha256=STUDY),
            bundle=SimpleNamespace(sha256=BUNDLE, manifest=make_manifest().model_copy(update=fields)),
            person=SimpleNamespace(name=who, roles=frozenset({"reader"})),
            revealed=revealed,
            token="t",  # the viewer's, which is not there
            no_score=(),
        )

    return reading


def entries(place: Path) -> tuple[mt.ReviewEntry, ...]:
    with mt.Reviews.existing(place) as reviews:
        assert reviews.verify() == ""
        return reviews.entries()


def reveal(place: Path, who: str = "anna") -> None:
    with mt.Reviews(place) as reviews:
        reviews.append("reveal", who=who, study="s", study_sha256=STUDY, bundle_sha256=BUNDLE, shown={}, content={})


def fill(app: AppTest, answer: int | None, confidence: int | None, words: str = "") -> AppTest:
    """`answer` counts the classes, "Cannot say" being the last."""
    if answer is not None:
        app.selectbox[0].select_index(answer)
    if confidence is not None:
        app.number_input[0].set_value(confidence)
    app.text_area[0].set_value(words)
    return app


def pill(app: AppTest, label: str) -> Any:
    return next(group for group in app.button_group if group.label == label)


def save(app: AppTest, what: Literal["impression", "feedback"]) -> AppTest:
    return next(button for button in app.button if button.label == f"Save {what}").click().run()


def test_nothing_is_preset_and_an_empty_form_is_not_saved(draw: Draw, read: Read, place: Path) -> None:
    app = draw("impression", read())
    assert (app.selectbox[0].value, app.number_input[0].value, app.text_area[0].value) == (None, None, "")
    assert app.selectbox[0].options == ["normal", "pneumonia", "Cannot say"]
    save(app, "impression")
    assert "Choose an answer, or say that you cannot say." in texts(app)
    save(fill(app, 1, None, "left basal"), "impression")
    assert "how sure you are" in texts(app)
    assert app.text_area[0].value == "left basal"
    assert entries(place) == ()


def test_an_impression_is_on_the_disk_once_it_is_saved(
    draw: Draw, read: Read, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("apps.panels._answer.shown", lambda token: {"slice": 3, "token was": token})
    app = save(fill(draw("impression", read()), 1, 80, "left basal"), "impression")
    assert not app.exception
    (entry,) = entries(place)
    assert (entry.kind, entry.who, entry.study, entry.study_sha256) == ("impression", "anna", "s", STUDY)
    assert entry.bundle_sha256 == BUNDLE
    assert entry.shown == {"slice": 3, "token was": "t"}
    assert entry.content == {"answer": "pneumonia", "confidence": 80, "remarks": "left basal"}
    assert "pneumonia · confidence 80 of 100" in texts(app)
    assert "left basal" in texts(app)
    assert callable(shown_module.shown)


def test_cannot_say_needs_no_confidence(draw: Draw, read: Read, place: Path) -> None:
    save(fill(draw("impression", read()), 2, 70), "impression")
    assert entries(place)[0].content == {"cannot_say": True}


def test_until_the_answer_is_shown_an_impression_can_be_corrected_and_stays(
    draw: Draw, read: Read, place: Path
) -> None:
    app = save(fill(draw("impression", read()), 1, 80), "impression")
    assert [expander.label for expander in app.expander] == ["Correct it"]
    assert app.selectbox[0].value is None
    app = save(fill(app, 0, 60), "impression")
    first, second = entries(place)
    assert (second.content["answer"], second.content["corrects_entry"]) == ("normal", first.number)
    assert [expander.label for expander in app.expander] == ["Earlier versions", "Correct it"]
    assert "pneumonia · confidence 80 of 100" in texts(app)
    reveal(place)
    app = draw("impression", read(revealed=True))
    assert "normal · confidence 60 of 100" in texts(app)
    assert not app.selectbox
    assert [expander.label for expander in app.expander] == ["Earlier versions"]


def test_after_the_answer_no_impression_is_taken(draw: Draw, read: Read, place: Path) -> None:
    reveal(place)
    for revealed in (True, False):
        app = draw("impression", read(revealed=revealed))
        assert "None was recorded before the model's answer was shown." in texts(app)
        assert not app.selectbox
        assert not app.button


def test_feedback_is_linked_to_the_impression_before_it(draw: Draw, read: Read, place: Path) -> None:
    save(fill(draw("impression", read()), 0, 80), "impression")
    reveal(place)
    app = draw("feedback", read(revealed=True))
    save(fill(app, 1, 90), "feedback")
    assert "Say whether you agree" in texts(app)
    pill(app, "The model's answer").set_value("agree")
    pill(app, "Why").set_value(["finding missed", "too subtle to call"])
    pill(app, "Image quality").set_value("limited")
    app = save(fill(app, 1, 90, "second look"), "feedback")
    assert not app.exception
    said = entries(place)[-1]
    assert said.kind == "feedback"
    assert said.content == {
        "agreement": "agree",
        "answer": "pneumonia",
        "confidence": 90,
        "reasons": ["finding missed", "too subtle to call"],
        "image_quality": "limited",
        "remarks": "second look",
        "follows_entry": 1,
    }
    assert "pneumonia · confidence 90 of 100 · agree with the model" in texts(app)
    with mt.Reviews.existing(place) as reviews:
        (pair,) = reviews.pairs()
    assert (pair.before, pair.after, pair.unaided) == (entries(place)[0], said, True)


def test_a_correction_takes_the_place_of_feedback_and_both_stay(draw: Draw, read: Read, place: Path) -> None:
    reveal(place)
    app = draw("feedback", read(revealed=True))
    for answer, agreement in ((0, "disagree"), (1, "unsure")):
        pill(app, "The model's answer").set_value(agreement)
        app = save(fill(app, answer, 50), "feedback")
    first, second = entries(place)[1:]
    assert (second.content["corrects_entry"], second.content["answer"]) == (first.number, "pneumonia")
    assert "follows_entry" not in second.content
    assert "normal · confidence 50 of 100 · disagree with the model" in texts(app)
    assert "pneumonia · confidence 50 of 100 · unsure" in texts(app)


def test_several_labels_are_each_answered(draw: Draw, read: Read, place: Path) -> None:
    several = {"task": "multilabel", "classes": ("mass", "effusion", "oedema"), "positive": None}
    app = draw("impression", read(**several))
    present, unsure = app.multiselect
    present.set_value([0])
    unsure.set_value([0])
    app.number_input[0].set_value(70)
    save(app, "impression")
    assert "mass is said to be there, and that nobody can say" in texts(app)
    app.multiselect[1].set_value([2])
    save(app, "impression")
    assert entries(place)[0].content == {
        "answers": {"mass": "present", "effusion": "absent", "oedema": "cannot say"},
        "confidence": 70,
    }


def test_readers_do_not_see_each_other(draw: Draw, read: Read, place: Path) -> None:
    save(fill(draw("impression", read("anna")), 1, 80, "my words"), "impression")
    app = draw("impression", read("boris"))
    assert "pneumonia" not in texts(app)
    assert "my words" not in texts(app)
    save(fill(app, 0, 20), "impression")
    assert [entry.who for entry in entries(place)] == ["anna", "boris"]


@pytest.mark.parametrize("failure", ["database or disk is full", "database is locked", "disk I/O error"])
def test_what_cannot_be_saved_stays_on_the_screen(
    draw: Draw, read: Read, place: Path, monkeypatch: pytest.MonkeyPatch, failure: str
) -> None:
    app = fill(draw("impression", read()), 1, 80, "a long text that nobody types twice")
    code = {"database or disk is full": sqlite3.SQLITE_FULL, "database is locked": sqlite3.SQLITE_BUSY}
    error = sqlite3.OperationalError(failure)
    error.sqlite_errorcode = code.get(failure, sqlite3.SQLITE_IOERR)
    with monkeypatch.context() as patch:
        patch.setattr("medtransfer.core.reviews.store.sealed", lambda **_: (_ for _ in ()).throw(error))
        save(app, "impression")
    assert not app.exception
    assert [warning.value for warning in app.warning] == ["This was not saved. What you entered is still here."]
    assert "this was not recorded" in texts(app)
    assert app.text_area[0].value == "a long text that nobody types twice"
    assert (app.selectbox[0].value, app.number_input[0].value) == (1, 80)
    assert entries(place) == ()
    app = save(app, "impression")
    assert entries(place)[0].content["remarks"] == "a long text that nobody types twice"
    assert not app.warning


def test_a_damaged_file_is_said_once_and_calmly(draw: Draw, read: Read, place: Path) -> None:
    place.parent.mkdir()
    place.write_text("no database " * 99)
    app = draw("impression", read())
    assert not app.exception
    assert [warning.value for warning in app.warning] == ["What readers say cannot be recorded."]
    assert "no file of reviews" in texts(app)
    assert not app.button


def is_inert(screen: AppTest) -> bool:
    options = [option for box in (*screen.selectbox, *screen.multiselect) for option in box.options]
    return (
        not screen.exception
        and not [mark for mark in MARKS if mark in markup(screen)]
        and texts(screen).replace("\n", "").isprintable()
        and all(option.isprintable() for option in options)
    )


@pytest.mark.parametrize("value", [HOSTILE[0], HOSTILE[18], "=1+1", "a\u202db", "\x1b[2J\x1b[H"])
def test_hostile_words_are_kept_to_the_letter_and_do_nothing(draw: Draw, read: Read, place: Path, value: str) -> None:
    """As a class, as a reader's name, as the study's and as words, in impression and feedback."""
    classes = ("normal", value, f"{value}\u200b")
    app = draw("impression", read(value, study=value, classes=classes, positive=value))
    app = save(fill(app, 1, 80, value), "impression")
    reveal(place, value)
    after = draw("feedback", read(value, revealed=True, study=value, classes=classes, positive=value))
    pill(after, "The model's answer").set_value("agree")
    after = save(fill(after, 2, 10, value), "feedback")
    assert is_inert(app)
    assert is_inert(after)
    before, _, said = entries(place)
    assert (before.who, before.study, before.content["answer"]) == (value, value, value)
    assert said.content["answer"] == f"{value}\u200b"
    assert before.content["remarks"] == said.content["remarks"]


def test_sixty_hostile_values_do_nothing_where_they_are_shown_again(draw: Draw, read: Read, place: Path) -> None:
    of = {"who": "anna", "study_sha256": STUDY, "bundle_sha256": BUNDLE, "shown": {}}
    with mt.Reviews(place) as reviews:
        for value in HOSTILE:
            said = mt.Opinion(answer=value, answers={value: "present"}, reasons=(value,), remarks=value)
            reviews.append("impression", study=value, content=said.as_content(), **of)
            reviews.append("feedback", study=value, content=said.as_content(), **of)
    for panel, revealed in (("impression", False), ("feedback", True)):
        for task in ("multiclass", "multilabel"):
            app = draw(panel, read(revealed=revealed, classes=HOSTILE, positive=None, task=task))
            assert is_inert(app)
            assert len(app.text) >= 3 * len(HOSTILE)
            choices = app.selectbox or app.multiselect
            assert len(set(choices[0].options)) == len(HOSTILE) + (task == "multiclass")
    assert "<script>alert(1)</script>: present" in texts(app)


def test_classes_that_look_alike_are_told_apart(draw: Draw, read: Read, place: Path) -> None:
    app = draw("impression", read(classes=("a\u200b", "a\u200c", "Cannot say")))
    save(fill(app, 1, 50), "impression")
    assert entries(place)[0].content["answer"] == "a\u200c"
    assert len(set(app.selectbox[0].options)) == 4
