"""Sixty values that would like to be obeyed, in a real browser: all are seen as text, and none does anything."""

from __future__ import annotations

import shutil
import warnings
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from evaluations import QUICK, label_points, pneumonia
from pydicom.uid import generate_uid

import medtransfer as mt
from apps.text import printable
from medtransfer.core.config.models import ModelConfig
from medtransfer.core.evaluated.spectrum import Distribution, Spectrum
from medtransfer.evaluation.evaluate import evaluate
from medtransfer.evaluation.predictions_io import write_predictions
from medtransfer.models.assemble import new_classifier
from medtransfer.models.bundle import write_bundle
from medtransfer.models.classifier import Question
from medtransfer.pipeline.inspections import write_inspection
from tests.apps.hostile import HOSTILE, HTML
from tests.apps.server.test_serving import serving, until

playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
tours = pytest.importorskip("tests.apps.tour", reason="axe-playwright-python is not installed")

if TYPE_CHECKING:
    from collections.abc import Iterator

    from medtransfer.models.bundle import Bundle
    from tests.apps.conftest import MakeBundle, WriteStudy

CHROMIUM = shutil.which("chromium")
ALL, STRANGERS = "all of them", "sixty patients"
CREATED = """() => {
    const found = [], look = (root) => {
        for (const one of root.querySelectorAll('*')) {
            for (const {name, value} of one.attributes)
                if (/^(src|href|action|data|content|srcdoc|on.*)$/.test(name) &&
                    /127\\.0\\.0\\.1:9\\/|javascript:|alert\\(1\\)/.test(value)) found.push(one.outerHTML);
            if (/^(SCRIPT|STYLE)$/.test(one.tagName) && /alert\\(1\\)|^\\*\\{display:none\\}/.test(one.textContent))
                found.push(one.outerHTML);
            if (one.shadowRoot) look(one.shadowRoot);
        }
    };
    look(document);
    return found;
}"""
"""Elements that one of the values has made."""

SEEN = """() => {
    const texts = [], look = (root) => {
        for (const one of root.querySelectorAll('*')) {
            if (/^(SCRIPT|STYLE)$/.test(one.tagName)) continue;
            for (const node of one.childNodes) if (node.nodeType === Node.TEXT_NODE) texts.push(node.data);
            if (one.shadowRoot) look(one.shadowRoot);
        }
    };
    look(document.body);
    return texts.join('\\n');
}"""
"""Every text on the page, also that of canvases' tables (their hidden HTML twin) and of the viewer."""

pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")]


def as_file_name(value: str) -> str:
    """The nearest that a file can be called."""
    return value.replace("/", "∕").replace("\0", "") + ".dcm"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=tours.ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def folder(tmp_path: Path, write_study: WriteStudy) -> Path:
    """A study of a series per value, a folder that is refused and names each, and a study per value."""
    root = tmp_path / "incoming"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydicom says that such values are none
        for number, value in enumerate(HOSTILE):
            tags = dict.fromkeys(("StudyDescription", "SeriesDescription", "ManufacturerModelName"), value[:64])
            named = {"PatientName": value[:64], "Manufacturer": value[:64], "PatientID": f"P{number}"}
            uids = {"SeriesInstanceUID": generate_uid(), "SOPInstanceUID": generate_uid()}
            named["SpecificCharacterSet"] = "ISO_IR 192"
            write_study(root / as_file_name(value), **tags, **named)
            write_study(root / STRANGERS / as_file_name(value), **tags, **named | uids | {"StudyInstanceUID": ""})
            one = {"PatientID": "P", "StudyInstanceUID": "1.2.9"}
            write_study(root / ALL / as_file_name(value), **tags, **named | uids | one)
    return root


