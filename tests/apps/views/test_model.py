"""The model screen: what the bundle is, and how its probabilities may be read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from medtransfer.models.bundle import Calibrator
from tests.apps.conftest import training_record
from tests.apps.panels.conftest import operating_point, scored, spectrum
from tests.apps.test_app import markup, texts

if TYPE_CHECKING:
    from pathlib import Path

    from tests.apps.conftest import MakeBundle, OpenApp

MODEL = "views/model.py"


def test_recalibration_scored_studies_and_patients_are_said(
    open_app: OpenApp, make_bundle: MakeBundle, tmp_path: Path
) -> None:
    bundle = make_bundle(
        tmp_path / "bundle",
        scored=(scored(),),
        priors={"normal": 0.6, "pneumonia": 0.4},
        calibrator=Calibrator(
            name="platt", parameters={"slope": (1.0,), "intercept": (0.0,)}, fitted_on="calibration", studies=240
        ),
        training=training_record().model_copy(update={"spectrum": spectrum()}),
    )
    app = open_app("--bundle", bundle.folder).switch_page(MODEL).run()
    assert not app.exception
    said = texts(app)
    for words in (
        "recalibrated by platt, fitted on 240 studies of the calibration split",
        "It is meant for patients of whom 40 % have pneumonia.",
        f"beside 240 studies of the calibration split, {sum(scored().present)} of them with pneumonia",
        "Philips (50 studies)",
        "nine in ten between 23 and 88",
    ):
        assert words in said


def test_a_bundle_without_any_of_these_says_so(open_app: OpenApp, make_bundle: MakeBundle, tmp_path: Path) -> None:
    folder = make_bundle(tmp_path / "bundle", positive=None, operating_point=None).folder
    app = open_app("--bundle", folder).switch_page(MODEL).run()
    assert not app.exception
    said = texts(app)
    for words in (
        "this bundle does not recalibrate",
        "does not say for which share of patients with normal",
        "do not travel with it: there are no natural frequencies",
        "There is none: the bundle gives probabilities and no decision.",
        "were spread was not kept",
        "none: every class has its probability",
    ):
        assert words in said


def test_several_labels_have_an_operating_point_each(
    open_app: OpenApp, make_bundle: MakeBundle, tmp_path: Path
) -> None:
    hostile = "<b>nodule</b>"
    bundle = make_bundle(
        tmp_path / "bundle",
        task="multilabel",
        classes=("effusion", hostile),
        positive=None,
        operating_point=None,
        operating_points={"effusion": operating_point("effusion"), hostile: operating_point(hostile, threshold=0.2)},
    )
    app = open_app("--bundle", bundle.folder).switch_page(MODEL).run()
    assert not app.exception
    assert "called effusion from a probability of 0.41 on" in texts(app)
    assert f"called {hostile} from a probability of 0.20 on" in texts(app)
    assert "<b>" not in markup(app)
