"""Every screen in a browser without WebGL, dark and light: it stands, can be read, and asks nothing of elsewhere.

`MEDTRANSFER_SCREENSHOTS=FOLDER` keeps a picture of each.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from evaluations import QUICK, pneumonia
from PIL import Image

import medtransfer as mt
from medtransfer.evaluation.evaluate import evaluate
from medtransfer.evaluation.predictions_io import write_predictions
from medtransfer.pipeline.inspections import write_inspection
from tests.apps.chart_words import faint_words
from tests.apps.panels.conftest import scored, spectrum
from tests.apps.server.test_serving import serving

playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
tours = pytest.importorskip("tests.apps.tour", reason="axe-playwright-python is not installed")

if TYPE_CHECKING:
    from collections.abc import Iterator

    from medtransfer.models.bundle import Bundle
    from tests.apps.conftest import MakeBundle

CHROMIUM = shutil.which("chromium")
STUDIES = Path(__file__).parents[2] / "sample_data" / "studies" / "hillcrest" / "images"
STUDY = "HC0001-1.dcm"

pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=tours.ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def whole(make_bundle: MakeBundle, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """A bundle that every screen has something to say of."""
    known = make_bundle(tmp_path_factory.mktemp("whole") / "first").manifest
    return make_bundle(
        tmp_path_factory.mktemp("whole") / "bundle",
        scored=(scored(),),
        priors={"pneumonia": 0.4},
        training=known.training.model_copy(update={"spectrum": spectrum()}),
    )


@pytest.fixture(scope="module")
def runs(quick_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run, an inspection, predictions and their report."""
    root = tmp_path_factory.mktemp("runs")
    shutil.copytree(quick_run, root / "run")
    write_inspection(mt.inspect(STUDIES.parent), root / "inspection")
    (root / "predictions").mkdir()
    write_predictions(pneumonia(), root / "predictions")
    mt.report(evaluate(pneumonia(), title="Hospital B", config=QUICK), out=root / "report")
    return root


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the pictures are."""
    asked = os.environ.get("MEDTRANSFER_SCREENSHOTS")
    folder = Path(asked) if asked else tmp_path_factory.mktemp("screenshots")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_every_screen_stands(browser: Any, whole: Bundle, runs: Path, kept: Path, tmp_path: Path, theme: str) -> None:
    clinic = tmp_path / "clinic.toml"
    clinic.write_text(f'theme = "{theme}"\nprotocol = "EK-2026/114"\nprevalence = 0.08\n', encoding="utf-8")
    faint: dict[str, list[str]] = {}
    with serving(tmp_path, whole, STUDIES, "--runs", runs, "--clinic", clinic) as server:
        watched = tours.watch(browser)
        page, seen = watched.page, []
        for name in tours.tour(page, server.address, STUDY):
            picture = kept / f"{name}-{theme}.png"
            page.screenshot(path=picture)
            with Image.open(picture) as opened:
                assert len(opened.convert("RGB").resize((70, 45)).getcolors(4096) or ()) > 20, f"{name} is empty"
            assert page.get_by_text(tours.NOTICE).first.is_visible(), name
            assert page.locator('[data-testid="stException"]').count() == 0, name
            assert not [said for said in tours.STOPPED if page.get_by_text(said).count()], name
            assert page.evaluate("!document.createElement('canvas').getContext('webgl')"), "WebGL is on"
            if found := tours.too_faint(page) + faint_words(page):
                faint[name] = found
            seen.append(name)
        assert tuple(seen) == tours.SCREENS
        assert watched.asked
        assert (watched.outside(), watched.dialogs, watched.errors) == ([], [], [])
        page.context.close()
    assert not faint, "\n".join(f"{name}: {one}" for name, found in faint.items() for one in found)
    log = (tmp_path / "log.txt").read_text(encoding="utf-8")
    assert "Traceback" not in log
    assert "Uncaught" not in log
