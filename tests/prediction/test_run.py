"""Every study gets its row, in the cohort's order, with what was said and what is known of it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from medtransfer.core.errors import ConfigError, OutputError, PredictionsError
from medtransfer.core.results import FEATURE_COLUMNS, PREDICTION_COLUMNS
from medtransfer.data.listing import About
from medtransfer.evaluation.predictions_io import read_predictions
from medtransfer.models.bundle import Bundle, Calibrator
from medtransfer.prediction import batch as batch_module
from medtransfer.prediction import run as run_module
from medtransfer.prediction.batch import SOME_FAILED
from medtransfer.prediction.finished import write_rows
from medtransfer.prediction.predict import SEVERAL_IMAGES
from medtransfer.prediction.run import BATCH, RunSettings, finished_run, predict_cohort
from medtransfer.prediction.scans import Scans
from medtransfer.prediction.stored import stored_kinds
from medtransfer.prediction.table import attributes_of, table_columns
from medtransfer.prediction.types import Answer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pandas as pd

    from medtransfer.data.cohort import Cohort
    from medtransfer.prediction.run import CohortRun


def _csv(table: pd.DataFrame) -> bytes:
    return table.to_csv(index=False, float_format="%.17g").encode()


def test_one_row_a_study_in_the_cohorts_order(
    run_with: Callable[..., CohortRun], counting: Any, cohort: Callable[..., Cohort], tmp_path: Path, bundle: Bundle
) -> None:
    studies = cohort(1, 3, 1, 2)
    found = run_with(counting(), studies, tmp_path / "out").predictions
    table = found.table
    assert table["study_id"].tolist() == ["s97", "s96", "s95", "s94"] == studies.studies()["study_id"].tolist()
    assert table["patient_id"].tolist() == ["p0", "p1", "p2", "p3"]
    assert table["truth"].tolist() == ["normal", "pneumonia", "", "normal"]
    assert table["flags"].tolist() == ["", SEVERAL_IMAGES, "", SEVERAL_IMAGES]
    assert set(table["status"]) == {"read"}
    assert set(table["bundle_sha256"]) == {bundle.sha256}
    probabilities = ["probability_normal", "probability_pneumonia"]
    several = {"probability_<class>": probabilities, "uncalibrated_<class>": [], "attribute_<name>": []}
    expected = [column for name in PREDICTION_COLUMNS for column in several.get(name, [name])]
    assert list(table.columns) == expected
    np.testing.assert_allclose(table[probabilities].sum(axis=1), 1, rtol=0, atol=1e-12)
    assert found.classes == bundle.manifest.classes
    assert found.operating_point == bundle.manifest.operating_point
    assert found.training_patients == set(bundle.manifest.training.patients)


def test_what_the_cohort_says_of_a_study_goes_with_it_but_no_copy_of_its_label(
    run_with: Callable[..., CohortRun], counting: Any, cohort: Callable[..., Cohort], tmp_path: Path
) -> None:
    """By the first of its rows; the column that the label was taken from would give it away as an attribute."""
    studies = cohort(1, 2, 1)
    told = studies.table.assign(
        date=["2024-05-01", "2024-05-02", "2024-05-03", ""],
        age=["70", "071", "72", ""],
        finding=studies.table["label"],
        series_uid="",
        part="",
    )
    table = run_with(counting(), replace(studies.with_table(told), label="finding"), tmp_path / "out").predictions.table
    assert table["date"].tolist() == ["2024-05-01", "2024-05-02", ""]
    assert table["attribute_age"].tolist() == ["70", "071", ""]
    assert [name for name in table.columns if name.startswith("attribute_")] == ["attribute_age"]


def test_columns_of_several_labels_are_no_attributes(bundle: Bundle) -> None:
    about = About(
        columns=("path", "label", "pneumonia", "effusion", "view"),
        label="pneumonia,effusion",
        task="multilabel",
        studies=1,
        sha256="",
    )
    assert attributes_of(about, ("pneumonia", "effusion")) == ("view",)
    text = about.model_copy(update={"label": "label"})
    assert attributes_of(text, ("pneumonia", "effusion")) == ("view",)
    assert attributes_of(about.model_copy(update={"task": "multiclass", "label": "label"}), ("a", "b")) == (
        "pneumonia",
        "effusion",
        "view",
    )


def test_priors_and_spectrum_are_the_bundles(
    run_with: Callable[..., CohortRun], counting: Any, cohort: Callable[..., Cohort], tmp_path: Path, bundle: Bundle
) -> None:
    manifest = bundle.manifest.model_copy(update={"priors": {"normal": 0.75, "pneumonia": 0.25}})
    found = run_with(counting(), cohort(1), tmp_path / "out", other=replace(bundle, manifest=manifest)).predictions
    assert found.priors == {"normal": 0.75, "pneumonia": 0.25}
    assert found.spectrum == bundle.manifest.training.spectrum


def test_probabilities_before_recalibration_have_columns_where_the_bundle_recalibrates(bundle: Bundle) -> None:
    assert not [name for name in table_columns(bundle, ()) if name.startswith("uncalibrated_")]
    calibrator = Calibrator(name="platt", parameters={}, fitted_on="calibration", studies=40)
    manifest = bundle.manifest.model_copy(update={"calibrator": calibrator})
    columns = table_columns(replace(bundle, manifest=manifest), ("age",))
    at = columns.index("uncalibrated_normal")
    assert columns[at - 2 : at + 2] == (
        "probability_normal",
        "probability_pneumonia",
        "uncalibrated_normal",
        "uncalibrated_pneumonia",
    )
    assert columns[-1] == "attribute_age"


class Telling:
    """A network whose features are the sizes of its studies' pictures, and how many there are."""

    def __init__(self, network: Any) -> None:
        self._network = network

    def __call__(self, studies: Any) -> np.ndarray:
        return self.answer(studies).logits

    def answer(self, studies: Any) -> Answer:
        features = [[len(study), study[0].planes.mean() / 65_535, 1 / 3] for study in studies]
        return Answer(self._network(studies), np.array(features, dtype=np.float32))


