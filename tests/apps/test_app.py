"""The screens as a reader meets them: what is shown, what is refused, and what is never rendered."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pydicom import config as pydicom_config

import medtransfer as mt
from apps import people
from apps.people import Person
from tests.apps.conftest import APP

if TYPE_CHECKING:
    from streamlit.testing.v1 import AppTest

    from medtransfer.models.bundle import Bundle
    from tests.apps.conftest import MakeBundle, OpenApp, WriteStudy

NOTICE = "Research use only. Not a medical device."
SCREENS = ("views/worklist.py", "views/study.py", "views/model.py")
HOSTILE = "<script>alert(1)</script>![x](http://127.0.0.1:9/b.png)"


def open_study(app: AppTest, name: str) -> AppTest:
    """Open a study as its address does."""
    app.switch_page("views/study.py")
    app.query_params["study"] = name
    return app.run()


def read_study(app: AppTest, reviews: Path) -> AppTest:
    """Say what the open study shows, as its reader; then the model's answer is there."""
    with mt.Reviews(reviews) as said:
        claim = [entry for entry in said.entries() if entry.kind == "claim"][-1]
        said.append(
            "impression",
            who=claim.who,
            study=claim.study,
            study_sha256=claim.study_sha256,
            bundle_sha256=claim.bundle_sha256,
            shown={},
            content={"label": "normal"},
        )
    app.run()
    for _ in range(20):  # a fragment looks once a second; a test does not wait for it
        if app.metric or not any("reading this study" in element.value for element in app.text):
            break
        app.run()
    return app


def texts(app: AppTest) -> str:
    return "\n".join(element.value for element in app.text)


def markup(app: AppTest) -> str:
    """Everything that Streamlit parses as Markdown."""
    kinds: tuple[Any, ...] = (
        app.markdown,
        app.caption,
        app.title,
        app.header,
        app.subheader,
        app.info,
        app.warning,
        app.error,
        app.success,
    )
    labels = [widget.label for widgets in (app.selectbox, app.slider, app.radio, app.metric) for widget in widgets]
    return "\n".join([*(element.value for kind in kinds for element in kind), *labels])


def shows_notice(app: AppTest) -> bool:
    return any(NOTICE in element.value for element in app.info)


@pytest.fixture
def reviews(tmp_path: Path) -> Path:
    """Where `open_app` has what readers say."""
    return tmp_path / "reviews.sqlite"


@pytest.mark.parametrize("screen", SCREENS)
def test_the_notice_stands_on_every_screen(open_app: OpenApp, bundle: Bundle, studies: Path, screen: str) -> None:
    app = open_app("--bundle", bundle.folder, "--studies", studies).switch_page(screen).run()
    assert not app.exception
    assert shows_notice(app)


@pytest.mark.parametrize("screen", SCREENS)
@pytest.mark.parametrize("arguments", [[], ["--bundle"], ["--bundle", "nowhere"], ["--bnudle", "x"]])
def test_a_missing_bundle_is_said_calmly(open_app: OpenApp, arguments: list[str], screen: str) -> None:
    app = open_app(*arguments).switch_page(screen).run()
    assert not app.exception
    assert shows_notice(app)
    assert len(app.warning) == 1
    assert "medtransfer" in texts(app)
    assert "fit" in texts(app)


@pytest.mark.parametrize("screen", sorted(file.stem for file in (APP.parent / "views").glob("[a-z]*.py")))
def test_a_clinics_file_that_cannot_be_used_closes_the_app(
    open_app: OpenApp, bundle: Bundle, studies: Path, tmp_path: Path, screen: str
) -> None:
    (tmp_path / "clinic.toml").write_text('reveal = "sometimes"\n')
    said = ("--runs", tmp_path, "--clinic", tmp_path / "clinic.toml")
    app = open_app("--bundle", bundle.folder, "--studies", studies, *said).switch_page(f"views/{screen}.py").run()
    assert not app.exception
    assert shows_notice(app)
    assert [element.value for element in app.warning] == ["The app is closed until the clinic's file can be used."]
    assert "reveal: Input should be 'after_impression' or 'always'" in texts(app)
    assert not app.title
    assert not app.dataframe


