"""Which studies can be compared: those that every model has read, and that have a truth.

    studies of any table = left out (absent, excluded, failed or unlabelled in some table) + compared

Models are compared on the very same studies; no study is dropped without standing in the flow.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import pandas as pd

from medtransfer.core.errors import PredictionsError
from medtransfer.core.evaluated.comparison import ComparisonFlow, LeftOut, Obstacle
from medtransfer.core.results import Predictions
from medtransfer.data.targets import counts
from medtransfer.evaluation.cases import Cases, checked_table, measured_cases

_GRAVEST_FIRST: Final[tuple[Obstacle, ...]] = ("absent", "excluded", "failed", "unlabelled")
_MEASURABLE: Final = "measurable"

BETWEEN: Final = ";"
"""Stands between names of models."""

LEFT_OUT_COLUMNS: Final = ("study_id", "obstacle", "models")
"""Of the table of studies that are not compared."""


@dataclass(frozen=True, kw_only=True)
class Paired:
    """The studies that are compared.

    Attributes:
        names: Of the models, the reference first.
        cases: Of each model: the same truths and groups in the same order, by study id, and its own probabilities.
        measurable: Of each model, how many studies its own table could be measured on.
        flow: What became of every study.
        left_out: `LEFT_OUT_COLUMNS`, one row a study.
    """

    names: tuple[str, ...]
    cases: tuple[Cases, ...]
    measurable: tuple[int, ...]
    flow: ComparisonFlow
    left_out: pd.DataFrame


def paired_cases(predictions: Sequence[Predictions], names: Sequence[str]) -> Paired:
    """The common studies of predictions that answer one question (`question.one_question`).

    Raises:
        PredictionsError: `NoCommonStudy`, `TruthsContradict`, `PatientsContradict`, and, of any of the tables, the
            codes of `cases.measured_cases`; a patient whom any of the models was trained on is `PatientInTraining`.
    """
    tables = []
    for one, name in zip(predictions, names, strict=True):
        with said_of(name):
            tables.append(checked_table(one).set_index("study_id", drop=False).sort_index())
    states = pd.DataFrame({name: _states(table) for name, table in zip(names, tables, strict=True)})
    states = states.fillna("absent").sort_index()
    common = states.index[np.asarray((states == _MEASURABLE).all(axis=1))]
    left_out = _left_out(states.drop(index=common))
    if common.empty:
        raise _nothing_in_common(left_out, len(states))
    tables = [table.loc[common] for table in tables]
    _refuse_contradictions(tables, "truth", names, code="TruthsContradict", what="another truth")
    tables = _with_known_patients(tables, names)
    cases = []
    for one, table, name in zip(predictions, tables, names, strict=True):
        with said_of(name):
            cases.append(measured_cases(replace(one, table=table.reset_index(drop=True))))
    classes = predictions[0].classes
    boxes = Counter(zip(left_out["obstacle"], left_out["models"], strict=True))
    return Paired(
        names=tuple(names),
        cases=tuple(cases),
        measurable=tuple(int((states[name] == _MEASURABLE).sum()) for name in names),
        flow=ComparisonFlow(
            studies=len(states),
            left_out=tuple(
                LeftOut(obstacle=obstacle, models=tuple(models.split(BETWEEN)), n=n)
                for (obstacle, models), n in sorted(boxes.items(), key=lambda box: _GRAVEST_FIRST.index(box[0][0]))
            ),
            compared=len(common),
            per_class=dict(zip(classes, counts(cases[0].truth, len(classes)).tolist(), strict=True)),
        ),
        left_out=left_out,
    )


@contextmanager
def said_of(name: str) -> Iterator[None]:
    """Errors about a table name the model that it came from."""
    try:
        yield
    except PredictionsError as error:
        error.path = error.path or name
        raise


def _states(table: pd.DataFrame) -> pd.Series:
    """`measurable`, or what stands in its way; index: study id."""
    state = table["status"].where(table["status"] != "read", _MEASURABLE)
    return state.where((state != _MEASURABLE) | (table["truth"] != ""), "unlabelled")


def _left_out(states: pd.DataFrame) -> pd.DataFrame:
    """The gravest obstacle of each study, and in whose table it is."""
    rows = []
    for study, found in zip(states.index, states.to_numpy(dtype=object).tolist(), strict=True):
        obstacle = next(one for one in _GRAVEST_FIRST if one in found)
        whose = (name for name, state in zip(states.columns, found, strict=True) if state == obstacle)
        rows.append((study, obstacle, BETWEEN.join(whose)))
    return pd.DataFrame(rows, columns=pd.Index(LEFT_OUT_COLUMNS))


def _with_known_patients(tables: list[pd.DataFrame], names: Sequence[str]) -> list[pd.DataFrame]:
    """A patient whom one table names is known in all."""
    known = tables[0]["patient_id"]
    for table in tables[1:]:
        known = known.where(known != "", table["patient_id"])
    filled = [table.assign(patient_id=table["patient_id"].where(table["patient_id"] != "", known)) for table in tables]
    _refuse_contradictions(filled, "patient_id", names, code="PatientsContradict", what="another patient")
    return filled


def _refuse_contradictions(
    tables: list[pd.DataFrame], column: str, names: Sequence[str], *, code: str, what: str
) -> None:
    """Study ids may be named in an error, patients and truths may not."""
    for table, name in zip(tables[1:], names[1:], strict=True):
        differs = np.asarray(table[column] != tables[0][column])
        if differs.any():
            first = table.index[differs][0]
            raise PredictionsError(
                f"{int(differs.sum())} of {len(table)} studies have {what} in {name} than in {names[0]}: "
                f"first {first!r}",
                code=code,
                hint="Predict with every bundle on one and the same cohort table.",
            )


def _nothing_in_common(left_out: pd.DataFrame, studies: int) -> PredictionsError:
    why = ", ".join(f"{n} {obstacle}" for obstacle, n in left_out["obstacle"].value_counts().items())
    return PredictionsError(
        f"of {studies} studies in any of the tables, none was read and has a truth in all of them ({why})",
        code="NoCommonStudy",
        hint="Predict with every bundle on the same studies, those of the test split for instance.",
    )