@pytest.mark.parametrize("held", [2**28, 2 * 2 * 32 * 32])
def test_embeddings_and_thumbnails_are_kept_of_the_studies_that_were_read(
    counting: Any,
    cohort: Callable[..., Cohort],
    tmp_path: Path,
    bundle: Bundle,
    monkeypatch: pytest.MonkeyPatch,
    held: int,
) -> None:
    """To the last bit, beside their study, and also where the batch is cut."""
    monkeypatch.setattr(run_module, "load_runtime", lambda *_, **__: Telling(counting()))
    monkeypatch.setattr(batch_module, "HELD", held)
    studies = cohort(1, 2, 1, 3, damaged=(3,))
    settings = RunSettings(stored=("embeddings", "thumbnails"))
    with finished_run(bundle, studies, folder=tmp_path / "out", settings=settings) as run:
        write_rows(run.rows(), run.about, tmp_path / "out")
    found = read_predictions(tmp_path / "out")
    assert found.table["status"].tolist() == ["read", "read", "failed", "read"]
    assert found.features is not None
    assert list(found.features.columns) == list(FEATURE_COLUMNS)
    assert found.features["study_id"].tolist() == ["s97", "s96", "s94"]
    assert [cell[0] for cell in found.features["embedding"]] == [1, 2, 3]
    greys = [np.asarray(Image.open(studies.file(name))).mean() / 255 for name in ("000.png", "001.png", "004.png")]
    np.testing.assert_allclose([cell[1] for cell in found.features["embedding"]], greys, atol=1e-3)
    assert {cell[2] for cell in found.features["embedding"]} == {np.float32(1 / 3)}
    assert {cell.dtype for cell in found.features["embedding"]} == {np.dtype("float32")}
    assert {len(cell) for cell in found.features["thumbnail"]} == {64}
    assert {len(cell) for cell in found.features["border"]} == {28}
    np.testing.assert_allclose([np.mean(found.features["thumbnail"][0])], [255 * greys[0]], atol=1)


