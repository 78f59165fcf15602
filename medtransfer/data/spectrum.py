"""The spectrum of a cohort: counts of words, quantiles and moments of numbers, and nothing that names a patient.

It travels in a bundle and stands in reports. So columns that name somebody (numbers of patients, accessions, free text)
are left out by their names, a word is named only where `FEWEST` patients share it or where it is a term of DICOM, and
of numbers the ends are not kept.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd
from jaxtyping import Float64

from medtransfer.core.evaluated.spectrum import QUANTILES, Distribution, Spectrum
from medtransfer.core.results import COHORT_COLUMNS
from medtransfer.core.types import Task
from medtransfer.data.cohort import patients
from medtransfer.data.dicom.tags import age_in_years, iso_date
from medtransfer.data.names import PICKS
from medtransfer.data.targets import known_labels
from medtransfer.data.terms import SEXES, term

if TYPE_CHECKING:
    from collections.abc import Sequence

FEWEST: Final = 5
"""Patients who must share a word for it to be named."""

MOST: Final = 20
"""Values of an attribute that are named."""

LABEL: Final = "label"
PRESENT: Final = "present"
ABSENT: Final = "absent"

_ALWAYS_NAMED: Final = ("site", LABEL)
_TERMS: Final = ("modality", "view", "body_part", "burned_in")
_NAMING: Final = re.compile(
    r"(^|[_ ])(u?id|uids?|mrn|name|surname|accession(_number)?|birth\w*|dob|path|file(name)?|address|phone|e?mail"
    r"|physician|operator|comments?|notes?|report|remarks?|text)($|[_ ])",
    re.IGNORECASE,
)
"""Columns that name somebody, or in which anybody may have written anything."""

_AGE: Final = re.compile(r"\d{1,3}[DWMY]")

Numbers = Float64[np.ndarray, " case"]


def spectrum_of(studies: pd.DataFrame, *, classes: Sequence[str], task: Task) -> Spectrum:
    """How the attributes are spread over studies.

    Args:
        studies: One row a study, of plain text: `study_id`, `patient_id`, and of `site`, `date`, `label` and attributes
            whatever there is; an empty cell is unknown.
        classes: Names of classes or labels; those that no study has are counted as 0.
        task: Of several labels at once, each becomes an attribute.
    """
    owners = patients(studies)
    months = sorted({month_of(day) for day in studies["date"].unique()} - {""}) if "date" in studies else []
    columns = described(studies, classes=classes, task=task)
    return Spectrum(
        n_studies=len(studies),
        n_patients=int(owners.nunique()),
        attributes={name: _distribution(name, cells, owners, classes) for name, cells in columns.items()},
        first_month=months[0] if months else "",
        last_month=months[-1] if months else "",
    )


def described(studies: pd.DataFrame, *, classes: Sequence[str], task: Task) -> dict[str, pd.Series]:
    """What is compared of studies, by name, as text: site, label (or each of several), and the attributes."""
    found = {name: studies[name].map(str.strip) for name in ("site", *attribute_names(studies)) if name in studies}
    if LABEL not in studies:
        return found
    if task != "multilabel":
        return found | {LABEL: studies[LABEL]}
    known = [known_labels(cell) for cell in studies[LABEL]]
    answers = {f"{LABEL}: {name}": [_answer(said.get(name)) for said in known] for name in classes}
    return found | {name: pd.Series(cells, index=studies.index, dtype=object) for name, cells in answers.items()}


def attribute_names(studies: pd.DataFrame) -> list[str]:
    """Columns that describe a study and name nobody."""
    return [
        name
        for name in map(str, studies.columns)
        if name not in COHORT_COLUMNS and name not in PICKS and not _NAMING.search(name)
    ]


def numbers(cells: pd.Series) -> Numbers | None:
    """The cells as numbers, NaN where they are empty; None where one is a word, or all are empty.

    Ages as DICOM writes them (`063Y`, `018M`) are numbers of years.
    """
    found: dict[str, float] = {}
    for cell in cells.unique():  # far fewer than studies, and a word ends it
        value = _number(cell.strip())
        if value is None:
            return None
        found[cell] = value
    values = np.array([found[cell] for cell in cells], dtype=np.float64)
    return None if np.isnan(values).all() else values


def month_of(day: str) -> str:
    """`2024-01` of a date in ISO or DICOM form, with or without a time; empty where there is none."""
    day = day.strip()
    return (iso_date(day[:10]) or iso_date(day[:8]))[:7]


def _number(cell: str) -> float | None:
    """NaN for an empty cell, None for a word."""
    if not cell or cell.lower() == "nan":
        return math.nan
    if _AGE.fullmatch(cell.upper()):
        cell = age_in_years(cell)
    try:
        value = float(cell)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _distribution(name: str, cells: pd.Series, owners: pd.Series, classes: Sequence[str]) -> Distribution:
    values = None if name == LABEL else numbers(cells)
    if values is None:
        return _of_words(name, cells, owners, classes)
    known = values[~np.isnan(values)]
    pair = np.unique(known).size <= 2
    return Distribution(
        missing=int(values.size - known.size),
        counts={f"{value:g}": int(np.sum(known == value)) for value in np.unique(known)} if pair else {},
        quantiles=tuple(np.quantile(known, QUANTILES).tolist()),
        mean=float(known.mean()),
        standard_deviation=float(known.std(ddof=1)) if known.size > 1 else None,
    )


def _of_words(name: str, cells: pd.Series, owners: pd.Series, classes: Sequence[str]) -> Distribution:
    known = cells[cells != ""]
    tally = known.value_counts()
    shared = owners[known.index].groupby(known).nunique()
    named = [word for word in tally.index if shared[word] >= FEWEST or _harmless(name, str(word))]
    counts = {str(word): int(tally[word]) for word in sorted(named, key=lambda word: (-tally[word], word))[:MOST]}
    if name == LABEL:
        counts = {one: counts.get(one, 0) for one in classes}
    return Distribution(missing=len(cells) - len(known), counts=counts, others=len(known) - sum(counts.values()))


def _harmless(name: str, word: str) -> bool:
    """Whether a word names nobody, however rare it is."""
    if name in _ALWAYS_NAMED or name.startswith(f"{LABEL}: "):
        return True
    return word.upper() in SEXES if name == "sex" else name in _TERMS and bool(term(name, word))


def _answer(said: bool | None) -> str:
    return "" if said is None else PRESENT if said else ABSENT
