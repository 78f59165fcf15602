"""Flow, missing data, spectrum, drift, shortcuts and the gallery of errors on the page."""

from __future__ import annotations

import re
from dataclasses import replace
from xml.etree import ElementTree as ET

import numpy as np
import pandas as pd
import pytest
from markupsafe import escape

from medtransfer.core.evaluated.accounts import MissingTable, Reconciliation
from medtransfer.core.evaluated.drift import Drift
from medtransfer.core.evaluated.errors import ErrorGallery
from medtransfer.core.evaluated.shortcuts import Shortcuts
from medtransfer.core.evaluated.spectrum import SpectrumTable
from medtransfer.core.records import Record
from medtransfer.core.results import Predictions
from medtransfer.data.spectrum import spectrum_of
from medtransfer.evaluation.accounting.drift import drift
from medtransfer.evaluation.accounting.errors_gallery import errors_gallery
from medtransfer.evaluation.accounting.missing import missing_table
from medtransfer.evaluation.accounting.rows import read_rows
from medtransfer.evaluation.accounting.shortcuts import shortcuts
from medtransfer.evaluation.accounting.spectrum import spectrum_table
from medtransfer.evaluation.flow import flow
from medtransfer.reporting.section import Section
from medtransfer.reporting.sections.drift import drift_section
from medtransfer.reporting.sections.errors import errors_section
from medtransfer.reporting.sections.flow import flow_section
from medtransfer.reporting.sections.missing import missing_section
from medtransfer.reporting.sections.shortcuts import shortcuts_section
from medtransfer.reporting.sections.spectrum import spectrum_section

HOSTILE = ("=HYPERLINK(1)", "<script>x</script>", "\x1b[2J\u202eGE", "$\\frac 肺炎", "W" * 300)


def cohort(*, seed: int, n: int = 300, late: bool = False, names: str = "s") -> Predictions:
    """Fourteen months; from the tenth on, where `late`, scores are higher. Makers have hostile names."""
    generator = np.random.default_rng(seed)
    truth = generator.random(n) < 0.4
    month = np.arange(n) % 14
    p = 1 / (1 + np.exp(-(generator.normal(size=n) + 2 * truth - 1 + 2.0 * (month > 9) * late)))
    age = [f"{int(a):03d}Y" if i % 9 else "" for i, a in enumerate(generator.normal(66 if late else 55, 9, n))]
    table = pd.DataFrame(
        {
            "study_id": [f"{names}{i:04d}" for i in range(n)],
            "patient_id": [f"{seed}-{i // 2}" for i in range(n)],
            "site": generator.choice(["north", "south"], n),
            "date": [f"{2023 + m // 12}-{m % 12 + 1:02d}-11" for m in month],
            "truth": np.where(truth, "pneumonia", "normal"),
            "probability_normal": 1 - p,
            "probability_pneumonia": p,
            "status": "read",
            "error": "",
            "flags": "",
            "attribute_age": age,
            "attribute_manufacturer": generator.choice(np.array(HOSTILE, dtype=object), n),
        }
    )
    table.loc[:2, ["status", "error"]] = ["failed", "Truncated: <b>"]
    table.loc[:2, ["probability_normal", "probability_pneumonia"]] = np.nan
    features = pd.DataFrame(
        {
            "study_id": table["study_id"],
            "thumbnail": list(np.clip(generator.normal(100, 20, (n, 64)) + 8 * truth[:, None], 0, 255)),
            "border": list(generator.normal(30, 5, (n, 28))),
            "embedding": list(generator.normal(size=(n, 8)) + 0.5 * late),
        }
    )
    return Predictions(
        table=table,
        classes=("normal", "pneumonia"),
        positive="pneumonia",
        operating_point=None,
        bundle_sha256="",
        features=features,
    )


@pytest.fixture(scope="module")
def predictions() -> Predictions:
    training = cohort(seed=1)
    spectrum = spectrum_of(read_rows(training), classes=training.classes, task=training.task)
    return replace(cohort(seed=2, late=True), spectrum=spectrum)


def markup(part: Section) -> str:
    shown = [escape(one.heading) + one.svg + escape(one.caption) for one in part.figures]
    page = str(part.body) + "".join(map(str, shown))
    for one in part.figures:
        ET.fromstring(str(one.svg))
    words = re.sub(r"<[^>]*>", " ", page).lower().split()
    assert not {"nan", "none", "inf"} & set(words)
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    assert "<script>x" not in page
    assert "\x1b" not in page
    assert "\u202e" not in page
    return page