@pytest.fixture(scope="module")
def many(make_bundle: MakeBundle, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """A bundle of sixty labels, each of them a value, trained on those values."""
    folder = tmp_path_factory.mktemp("hostile")
    manifest = make_bundle(folder / "first").manifest
    model = new_classifier(ModelConfig(backbone="squeezenet1_1"), question=Question("multilabel", len(HOSTILE)), seed=0)
    seen = Distribution(missing=0, counts=dict.fromkeys(HOSTILE, 5))
    spectrum = Spectrum(n_studies=70, n_patients=61, attributes=dict.fromkeys(("manufacturer", "sex", "view"), seen))
    training = manifest.training.model_copy(
        update={
            "studies": {"target": dict.fromkeys(HOSTILE, 5)},
            "sites": HOSTILE,
            "modalities": (*HOSTILE, "CR"),
            "notes": HOSTILE,
            "spectrum": spectrum,
        }
    )
    changes = {
        "task": "multilabel",
        "classes": HOSTILE,
        "positive": None,
        "operating_point": None,
        "operating_points": label_points(**dict.fromkeys(HOSTILE, 0.4)),
        "training": training,
    }
    (folder / "bundle").mkdir()
    tensors = {name: tensor.detach().numpy() for name, tensor in model.state_dict().items()}
    return write_bundle(folder / "bundle", manifest.model_copy(update=changes), {"network.safetensors": tensors})


@pytest.fixture
def runs(folder: Path, tmp_path: Path) -> Path:
    """An inspection of these files, and an evaluation whose studies, sites and makers are these values."""
    root = tmp_path / "runs"
    said = pneumonia()
    count = len(said.table)
    values = np.array(HOSTILE, dtype=object)[np.arange(count) % len(HOSTILE)]
    table = said.table.assign(
        study_id=[f"{value}{number}" for number, value in enumerate(values)],
        site=values,
        attribute_manufacturer=values,
        attribute_sex=values,
        error=np.where(said.table["error"] == "", "", values),
    )
    predictions = replace(said, table=table)
    (root / "predictions").mkdir(parents=True)
    write_predictions(predictions, root / "predictions")
    mt.report(evaluate(predictions, title=HOSTILE[1], config=QUICK), out=root / "report")
    write_inspection(mt.inspect(folder), root / "inspection")
    return root


def test_none_of_them_is_obeyed(browser: Any, many: Bundle, folder: Path, runs: Path, tmp_path: Path) -> None:
    with serving(tmp_path, many, folder, "--runs", runs, "--clinic", _clinic(tmp_path)) as server:
        watched = tours.watch(browser)
        page = watched.page
        words = {" ".join(printable(value).split()) for value in HOSTILE}
        names = {" ".join(printable(as_file_name(value)).split()) for value in HOSTILE}

        def look(where: str) -> str:
            tours.settled(page)
            text = page.evaluate(SEEN)
            assert page.evaluate(CREATED) == [], where
            assert (watched.dialogs, watched.errors, watched.outside()) == ([], [], []), where
            assert page.get_by_text(tours.NOTICE).first.is_visible(), where
            assert not [said for said in tours.STOPPED if page.get_by_text(said).count()], where
            return " ".join(text.split())

        page.goto(server.address)
        page.get_by_label("Open a study").wait_for(timeout=60_000)
        look("worklist")
        page.goto(f"{server.address}/study?study={STRANGERS}")
        page.get_by_text("Take note").wait_for(timeout=60_000)
        text = look(STRANGERS)
        assert {name for name in names if name not in text} == set()
        for name in (ALL, *(printable(as_file_name(value)) for value in HOSTILE[:2])):
            tours.open_study(page, server.address, name)
            page.get_by_text("Evidence", exact=True).wait_for(timeout=60_000)
            look(name)
        page.get_by_role("link", name="Report", exact=True).click()
        page.get_by_role("heading", name="Report", exact=True, level=1).wait_for(timeout=60_000)
        look("report")
        for title in ("Model", "Reviews", "Runs", "Cohort", "Evaluation"):
            page.get_by_role("link", name=title, exact=True).click()
            page.get_by_role("heading", name=title, exact=True, level=1).wait_for(timeout=60_000)
            text = look(title)
            if title == "Model":
                assert {value for value in words if value not in text} == set()
        for part in page.locator('[data-testid="stButtonGroup"] button').all():
            part.click()
            look(part.inner_text())
        page.context.close()
    log = (tmp_path / "log.txt").read_text(encoding="utf-8")
    assert "Uncaught" not in log
    assert "alert(1)" not in log


def _clinic(folder: Path) -> Path:
    file = folder / "clinic.toml"
    file.write_text('reveal = "always"\nprotocol = "EK-2026/114"\n', encoding="utf-8")
    return file


def test_what_is_obeyed_would_be_found(browser: Any) -> None:
    """The same eyes on a page that shows such values as they are."""
    watched = tours.watch(browser)
    watched.page.set_content("".join(value for value in HTML if "refresh" not in value))  # it would lead away
    until(lambda: watched.page.wait_for_timeout(50) or (watched.dialogs and watched.outside()))
    assert watched.page.evaluate(CREATED)
    watched.page.context.close()