def test_who_signed_in_is_told_that_it_is_closed_and_not_where_the_file_is(
    open_app: OpenApp, bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stranger = Person(name="anna@hospital.org", roles=frozenset(), signed_in=True)
    monkeypatch.setattr(people, "current_person", lambda: stranger)
    app = open_app("--bundle", bundle.folder, "--clinic", tmp_path / "nowhere.toml")
    assert [element.value for element in app.warning] == ["The app is closed until the clinic's file can be used."]
    assert texts(app) == "Tell who runs this server."


def test_an_altered_bundle_is_refused_with_the_cure(
    open_app: OpenApp, make_bundle: MakeBundle, studies: Path, tmp_path: Path
) -> None:
    folder = make_bundle(tmp_path / "altered").folder
    app = open_app("--bundle", folder, "--studies", studies)
    assert not app.warning
    network = folder / "network.safetensors"
    network.write_bytes(network.read_bytes()[:-1] + b"\x01")  # while the app runs
    app.run()
    assert not app.exception
    assert shows_notice(app)
    assert [element.value for element in app.warning] == ["The bundle cannot be opened."]
    assert "network.safetensors" in texts(app)
    assert "copy the bundle again" in texts(app)


def test_a_read_study_is_shown_with_probability_decision_and_intervals(
    open_app: OpenApp, bundle: Bundle, studies: Path, reviews: Path
) -> None:
    app = open_study(open_app("--bundle", bundle.folder, "--studies", studies), "good.dcm")
    assert not app.exception
    assert not app.metric
    app = read_study(app, reviews)
    assert not app.exception
    said = texts(app)
    assert "Probability of pneumonia" in said
    figures = {metric.label: metric.value for metric in app.metric}
    probability = float(figures["Probability"])
    assert 0 < probability < 1
    called = "pneumonia" if probability >= 0.41 else "not pneumonia"
    assert f"Called {called}: {probability:.2f} is" in said
    assert (figures["Sensitivity"], figures["Specificity"]) == ("0.90", "0.70")
    assert "95 % interval 0.79–0.96" in said
    assert "95 % interval 0.57–0.80" in said
    assert "50 studies with pneumonia" in said
    assert "on the 104 studies of the validation split, on which the operating point itself was chosen" in said
    assert "optimistic" in said


def test_the_probability_is_that_of_the_package(
    open_app: OpenApp, bundle: Bundle, studies: Path, reviews: Path
) -> None:
    app = open_study(open_app("--bundle", bundle.folder, "--studies", studies), "good.dcm")
    expected = mt.predict_study(mt.load_runtime(bundle), bundle, [studies / "good.dcm"]).probabilities
    assert read_study(app, reviews).metric[0].value == f"{expected['pneumonia']:.2f}"


def test_plain_pictures_stand_in_for_the_viewer(open_app: OpenApp, bundle: Bundle, studies: Path) -> None:
    app = open_study(open_app("--bundle", bundle.folder, "--studies", studies), "good.dcm")
    assert not app.image
    app.toggle[0].set_value(True).run()
    assert "CR · view PA · 61 years" in texts(app)
    app = open_study(app, "two pictures")
    app.toggle[0].set_value(True).run()
    picture = app.image[0].proto.imgs[0].url
    app.slider[0].set_value((20, 50)).run()
    assert app.image[0].proto.imgs[0].url != picture
    assert not app.exception


def test_a_damaged_file_is_one_sentence_with_the_cure(open_app: OpenApp, bundle: Bundle, studies: Path) -> None:
    app = open_study(open_app("--bundle", bundle.folder, "--studies", studies), "text.dcm")
    assert not app.exception
    assert [element.value for element in app.warning] == [
        "No image of this study could be read, so there is no prediction."
    ]
    assert "text.dcm cannot be read: it is not an image, or a damaged one. Leave it out" in texts(app)
    folded = [[line.value for line in block.text] for block in app.expander if block.label.startswith("For whoever")]
    assert len(folded) == 1
    assert "text.dcm: NotDicom: has no DICM at byte 128" in folded[0][0]
    assert texts(app).count("DICM") == 1, "the technical words stand nowhere else"


def test_of_a_study_that_is_not_read_whole_no_score_is_shown_but_why(
    open_app: OpenApp, bundle: Bundle, studies: Path, reviews: Path
) -> None:
    app = open_study(open_app("--bundle", bundle.folder, "--studies", studies), "two pictures")
    app = read_study(app, reviews)
    assert not app.exception
    assert not app.metric
    assert "1 file of this study could not be read: the model would not see all of it." in texts(app)
    assert "empty.png cannot be read: it is damaged, or was not copied whole. Copy or send it again" in texts(app)


def test_several_images_are_one_study(open_app: OpenApp, bundle: Bundle, studies: Path, reviews: Path) -> None:
    (studies / "two pictures" / "empty.png").unlink()
    app = open_study(open_app("--bundle", bundle.folder, "--studies", studies), "two pictures")
    assert "Several images were pooled" in texts(read_study(app, reviews)) or not app.metric
    app.toggle[0].set_value(True).run()
    assert len(app.main.selectbox[0].options) == 2


def test_of_a_modality_never_seen_no_score_is_shown_but_why(
    open_app: OpenApp, bundle: Bundle, studies: Path, reviews: Path
) -> None:
    app = open_study(open_app("--bundle", bundle.folder, "--studies", studies), "strange.dcm")
    app = read_study(app, reviews)
    assert not app.metric
    assert "The modality MG is not among those the model was trained on (CR, DX)" in texts(app)
    assert "text burned into the picture" in texts(app)


def test_hostile_text_is_shown_and_never_rendered(
    open_app: OpenApp,
    make_bundle: MakeBundle,
    write_study: WriteStudy,
    tmp_path: Path,
    reviews: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pydicom_config.settings, "reading_validation_mode", pydicom_config.IGNORE)
    classes = ("normal", HOSTILE)
    point = make_bundle(tmp_path / "plain").manifest.operating_point
    assert point is not None
    point = point.model_copy(update={"positive": HOSTILE})
    folder = make_bundle(
        tmp_path / "bundle", classes=classes, positive=HOSTILE, operating_point=point, notice=HOSTILE
    ).folder
    name = HOSTILE.replace("/", "_") + ".dcm"
    write_study(tmp_path / "studies" / name, Manufacturer=HOSTILE, Modality="CR", ViewPosition="<b>PA</b>")
    app = open_app("--bundle", folder, "--studies", tmp_path / "studies")
    assert list(app.dataframe[0].value["Study"]) == [name]
    assert not any(part in markup(app) for part in ("<script>", "![x]"))
    app = read_study(open_study(app, name), reviews)
    app.toggle[0].set_value(True).run()
    assert not app.exception
    for part in (HOSTILE, name, "<b>PA</b>"):
        assert part in texts(app)
    for part in ("<script>", "![x]", "<b>"):
        assert part not in markup(app)
    app.switch_page("views/model.py").run()
    assert not app.exception
    assert HOSTILE in texts(app)
    assert "<script>" not in markup(app)
    assert "![x]" not in markup(app)


@pytest.mark.parametrize("asked", ["../secret.dcm", "two pictures/../../secret.dcm", "/etc/passwd", "", "."])
def test_a_name_that_leads_out_of_the_folder_is_refused(
    open_app: OpenApp, bundle: Bundle, studies: Path, write_study: WriteStudy, asked: str
) -> None:
    write_study(studies.parent / "secret.dcm")
    app = open_study(open_app("--bundle", bundle.folder, "--studies", studies), asked)
    assert not app.exception
    assert "no study of the name in the address" in app.warning[0].value
    assert not app.toggle
    assert "secret" not in texts(app)


def test_an_address_may_name_a_study_of_the_list(open_app: OpenApp, bundle: Bundle, studies: Path) -> None:
    app = open_app("--bundle", bundle.folder, "--studies", studies, query={"study": "good.dcm"})
    assert not app.exception
    assert "good.dcm" in texts(app)
    assert app.toggle


def test_an_absent_or_empty_folder_is_said(open_app: OpenApp, bundle: Bundle, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for folder, word in (("nowhere", "not there"), ("empty", "no images")):
        app = open_app("--bundle", bundle.folder, "--studies", tmp_path / folder)
        assert not app.exception
        assert word in app.warning[0].value


def test_a_study_of_too_many_files_is_refused(open_app: OpenApp, bundle: Bundle, studies: Path) -> None:
    (studies / "many").mkdir()
    for number in range(2_001):
        (studies / "many" / f"{number}.dcm").hardlink_to(studies / "good.dcm")
    app = open_study(open_app("--bundle", bundle.folder, "--studies", studies), "many")
    assert "has 2001 files" in texts(app)
    assert not app.toggle


def test_uploads_are_read_and_sessions_share_no_folder(open_app: OpenApp, bundle: Bundle, studies: Path) -> None:
    content = (studies / "good.dcm").read_bytes()
    sessions = []
    for _ in range(2):
        app = open_app("--bundle", bundle.folder)
        app.file_uploader[0].set_value([("../../evil.dcm", content, "application/dicom")]).run()
        sessions.append(app)
    folders = [app.session_state["upload_spool"].folder for app in sessions]
    assert folders[0] != folders[1]
    for app, folder in zip(sessions, folders, strict=True):
        assert not app.exception
        assert [file.name for file in folder.iterdir()] == ["0001.dcm"]
        assert folder.stat().st_mode & 0o077 == 0
    sessions[0].file_uploader[0].set_value([]).run()
    assert not folders[0].exists()
    assert folders[1].exists()
    next(button for button in sessions[1].button if button.label == "Open the uploaded study").click().run()
    assert not sessions[1].exception
    assert "../../evil.dcm" in texts(sessions[1])
    assert sessions[1].toggle
    sessions[1].session_state["upload_spool"].remove()


def test_the_model_screen_says_what_the_bundle_is(open_app: OpenApp, bundle: Bundle) -> None:
    app = open_app("--bundle", bundle.folder).switch_page("views/model.py").run()
    said = texts(app)
    for words in (
        "normal, pneumonia",
        "squeezenet1_1",
        "none: random",
        bundle.sha256,
        "0.90, 95 % interval 0.79–0.96",
        "hillcrest, riverside",
        "CR, DX",
        "∞ (target only)",
        "\nmean\n",
        "lp_ft",
        NOTICE,
    ):
        assert words in said
    counts, terms = (table.value for table in app.dataframe)
    assert list(counts.itertuples(index=False, name=None))[:2] == [
        ("target", "normal", 30),
        ("target", "pneumonia", 20),
    ]
    assert list(terms["Term"]) == ["coral", "l2_sp"]


def test_each_label_is_called_at_its_own_operating_point(
    open_app: OpenApp, make_bundle: MakeBundle, studies: Path, tmp_path: Path, reviews: Path
) -> None:
    bundle = make_bundle(tmp_path / "plain")
    one = bundle.manifest.operating_point
    assert one is not None
    points = {name: one.model_copy(update={"positive": name, "threshold": t}) for name, t in (("a", 0.0), ("b", 1.0))}
    asked = {"task": "multilabel", "classes": ("a", "b"), "positive": None, "operating_point": None}
    folder = make_bundle(tmp_path / "labels", **asked, operating_points=points).folder
    app = open_study(open_app("--bundle", folder, "--studies", studies), "good.dcm")
    app = read_study(app, reviews)
    assert not app.exception
    said = texts(app)
    assert "no operating point" not in said
    assert any(list(table.value.get("Called", [])) == ["a", "not b"] for table in app.dataframe)
    model = texts(open_app("--bundle", folder).switch_page("views/model.py").run())
    assert model.count("0.90, 95 % interval 0.79–0.96") == 2


def test_a_bundle_without_operating_point_gives_no_decision(
    open_app: OpenApp, make_bundle: MakeBundle, studies: Path, tmp_path: Path, reviews: Path
) -> None:
    folder = make_bundle(tmp_path / "undecided", positive=None, operating_point=None).folder
    app = open_study(open_app("--bundle", folder, "--studies", studies), "good.dcm")
    app = read_study(app, reviews)
    assert not app.exception
    assert "no operating point" in texts(app)
    assert "Called" not in texts(app)
    assert any(list(table.value.get("Probability", [])) for table in app.dataframe)
