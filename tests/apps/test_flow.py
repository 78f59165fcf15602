"""A reading from the worklist to the model's answer: who has the study, what is shown when, and what is recorded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any

import pytest

import medtransfer as mt
from apps import panels, people
from apps.evidence import answer
from apps.people import Person
from apps.readers.reading import NOTHING
from apps.server import session
from apps.server.queue import BusyError, Queue
from apps.server.tickets import TICKETS
from apps.worklist import reading_list
from tests.apps.test_app import open_study, read_study, texts

if TYPE_CHECKING:
    from streamlit.testing.v1 import AppTest

    from apps.readers.reading import Reading
    from medtransfer.models.bundle import Bundle
    from tests.apps.conftest import MakeBundle, OpenApp

Sit = Callable[..., None]


@pytest.fixture
def reviews(tmp_path: Path) -> Path:
    return tmp_path / "reviews.sqlite"


@pytest.fixture
def sit(monkeypatch: pytest.MonkeyPatch) -> Sit:
    """Who is sitting there from now on."""

    def down(name: str, *roles: str) -> None:
        person = Person(name=name, roles=frozenset(roles or ("reader",)))
        for module in (people, reading_list, session):  # screens import the name anew with every run
            monkeypatch.setattr(module, "current_person", lambda: person)

    return down


@pytest.fixture
def begin(open_app: OpenApp, bundle: Bundle, studies: Path) -> Callable[..., AppTest]:
    return lambda *more, **query: open_app("--bundle", bundle.folder, "--studies", studies, *more, **query)


def said(reviews: Path) -> list[tuple[str, str, str]]:
    with mt.Reviews(reviews) as there:
        return [(entry.kind, entry.who, entry.study) for entry in there.entries()]


def press(app: AppTest, label: str) -> AppTest:
    return next(button for button in app.button if button.label == label).click().run()


def test_opening_claims_and_opening_another_one_gives_back(
    begin: Callable[..., AppTest], reviews: Path, sit: Sit
) -> None:
    sit("anna")
    app = open_study(begin(), "good.dcm")
    app.run()
    assert said(reviews) == [("claim", "anna", "good.dcm")]
    open_study(app, "strange.dcm")
    assert said(reviews)[1:] == [("release", "anna", "good.dcm"), ("claim", "anna", "strange.dcm")]


def test_a_second_reader_is_told_who_has_it_and_may_go_on(
    begin: Callable[..., AppTest], reviews: Path, sit: Sit
) -> None:
    sit("anna")
    first = open_study(begin(), "good.dcm")
    sit("eva")
    app = open_study(begin(), "good.dcm")
    assert any("Somebody else is reading this study." in element.value for element in app.info)
    assert "anna opened it at" in texts(app)
    assert not app.toggle  # no picture yet
    assert said(reviews) == [("claim", "anna", "good.dcm")]
    app = press(app, "Read it as well")
    assert not app.exception
    assert app.toggle
    assert said(reviews)[1:] == [("claim", "eva", "good.dcm")]
    fresh = open_study(begin(), "good.dcm")  # a lost connection: nothing is asked again
    assert fresh.toggle
    assert first.session_state["held_claim"].who == "anna"


def test_the_end_of_a_session_gives_its_study_back(begin: Callable[..., AppTest], reviews: Path, sit: Sit) -> None:
    sit("anna")
    app = open_study(begin(), "good.dcm")
    TICKETS.revoke(app.session_state["server_token"])
    assert said(reviews)[-1] == ("release", "anna", "good.dcm")


def test_nothing_of_the_answer_is_there_before_the_impression(
    begin: Callable[..., AppTest], reviews: Path, sit: Sit, monkeypatch: pytest.MonkeyPatch
) -> None:
    sit("anna")
    seen: list[Reading] = []
    monkeypatch.setattr(panels, "panels", lambda: (spy(seen, after_reveal=False), spy(seen, after_reveal=True)))
    app = open_study(begin(), "good.dcm")
    assert [(reading.revealed, reading.result) for reading in seen] == [(False, NOTHING)]
    read_study(app, reviews)
    assert seen[-1].revealed
    assert seen[-1].result.probabilities
    assert [kind for kind, *_ in said(reviews)] == ["claim", "impression", "reveal"]
    app.run()
    assert [kind for kind, *_ in said(reviews)].count("reveal") == 1


def spy(seen: list[Reading], *, after_reveal: bool) -> panels.Panel:
    return panels.Panel(name="spy", order=1, after_reveal=after_reveal, readers_only=False, show=seen.append)


def test_another_readers_impression_reveals_nothing(begin: Callable[..., AppTest], reviews: Path, sit: Sit) -> None:
    sit("anna")
    read_study(open_study(begin(), "good.dcm"), reviews)
    sit("eva")
    app = press(open_study(begin(), "good.dcm"), "Read it as well")
    assert not app.metric
    assert ("reveal", "eva", "good.dcm") not in said(reviews)


def test_the_clinic_may_show_the_answer_at_once_and_that_is_recorded(
    begin: Callable[..., AppTest], reviews: Path, sit: Sit, tmp_path: Path
) -> None:
    sit("anna")
    (tmp_path / "clinic.toml").write_text('reveal = "always"\n')
    app = open_study(begin("--clinic", tmp_path / "clinic.toml"), "good.dcm")
    for _ in range(20):
        if app.metric:
            break
        app.run()
    with mt.Reviews(reviews) as there:
        (reveal,) = there.entries(kind="reveal")
    assert reveal.content["why"] == "always"
    assert f"{reveal.content['probabilities']['pneumonia']:.2f}" == app.metric[0].value


def test_who_is_no_reader_claims_nothing_and_is_not_blinded(
    begin: Callable[..., AppTest], reviews: Path, sit: Sit
) -> None:
    sit("rita", "researcher")
    app = open_study(begin(), "good.dcm")
    for _ in range(20):
        if app.metric:
            break
        app.run()
    assert app.metric
    assert said(reviews) == [("reveal", "rita", "good.dcm")]


def test_who_is_no_reader_is_not_sent_to_the_worklist(begin: Callable[..., AppTest], sit: Sit) -> None:
    sit("rita", "researcher")
    app = begin()
    assert "worklist" not in texts(app)
    app = press(app, "To the evaluation")
    assert not app.exception
    assert [title.value for title in app.title] == ["Evaluation"]
    app = open_study(begin(), "nothing.dcm")
    assert not any("worklist" in element.value for element in app.warning)
    app = open_study(begin(), "good.dcm")
    assert not app.exception
    assert not {"Back to the worklist", "Next unread"} & {button.label for button in app.button}


def test_an_answer_whose_showing_cannot_be_recorded_is_not_shown(
    begin: Callable[..., AppTest], reviews: Path, sit: Sit, monkeypatch: pytest.MonkeyPatch
) -> None:
    sit("anna")
    app = open_study(begin(), "good.dcm")
    append = mt.Reviews.append

    def full(self: mt.Reviews, kind: Any, **entry: Any) -> Any:
        if kind == "reveal":
            raise mt.MedTransferError("the disk is full", code="DiskFull", hint="Free space, then try again.")
        return append(self, kind, **entry)

    monkeypatch.setattr(mt.Reviews, "append", full)
    read_study(app, reviews)
    assert not app.exception
    assert not app.metric
    assert "the disk is full" in texts(app)
    monkeypatch.setattr(mt.Reviews, "append", append)
    assert app.run().metric


def test_a_full_queue_and_a_busy_one_are_said_and_the_pictures_stay(
    begin: Callable[..., AppTest], reviews: Path, sit: Sit, monkeypatch: pytest.MonkeyPatch
) -> None:
    sit("anna")
    queue = Queue()
    waits = Event()
    queue.submit("others", waits.wait)
    monkeypatch.setattr(answer, "prediction", lambda *study: queue.submit("this one", lambda: NOTHING))
    monkeypatch.setattr(answer, "PATIENCE", 0.0)
    app = read_study(open_study(begin(), "good.dcm"), reviews)
    assert "position 1 in the queue" in texts(app)
    assert app.toggle
    waits.set()

    def full(*study: object) -> None:
        raise BusyError("32 studies wait for the model already", code="Busy", hint="Try again in a minute.")

    monkeypatch.setattr(answer, "prediction", full)
    app.run()
    assert not app.exception
    assert "32 studies wait for the model already" in texts(app)
    assert app.toggle


def test_a_network_that_fails_is_one_calm_sentence(
    begin: Callable[..., AppTest], reviews: Path, sit: Sit, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    sit("anna")

    def fails(*study: object) -> None:
        raise RuntimeError("/secret/Doe^Jane.dcm")

    monkeypatch.setattr(answer, "prediction", fails)
    app = open_study(begin(), "good.dcm")
    assert not app.exception
    assert any("failed on this study" in element.value for element in app.warning)
    assert "Doe" not in texts(app)
    assert "Doe" not in caplog.text


def test_a_study_of_the_same_name_and_other_content_is_another_one(
    begin: Callable[..., AppTest], reviews: Path, sit: Sit, studies: Path
) -> None:
    sit("anna")
    app = read_study(open_study(begin(), "good.dcm"), reviews)
    assert app.metric
    content = (studies / "good.dcm").read_bytes()
    (studies / "good.dcm").write_bytes(content[:-2] + b"\xff\x0f")
    app.run()
    assert not app.exception
    assert not app.metric


def entered(app: AppTest) -> tuple[Any, ...]:
    return app.selectbox[0].value, app.number_input[0].value, app.text_area[0].value


def enter(app: AppTest) -> AppTest:
    app.selectbox[0].select_index(1)
    app.number_input[0].set_value(70)
    app.text_area[0].set_value("left basal")
    return app


def test_what_was_entered_stays_when_the_study_changes_before_it_is_saved(
    begin: Callable[..., AppTest], reviews: Path, sit: Sit, studies: Path
) -> None:
    sit("anna")
    app = enter(open_study(begin(), "good.dcm"))
    content = (studies / "good.dcm").read_bytes()
    (studies / "good.dcm").write_bytes(content[:-2] + b"\xff\x0f")
    app = press(app, "Save impression")
    assert not app.exception
    assert any("have changed since you opened it" in element.value for element in app.warning)
    assert "It is not saved yet." in texts(app)
    assert entered(app) == (1, 70, "left basal")
    assert [kind for kind, *_ in said(reviews)] == ["claim", "release", "claim"]
    app = press(app, "Save impression")
    assert not app.warning
    assert said(reviews)[3] == ("impression", "anna", "good.dcm")


def test_of_a_study_that_changes_before_anything_is_entered_nothing_is_said_to_be_here(
    begin: Callable[..., AppTest], sit: Sit, studies: Path
) -> None:
    sit("anna")
    app = open_study(begin(), "good.dcm")
    assert not app.warning
    content = (studies / "good.dcm").read_bytes()
    (studies / "good.dcm").write_bytes(content[:-2] + b"\xff\x0f")
    app.run()
    assert any("have changed since you opened it" in element.value for element in app.warning)
    assert "not saved yet" not in texts(app)
    app = open_study(app, "strange.dcm")
    assert not any("changed" in element.value for element in app.warning)


def test_what_was_entered_stays_while_the_bundle_is_altered(
    open_app: OpenApp, make_bundle: MakeBundle, reviews: Path, sit: Sit, studies: Path, tmp_path: Path
) -> None:
    sit("anna")
    network = make_bundle(tmp_path / "altered").folder / "network.safetensors"
    app = enter(open_study(open_app("--bundle", network.parent, "--studies", studies), "good.dcm"))
    content = network.read_bytes()
    network.write_bytes(content[:-1] + b"\x01")
    app = press(app, "Save impression").run()
    assert [element.value for element in app.warning] == ["The bundle cannot be opened."]
    app.switch_page("views/worklist.py").run()
    network.write_bytes(content)
    app = open_study(app, "strange.dcm")
    assert entered(app) == (None, None, "")
    app = open_study(app, "good.dcm")
    assert not app.exception
    assert entered(app) == (1, 70, "left basal")
    press(app, "Save impression")
    assert ("impression", "anna", "good.dcm") in said(reviews)


def test_from_the_worklist_to_the_study_and_to_the_next(begin: Callable[..., AppTest], reviews: Path, sit: Sit) -> None:
    sit("anna")
    app = begin()
    app.selectbox(key="worklist name").select("good.dcm").run()
    assert not app.exception
    assert app.toggle
    assert said(reviews) == [("claim", "anna", "good.dcm")]
    app = open_study(app, "good.dcm")
    app.query_params.clear()
    press(app, "Next unread")
    assert said(reviews)[-1][0] == "claim"
    assert said(reviews)[-1][2] != "good.dcm"


def test_a_panel_that_fails_leaves_the_others_standing(
    begin: Callable[..., AppTest], sit: Sit, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    sit("anna")

    def fails(reading: Reading) -> None:
        raise ValueError(reading.study.name)

    listed = panels.panels()
    broken = replace(listed[0], name="broken", order=0, show=fails)
    monkeypatch.setattr(panels, "panels", lambda: (broken, *listed))
    app = open_study(begin(), "strange.dcm")
    assert any("One panel could not be drawn" in element.value for element in app.warning)
    assert "text burned into the picture" in texts(app)
    assert "panel broken failed: ValueError" in caplog.text
    assert "strange" not in caplog.text


def test_the_folder_is_the_list_of_panels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = [panel.name for panel in panels.panels()]
    assert names[0] == "notes"
    there = {file.stem for file in panels.HERE.glob("[!_]*.py")}
    assert set(names) == there
    orders = [panel.order for panel in panels.panels()]
    assert orders == sorted(orders)


def test_sessions_never_cross(begin: Callable[..., AppTest], sit: Sit) -> None:
    sit("anna")
    first = open_study(begin(), "good.dcm")
    second = open_study(begin(), "strange.dcm")
    tokens = [app.session_state["server_token"] for app in (first, second)]
    keys = [app.session_state["opened_study"].views.views[0].key for app in (first, second)]
    assert tokens[0] != tokens[1]
    assert keys[0] != keys[1]
    assert TICKETS.allows(tokens[0], keys[0])
    assert not TICKETS.allows(tokens[0], keys[1])
    assert not TICKETS.allows(tokens[1], keys[0])
    open_study(first, "text.dcm")
    assert not TICKETS.allows(tokens[0], keys[0])
