r"""A reader study in the format of iMRMC, to be analysed with its Java program, its R package, or RJafroc.

    free text
    NR: readers          N0: cases without the finding
    NM: modalities       N1: cases with it
    BEGIN DATA:
    -1,case,0,truth      one row a case: 1 where the finding is there, otherwise 0
    reader,case,modality,score

Readers, cases and modalities are numbers from 1, so that no name leaves with the file; `Exported.key` says what they
stand for. The same rows under the heading `readerID,caseID,modalityID,score` are what the R package reads as a data
frame.

Reference: Gallas 2006, One-shot estimate of MRMC variance: AUC; Gallas, Bandos, Samuelson, Wagner 2009; the files
`*.imrmc` of github.com/DIDSR/iMRMC.
"""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
import pandas as pd

from medtransfer.core.errors import ConfigError, PredictionsError
from medtransfer.core.inert import csv_cell
from medtransfer.core.results import PROBABILITY, Predictions
from medtransfer.evaluation.cases import as_text
from medtransfer.evaluation.readers.ratings import Ratings
from medtransfer.evaluation.readers.truth import TruthTable

COLUMNS = ("readerID", "caseID", "modalityID", "score")
BEGIN = "BEGIN DATA:"
_TRUTH_READER, _TRUTH_MODALITY = "-1", "0"
_AXES = ("reader", "case", "modality")

MODEL = "model"
"""What the model is called, as a reader and as a modality."""

UNAIDED = "readers"
"""The modality of the human readers."""


@dataclass(frozen=True, kw_only=True)
class Exported:
    """A study in iMRMC's format.

    Attributes:
        text: Content of an `.imrmc` file.
        table: Content of a CSV for the R package.
        key: Content of a CSV with `kind,number,name`; it names studies and readers, and stays at home.
    """

    text: str
    table: str
    key: str


def export(ratings: Ratings, *, title: str = "Reader study") -> Exported:
    """Write a study with numbers for names; equal studies give equal bytes."""
    names = {axis: sorted(set(ratings.table[axis])) for axis in _AXES}
    numbers = {axis: {name: str(n) for n, name in enumerate(found, start=1)} for axis, found in names.items()}
    cases = names["case"]
    rows = [[_TRUTH_READER, numbers["case"][case], _TRUTH_MODALITY, str(int(ratings.truth[case]))] for case in cases]
    table = ratings.table.sort_values(list(_AXES), key=lambda column: column.map(numbers[str(column.name)]).astype(int))
    rows += [
        [*(numbers[axis][value] for axis, value in zip(_AXES, names_, strict=True)), repr(float(score))]
        for *names_, score in table[[*_AXES, "score"]].itertuples(index=False, name=None)
    ]
    positive = sum(ratings.truth[case] for case in cases)
    sizes = {"NR": len(names["reader"]), "N0": len(cases) - positive, "N1": positive, "NM": len(names["modality"])}
    head = [" ".join(title.split()), "", *(f"{name}: {n}" for name, n in sizes.items()), "", BEGIN]
    body = [",".join(row) for row in rows]
    key = pd.DataFrame(
        [(axis, number, csv_cell(name)) for axis, found in numbers.items() for name, number in found.items()],
        columns=pd.Index(["kind", "number", "name"]),
    )
    return Exported(
        text="\n".join([*head, *body]) + "\n",
        table="\n".join([",".join(COLUMNS), *body]) + "\n",
        key=key.to_csv(index=False, lineterminator="\n"),
    )


def read_imrmc(text: str) -> Ratings:
    """Ratings from the content of an `.imrmc` file, or of the CSV with `COLUMNS` as its heading.

    Raises:
        PredictionsError: `Malformed`: there are no data, a case has no truth or two, or a reading is there twice.
    """
    _, begun, body = text.partition(BEGIN)
    content = body if begun else text.partition("\n")[2]
    try:
        table = pd.read_csv(io.StringIO(content.strip()), header=None, names=list(COLUMNS), dtype=str)
        table["score"] = table["score"].astype(float)
    except ValueError as error:
        raise _malformed(f"cannot be parsed: {error}") from error
    table = pd.DataFrame({name: table[name] for name in COLUMNS}).rename(
        columns={"readerID": "reader", "caseID": "case", "modalityID": "modality"}
    )
    is_truth = table["reader"] == _TRUTH_READER
    truths, readings = table[is_truth], table[~is_truth].reset_index(drop=True)
    if (
        truths["case"].duplicated().any()
        or not set(readings["case"]) <= set(truths["case"])
        or table.isna().any(axis=None)
    ):
        raise _malformed("a case has no truth, or two, or a cell is empty")
    if readings.empty or readings.duplicated(list(_AXES)).any():
        raise _malformed("a reading is there twice, or none at all")
    truth = dict(zip(truths["case"], truths["score"] == 1, strict=True))
    return Ratings(table=readings, truth={str(case): bool(ill) for case, ill in truth.items()})


def reader_study(predictions: Predictions, truth: TruthTable) -> Ratings:
    """The readers' answers as scores of 1 and 0, and the model's probability as a reader in a modality of its own.

    Only studies that were read and have a truth are in it; answers that are uncertain or missing are left out, as
    iMRMC allows.

    Args:
        predictions: With the reference standard as their truth (`reference.with_truth`).
        truth: What each reader said.

    Raises:
        ConfigError: `NoPositive`: there is no positive class to score.
    """
    if predictions.positive is None:
        hint = "Reader studies of this kind are about one finding: declare one of two classes positive."
        raise ConfigError("no positive class is declared", code="NoPositive", path="imrmc", hint=hint)
    table = predictions.table.assign(
        **{name: as_text(predictions.table[name]) for name in ("study_id", "truth", "status")}
    )
    table = table[(table["status"] == "read") & (table["truth"] != "")].sort_values("study_id")
    studies = table["study_id"].to_numpy(dtype=object)
    answers = truth.answers(table["study_id"])
    row, column = np.nonzero(answers >= 0)
    said = pd.DataFrame(
        {
            "reader": np.array(truth.readers, dtype=object)[column],
            "case": studies[row],
            "modality": UNAIDED,
            "score": (answers[row, column] == predictions.classes.index(predictions.positive)).astype(float),
        }
    )
    scored = pd.DataFrame(
        {
            "reader": MODEL,
            "case": studies,
            "modality": MODEL,
            "score": table[PROBABILITY + predictions.positive].to_numpy(dtype=float),
        }
    )
    ill = (table["truth"] == predictions.positive).to_numpy(dtype=bool)
    return Ratings(
        table=pd.concat([said, scored], ignore_index=True), truth=dict(zip(studies.tolist(), ill.tolist(), strict=True))
    )


def _malformed(what: str) -> PredictionsError:
    hint = f"Rows after {BEGIN!r} are reader,case,modality,score; the truth of a case is -1,case,0,1 or -1,case,0,0."
    return PredictionsError(f"is no iMRMC file: {what}", code="Malformed", hint=hint)
