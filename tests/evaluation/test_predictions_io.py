from __future__ import annotations

import csv
import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from evaluations import label_points
from hypothesis import given, settings
from hypothesis import strategies as st
from questions import several_labels

from medtransfer.core.errors import PredictionsError
from medtransfer.core.results import Predictions
from medtransfer.evaluation.predictions_io import HEADER, csv_bytes, read_predictions, write_predictions

TEXTS = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
    st.sampled_from(["007", "=1+1", "'=x", "''", "-5", "+", "@a", "\tx", "\rx", "a,b", 'q"q', "line\nbreak", "NA"]),
)


@pytest.mark.parametrize("as_folder", [True, False])
def test_what_was_written_is_read(predictions: Predictions, tmp_path: Path, *, as_folder: bool) -> None:
    patients = frozenset({"c" * 32, "a" * 32})
    predictions = replace(predictions, training_patients=patients, patients_unknown=True)
    path = write_predictions(predictions, tmp_path / "made" / "on demand")
    back = read_predictions(path.parent if as_folder else path)
    assert replace(back, table=predictions.table) == predictions
    pd.testing.assert_frame_equal(back.table, predictions.table, check_dtype=False, check_exact=True)
    assert back.table["patient_id"].iloc[0] == predictions.table["patient_id"].iloc[0] == "000"
    assert [one.name for one in path.parent.iterdir() if one.suffix == ".part"] == []


@given(st.lists(st.tuples(TEXTS, TEXTS, st.floats(0, 1)), max_size=6))
@settings(deadline=None, max_examples=100)
def test_every_text_and_every_bit_survives(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str, float]]
) -> None:
    folder = tmp_path_factory.mktemp("predictions")
    columns = ["patient_id", "note", "probability_ill"]
    table = pd.DataFrame(rows, columns=columns).astype({"patient_id": object, "note": object})
    table["probability_ill"] = table["probability_ill"].astype(float)
    written = Predictions(table=table, classes=("ill",), positive=None, operating_point=None, bundle_sha256="")
    back = read_predictions(write_predictions(written, folder)).table
    assert list(back.columns) == columns
    assert back.to_numpy().tolist() == table.to_numpy().tolist()
    assert csv_bytes(back) == csv_bytes(table)


def test_the_task_is_kept_and_files_from_before_it_was_are_of_exclusive_classes(tmp_path: Path) -> None:
    table = pd.DataFrame({"study_id": ["s"], "truth": ["a=1;b=0"], "probability_a": [0.5], "probability_b": [0.75]})
    written = Predictions(
        table=table, classes=("a", "b"), positive=None, operating_point=None, bundle_sha256="", task="multilabel"
    )
    path = write_predictions(written, tmp_path)
    back = read_predictions(path)
    assert (back.task, list(back.table["truth"])) == ("multilabel", ["a=1;b=0"])
    header = json.loads((tmp_path / "predictions.json").read_text())
    del header["task"]
    (tmp_path / "predictions.json").write_text(json.dumps(header))
    assert read_predictions(path).task == "multiclass"


def test_points_of_labels_are_kept_and_files_from_before_have_none(tmp_path: Path) -> None:
    points = label_points(effusion=0.25, pneumonia=0.5)
    write_predictions(replace(several_labels(), operating_points=points), tmp_path)
    back = read_predictions(tmp_path)
    assert back.operating_points == points
    assert list(back.points) == ["effusion", "pneumonia"]
    header = json.loads((tmp_path / HEADER).read_text())
    del header["operating_points"]
    (tmp_path / HEADER).write_text(json.dumps(header))
    assert read_predictions(tmp_path).operating_points == {}


def test_no_cell_begins_like_a_formula(predictions: Predictions, tmp_path: Path) -> None:
    table = predictions.table.assign(flags="=HYPERLINK(1)", site="@north").rename(columns={"split": "+split"})
    path = write_predictions(replace(predictions, table=table), tmp_path)
    with path.open(newline="") as handle:
        cells = [cell for row in csv.reader(handle) for cell in row]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]
    assert set(read_predictions(path).table["flags"]) == {"=HYPERLINK(1)"}