def test_what_is_stored_belongs_to_the_run(
    counting: Any, cohort: Callable[..., Cohort], tmp_path: Path, bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that goes on with another --store would lack the features of the first studies."""
    monkeypatch.setattr(run_module, "load_runtime", lambda *_, **__: Telling(counting()))
    for stored, expected in (((), None), (("thumbnails",), "OtherRun")):
        run = finished_run(bundle, cohort(1), folder=tmp_path / "out", settings=RunSettings(stored=stored))
        if expected is None:
            with run as finished:
                assert finished.about.features is None
        else:
            with pytest.raises(OutputError) as caught, run:
                pass
            assert caught.value.code == expected


def test_a_runtime_without_features_stores_no_embeddings(
    counting: Any, cohort: Callable[..., Cohort], tmp_path: Path, bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_module, "load_runtime", lambda *_, **__: counting())
    settings = RunSettings(stored=("embeddings",))
    with (
        pytest.raises(ConfigError) as caught,
        finished_run(bundle, cohort(1), folder=tmp_path / "out", settings=settings),
    ):
        pass
    assert caught.value.code == "NoFeatures"


def test_a_word_that_is_nothing_to_store() -> None:
    assert stored_kinds(["thumbnails", "embeddings", "thumbnails"]) == ("embeddings", "thumbnails")
    with pytest.raises(ConfigError, match="Did you mean 'embeddings'") as caught:
        stored_kinds(["embedding"])
    assert caught.value.code == "UnknownKind"


def test_an_error_that_no_loader_expects_fails_its_case_and_no_other(
    run_with: Callable[..., CohortRun],
    counting: Any,
    cohort: Callable[..., Cohort],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read = Scans.of

    def failing(self: Scans, name: str) -> Any:
        if name == "001.png":
            raise ZeroDivisionError("in some\nparser")
        return read(self, name)

    monkeypatch.setattr(Scans, "of", failing)
    table = run_with(counting(), cohort(1, 1, 1), tmp_path / "out").predictions.table
    assert table["status"].tolist() == ["read", "failed", "read"]
    assert table["error"].iloc[1].startswith("Unexpected: unexpected ZeroDivisionError: in some")
    assert "\n" not in table["error"].iloc[1]


@pytest.mark.parametrize("stretch", [BATCH, 2 * BATCH])
def test_the_rows_do_not_depend_on_how_many_are_held(
    run_with: Callable[..., CohortRun],
    counting: Any,
    cohort: Callable[..., Cohort],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    stretch: int,
) -> None:
    studies = cohort(*([1, 2] * 25), damaged=(7,))
    whole = run_with(counting(), studies, tmp_path / "whole")
    monkeypatch.setattr(run_module, "STRETCH", stretch)
    network = counting()
    cut = run_with(network, studies, tmp_path / "cut", cache=tmp_path / "cache")
    assert len(network.batches) == 4
    assert _csv(cut.predictions.table) == _csv(whole.predictions.table)
    assert cut.ledger == whole.ledger


def test_probabilities_are_of_the_studys_own_pictures(
    run_with: Callable[..., CohortRun], counting: Any, cohort: Callable[..., Cohort], tmp_path: Path
) -> None:
    network = counting()
    table = run_with(network, cohort(1, 3, 1), tmp_path / "out").predictions.table
    (seen,) = network.batches
    assert [len(study) for study in seen] == [1, 3, 1]
    logits = [np.mean([10 * scan.planes.mean() / 65_535 - 5 for scan in study]) for study in seen]
    np.testing.assert_allclose(table["probability_pneumonia"], 1 / (1 + np.exp(-np.array(logits))), rtol=1e-5)


def test_a_study_that_lost_an_image_says_so(
    run_with: Callable[..., CohortRun], counting: Any, cohort: Callable[..., Cohort], tmp_path: Path
) -> None:
    found = run_with(counting(), cohort(2, 3, 1, damaged=(1, 3)), tmp_path / "out")
    table = found.predictions.table
    assert table["status"].tolist() == ["read"] * 3
    assert table["flags"].tolist() == [SOME_FAILED, f"{SOME_FAILED};{SEVERAL_IMAGES}", ""]
    assert found.ledger.counts() == {"inputs": 6, "read": 4, "excluded": 0, "failed": 2}


def test_a_study_without_a_readable_image_has_no_probability_and_a_reason(
    run_with: Callable[..., CohortRun], counting: Any, cohort: Callable[..., Cohort], tmp_path: Path
) -> None:
    """Images 0 and 1 are damaged, 3 is absent, 4 is a note; of study 3, one is a note and one is damaged."""
    found = run_with(counting(), cohort(2, 1, 1, 1, 2, damaged=(0, 1, 6), missing=(3,), notes=(4, 5)), tmp_path / "out")
    table = found.predictions.table
    assert table["status"].tolist() == ["failed", "read", "failed", "excluded", "failed"]
    unread = table[table["status"] != "read"]
    assert unread[["probability_normal", "probability_pneumonia"]].isna().all(axis=None)
    assert set(unread["decision"]) == set(unread["flags"]) == {""}
    codes = unread["error"].str.partition(":")[0].tolist()
    assert codes[1:3] == ["NotFound", "not_an_image_file"]
    assert all(codes)
    assert (unread["error"].str.len() > 15).all(), "code and message"
    assert found.ledger.counts() == {"inputs": 7, "read": 1, "excluded": 2, "failed": 4}
    by_path = {row.path: row for row in found.ledger.rows}
    assert set(by_path) == {"000.png", "001.png", "002.png", "003.png", "004.txt", "005.txt", "006.png"}
    assert by_path["005.txt"].study_id == "s93"


def test_where_nothing_can_be_read_every_study_has_its_row(
    run_with: Callable[..., CohortRun], counting: Any, cohort: Callable[..., Cohort], tmp_path: Path
) -> None:
    network = counting()
    table = run_with(network, cohort(1, 1, damaged=(0, 1)), tmp_path / "out").predictions.table
    assert table["status"].tolist() == ["failed", "failed"]
    assert table["probability_pneumonia"].isna().all()
    assert not network.batches


def test_labels_that_the_bundle_does_not_know_are_refused(
    run_with: Callable[..., CohortRun], counting: Any, cohort: Callable[..., Cohort], tmp_path: Path
) -> None:
    studies = cohort(1, 1)
    strange = studies.with_table(studies.table.assign(label=["normal", "fracture"]))
    with pytest.raises(PredictionsError, match="fracture") as caught:
        run_with(counting(), strange, tmp_path / "out")
    assert caught.value.code == "UnknownLabel"


def test_labels_do_not_change_what_is_predicted(
    run_with: Callable[..., CohortRun], counting: Any, cohort: Callable[..., Cohort], tmp_path: Path
) -> None:
    studies = cohort(1, 2, 1)
    blind = studies.with_table(studies.table.assign(label=""))
    seen, unseen = (
        run_with(counting(), c, tmp_path / name).predictions.table for c, name in ((studies, "a"), (blind, "b"))
    )
    assert _csv(seen.drop(columns="truth")) == _csv(unseen.drop(columns="truth"))


def test_large_studies_are_not_held_together(
    run_with: Callable[..., CohortRun],
    counting: Any,
    cohort: Callable[..., Cohort],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Two pictures fit: a study of three is held alone, and every study keeps the row it would have had."""
    studies = cohort(1, 1, 3, 1, 1, 1)
    whole = run_with(counting(), studies, tmp_path / "whole").predictions.table
    monkeypatch.setattr(batch_module, "HELD", 2 * 2 * 32 * 32)
    network = counting()
    cut = run_with(network, studies, tmp_path / "cut").predictions.table
    assert [[len(study) for study in batch] for batch in network.batches] == [[1, 1], [3], [1, 1], [1]]
    assert _csv(cut) == _csv(whole)


@pytest.mark.parametrize("only_grey", [{"in_channels": 1}, {"grey": "neighbours"}])
def test_a_colour_picture_fails_alone_where_the_network_looks_at_grey(
    counting: Any, cohort: Callable[..., Cohort], tmp_path: Path, bundle: Bundle, only_grey: dict[str, Any]
) -> None:
    studies = cohort(1, 2, 1)
    for name in ("001.png", "003.png"):
        Image.fromarray(np.full((32, 32, 3), (9, 80, 200), dtype=np.uint8)).save(studies.root / name)
    member = bundle.manifest.members[0].model_copy(update=only_grey)
    grey = replace(bundle, manifest=bundle.manifest.model_copy(update={"members": (member,)}))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run_module, "load_runtime", lambda *_, **__: counting())
        found = predict_cohort(grey, studies, folder=tmp_path)
    table = found.predictions.table
    assert table["status"].tolist() == ["read", "read", "failed"]
    assert table["flags"].tolist() == ["", SOME_FAILED, ""]
    assert table["error"].iloc[2].startswith("ChannelsDoNotFit: ")
    assert [row.code for row in found.ledger.rows] == ["", "ChannelsDoNotFit", "", "ChannelsDoNotFit"]