def test_records_are_small_and_come_back_from_json(predictions: Predictions) -> None:
    """And hold no identifier, save the gallery."""
    records: list[Record] = [
        missing_table(predictions),
        spectrum_table(predictions),
        drift(predictions, reference=cohort(seed=3)),
        *shortcuts(predictions),
        *errors_gallery(predictions),
    ]
    for record in records:
        text = record.model_dump_json()
        assert type(record).model_validate_json(text) == record
        assert len(text) < 40_000
        assert ("s0" in text) == isinstance(record, ErrorGallery)


def test_flow_and_ledger(predictions: Predictions) -> None:
    found = flow(predictions)
    agreeing = Reconciliation(
        images={"inputs": 310, "read": 307, "excluded": 0, "failed": 3},
        studies={"inputs": 300, "read": 297, "excluded": 0, "failed": 3},
        by_reason={},
    )
    page = markup(flow_section(found, reconciliation=agreeing))
    assert "310 images of 300 studies" in page
    assert "for the same reason" in page
    other = agreeing.model_copy(update={"differences": ("inputs: 300 in the predictions, 299 in the ledger",)})
    page = markup(flow_section(found, reconciliation=other))
    assert "does not agree" in page
    assert "299 in the ledger" in page
    assert "ledger" not in markup(flow_section(found))


def test_missing(predictions: Predictions) -> None:
    page = markup(missing_section(missing_table(predictions)))
    assert "Age" in page
    assert "34 (11 %)" in page
    assert "Complete: Truth, Patient id, Site, Date, Manufacturer" in page
    table = predictions.table.copy()
    table.loc[table["truth"] == "normal", "attribute_age"] = ""
    assert "unevenly missing" in markup(missing_section(missing_table(replace(predictions, table=table))))


def test_spectrum(predictions: Predictions) -> None:
    part = spectrum_section(spectrum_table(predictions))
    page = markup(part)
    assert "Different from the training cohort: Age" in page
    assert "median [quartiles]" in page
    assert len(part.figures) == 1
    alone = spectrum_section(spectrum_table(replace(predictions, spectrum=None)))
    assert "nothing to compare with" in markup(alone)
    assert alone.figures == ()


def test_drift(predictions: Predictions) -> None:
    part = drift_section(drift(predictions, reference=cohort(seed=3), called="<script>x</script>"))
    page = markup(part)
    assert "further apart than chance explains" in page
    assert "Beyond the limits: Mean score in" in page
    assert [one.heading for one in part.figures] == ["Attributes", "By month: pneumonia"]
    against = markup(drift_section(drift(predictions)))
    assert "the training cohort than chance explains: Age" in against
    assert "no reference predictions" in against
    nothing = replace(predictions, spectrum=None, table=predictions.table.assign(date=""))
    assert "No course over time" in markup(drift_section(drift(nothing)))


def test_shortcuts(predictions: Predictions) -> None:
    part = shortcuts_section(shortcuts(predictions))
    page = markup(part)
    assert "An 8 × 8 thumbnail alone tells pneumonia" in page
    assert "the model:" in page
    assert "Score higher than others" in page
    assert [one.heading for one in part.figures] == ["Told without looking", "Score by scanner and site, same truth"]
    bare = replace(predictions, features=None, table=predictions.table.assign(truth=""))
    assert "Nothing could be looked at" in markup(shortcuts_section(shortcuts(bare)))


def test_the_gallery_names_studies_and_links_nowhere_else(predictions: Predictions) -> None:
    paths = ["../../etc/passwd", "/etc/passwd", "javascript:alert(1)", "a b/ü.png"] * 75
    found = errors_gallery(replace(predictions, table=predictions.table.assign(path=paths)), most=300)
    page = markup(errors_section(found, images="../images"))
    links = re.findall(r'href="([^"]+)"', page)
    assert set(links) == {"../images/a%20b/%C3%BC.png"}
    assert "data:image/png;base64," in page
    assert "This part names studies" in page


def test_empty_records_have_a_page_too() -> None:
    nobody = replace(cohort(seed=1), table=cohort(seed=1).table.iloc[:0], features=None)
    for part in (
        missing_section(missing_table(nobody)),
        spectrum_section(spectrum_table(nobody)),
        drift_section(drift(nobody)),
        shortcuts_section(shortcuts(nobody)),
        errors_section(errors_gallery(nobody)),
    ):
        markup(part)
    assert isinstance(missing_table(nobody), MissingTable)


def test_equal_predictions_give_equal_bytes(predictions: Predictions) -> None:
    order = np.random.default_rng(0).permutation(len(predictions.table))
    turned = replace(predictions, table=predictions.table.iloc[order])
    made: list[tuple[SpectrumTable, Drift, tuple[Shortcuts, ...]]] = [
        (spectrum_table(one), drift(one), shortcuts(one)) for one in (predictions, turned)
    ]
    pages = [
        "".join(markup(part) for part in (spectrum_section(a), drift_section(b), shortcuts_section(c)))
        for a, b, c in made
    ]
    assert pages[0] == pages[1]