def test_missing_values_and_what_stands_beside(predictions: Predictions, tmp_path: Path) -> None:
    table = predictions.table.assign(uncalibrated_normal=np.float32(0.5), attribute_age=63, attribute_sex=None)
    features = pd.DataFrame({"study_id": ["s000"], "embedding": [[1.5, -2.0]]})
    given = replace(predictions, table=table, features=features, priors={"normal": 0.7, "pneumonia": 0.3})
    found = read_predictions(write_predictions(given, tmp_path))
    assert found.table["uncalibrated_normal"].tolist() == [0.5] * 160
    assert set(found.table["attribute_age"]) == {"63"}
    assert set(found.table["attribute_sex"]) == {""}
    assert math.isnan(found.table["probability_normal"][1])
    assert found.priors == given.priors
    assert found.features is not None
    assert found.features["embedding"][0].tolist() == [1.5, -2.0]


def test_altered_features_are_refused(predictions: Predictions, tmp_path: Path) -> None:
    write_predictions(replace(predictions, features=pd.DataFrame({"study_id": ["s000"]})), tmp_path)
    (tmp_path / "features.parquet").write_bytes(b"another")
    with pytest.raises(PredictionsError, match=r"features\.parquet") as error:
        read_predictions(tmp_path)
    assert error.value.code == "Altered"
    (tmp_path / "features.parquet").unlink()
    with pytest.raises(PredictionsError) as error:
        read_predictions(tmp_path)
    assert error.value.code == "NotFound"


def test_infinite_thresholds_survive(predictions: Predictions, tmp_path: Path) -> None:
    assert predictions.operating_point
    point = predictions.operating_point.model_copy(update={"threshold": math.inf})
    back = read_predictions(write_predictions(replace(predictions, operating_point=point), tmp_path))
    assert back.operating_point == point


def test_an_altered_table_is_noticed(predictions: Predictions, tmp_path: Path) -> None:
    path = write_predictions(predictions, tmp_path)
    path.write_bytes(path.read_bytes().replace(b"pneumonia", b"normal", 1))
    with pytest.raises(PredictionsError) as error:
        read_predictions(tmp_path)
    assert error.value.code == "Altered"
    assert error.value.path == str(path)


@pytest.mark.parametrize("gone", ["predictions.csv", "predictions.json"])
def test_a_missing_file_is_named(predictions: Predictions, tmp_path: Path, gone: str) -> None:
    write_predictions(predictions, tmp_path)
    (tmp_path / gone).unlink()
    with pytest.raises(PredictionsError, match=gone) as error:
        read_predictions(tmp_path)
    assert error.value.code == "NotFound"


@pytest.mark.parametrize("change", [{"schema_version": 1}, {"classes": 3}, {"surprise": 1}])
def test_another_header_is_refused(predictions: Predictions, tmp_path: Path, change: dict[str, int]) -> None:
    write_predictions(predictions, tmp_path)
    header = tmp_path / "predictions.json"
    header.write_text(json.dumps(json.loads(header.read_text()) | change))
    with pytest.raises(PredictionsError, match=next(iter(change))) as error:
        read_predictions(tmp_path)
    assert error.value.code == "Malformed"


@pytest.mark.parametrize(
    "content", [b"", b'"a","b"\n"1"\n', b'"probability_ill"\n"high"\n', b"\xff\xfe", b'"a\n', b'"a"x\n']
)
def test_a_table_that_is_none(predictions: Predictions, tmp_path: Path, content: bytes) -> None:
    import hashlib

    path = write_predictions(predictions, tmp_path)
    path.write_bytes(content)
    header = tmp_path / "predictions.json"
    changed = json.loads(header.read_text()) | {"table_sha256": hashlib.sha256(content).hexdigest()}
    header.write_text(json.dumps(changed))
    with pytest.raises(PredictionsError) as error:
        read_predictions(tmp_path)
    assert error.value.code == "Malformed"
