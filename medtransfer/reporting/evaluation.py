"""An evaluation as files: JSON for programs, CSV for tables, one self-contained HTML page for readers."""

from __future__ import annotations

import csv
import io
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pydantic import ValidationError

from medtransfer.core.errors import PredictionsError
from medtransfer.core.evaluated.evaluation import Evaluation
from medtransfer.core.files import write_text
from medtransfer.core.inert import csv_cell
from medtransfer.reporting.card_files import require_its_own, write_card
from medtransfer.reporting.cards import headline_cards
from medtransfer.reporting.checklists.files import write_checklists
from medtransfer.reporting.evaluation_parts import parts
from medtransfer.reporting.figure_files import write_figures
from medtransfer.reporting.page import render
from medtransfer.reporting.provenance import provenance_facts
from medtransfer.reporting.words import RESEARCH_USE, has_interval, level, verdict

if TYPE_CHECKING:
    from medtransfer.models.bundle import Bundle
    from medtransfer.reporting.section import Section

JSON_NAME: Final = "evaluation.json"
CSV_NAME: Final = "estimates.csv"
HTML_NAME: Final = "report.html"
FIGURES: Final = "figures"
"""Folder of the drawings, each as SVG and PNG."""
CHECKLISTS: Final = "checklists"
PAGE_SUFFIX: Final = ".html"
"""A report whose name ends so is one file, not a folder."""

CSV_COLUMNS: Final = ("where", "name", "class", "value", "low", "high", "level", "method", "n", "note")
"""`where` is the figure's place in the JSON, such as `operating/estimates`, `subgroups/sex/groups/F/figures/AUROC`."""


def write_evaluation(
    evaluation: Evaluation, folder: Path, *, bundle: Bundle | None = None, images: str | Path | None = None
) -> Path:
    """Write `evaluation.json`, `estimates.csv`, `figures/`, `checklists/` and `report.html`; the page comes last.

    Each file is written whole or not at all.

    Args:
        evaluation: What was measured.
        folder: Where the files go.
        bundle: The one that predicted: more of the checklists is filled, and a model card is written.
        images: The cohort's folder: what names studies links to their images.

    Returns:
        The path of the HTML page.

    Raises:
        OutputError: The folder cannot be made or written to.
        PredictionsError: `OtherBundle`: another bundle predicted.
    """
    if bundle is not None:
        require_its_own(evaluation, bundle)
    shown = parts(evaluation, images=_address(images, folder))
    page = _rendered(evaluation, shown)
    manifest = bundle.manifest if bundle else None
    write_text(folder / JSON_NAME, evaluation.model_dump_json(indent=2) + "\n")
    write_text(folder / CSV_NAME, estimates_csv(evaluation))
    for part in shown:
        write_figures(part, folder / FIGURES)
    write_checklists(folder / CHECKLISTS, evaluation, manifest, sections={part.name: part.heading for part in shown})
    if bundle is not None:
        write_card(folder, bundle, evaluation)
    write_text(folder / HTML_NAME, page)
    return folder / HTML_NAME


def write_page(evaluation: Evaluation, path: Path, *, images: str | Path | None = None) -> Path:
    """Write the HTML page alone, as `path`, whole or not at all; `images` as in `write_evaluation`.

    Returns:
        The path.

    Raises:
        OutputError: It cannot be written.
    """
    write_text(path, render_evaluation(evaluation, images=_address(images, path.parent)))
    return path


def read_evaluation(path: Path) -> Evaluation:
    """Read `evaluation.json`, or the one in the folder `path`.

    Raises:
        PredictionsError: There is no such file, it is no evaluation, or it has another schema version.
    """
    path = path / JSON_NAME if path.is_dir() else path
    try:
        text = path.read_text(encoding="utf-8")
        found = json.loads(text)
    except FileNotFoundError as error:
        raise PredictionsError(
            "there is no such file", code="NotFound", path=path, hint="Run `medtransfer evaluate` first."
        ) from error
    except OSError as error:
        reason = f"cannot be read: {error.strerror or error}"
        raise PredictionsError(reason, code="Unreadable", path=path, hint="Check the permissions.") from error
    except (ValueError, RecursionError) as error:
        raise _no_evaluation(path, f"is no JSON: {error}") from error
    version = found.get("schema_version") if isinstance(found, dict) else None
    if version is None:
        raise _no_evaluation(path, "is no evaluation: it has no schema_version")
    if version != 2:
        raise PredictionsError(
            f"has schema version {version!r}, and this medtransfer reads version 2",
            code="SchemaVersion",
            path=path,
            hint="Evaluate the predictions again with this version, or read it with the one that wrote it.",
        )
    try:
        return Evaluation.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "the whole"
        raise _no_evaluation(path, f"is no evaluation: {place}: {first['msg']}") from error


def render_evaluation(evaluation: Evaluation, *, images: str = "") -> str:
    """The page: one HTML document that asks for nothing from anywhere. Equal evaluations give equal bytes."""
    return _rendered(evaluation, parts(evaluation, images=images))


def _address(images: str | Path | None, page_folder: Path) -> str:
    """The way from the page to the images, as a relative address."""
    if images is None:
        return ""
    try:
        return Path(os.path.relpath(Path(images).resolve(), page_folder.resolve())).as_posix()
    except ValueError:  # on another drive: no relative way leads there
        return ""


def _rendered(evaluation: Evaluation, shown: tuple[Section, ...]) -> str:
    sentence, _, rest = RESEARCH_USE.partition(". ")
    levels = {level(e) for e in evaluation.estimates if has_interval(e)}
    return render(
        "evaluation.html.j2",
        title=evaluation.title or "Evaluation",
        evaluation=evaluation,
        verdict=verdict(evaluation),
        research_use=(sentence, rest),
        cards=headline_cards(evaluation),
        parts=shown,
        kind="Label" if evaluation.task == "multilabel" else "Class",
        by_class=any(e.of for e in evaluation.estimates),
        common_level=levels.pop() if len(levels) == 1 else "",
        made_from=provenance_facts(evaluation.provenance),
    )


def estimates_csv(evaluation: Evaluation) -> str:
    """Every estimate, one a row (`CSV_COLUMNS`); where there is no figure, `note` says why."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    for where, e in evaluation.every_estimate():
        row = (where, e.name, e.of or "", e.value, e.low, e.high, e.level, e.method, e.n, e.note)
        writer.writerow([csv_cell(cell) for cell in row])
    return buffer.getvalue()


def _no_evaluation(path: Path, message: str) -> PredictionsError:
    hint = "Give the evaluation.json that `medtransfer evaluate` wrote, unaltered."
    return PredictionsError(message, code="NotAnEvaluation", path=path, hint=hint)
