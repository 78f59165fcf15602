"""The story, a few lines a step: inspect → plan → fit → predict → evaluate → report.

Each step takes and gives one typed value; the command line, a script and the app call the same functions.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medtransfer import __version__
from medtransfer.core.config.plan import Plan
from medtransfer.core.config.toml import read_toml, write_toml
from medtransfer.core.errors import CohortError, OutputError
from medtransfer.core.files import writable_folder, write_bytes, write_text, written_whole
from medtransfer.core.results import Predictions
from medtransfer.data.cohort import Cohort, patients, read_cohort
from medtransfer.data.inspection import Inspection, inspect_place
from medtransfer.data.ledger import require_allowed
from medtransfer.data.splits import assign_splits
from medtransfer.decision.thresholds import choose
from medtransfer.evaluation.evaluate import PATIENTS_UNKNOWN
from medtransfer.evaluation.evaluate import evaluate as evaluate_predictions
from medtransfer.evaluation.predictions_io import read_predictions, write_predictions
from medtransfer.models.bundle import MANIFEST, Bundle, Manifest, Member, TrainingRecord, read_bundle, write_bundle
from medtransfer.planning.plan import plan
from medtransfer.prediction.run import CohortRun, predict_cohort
from medtransfer.reporting.contact_sheet import contact_sheet
from medtransfer.reporting.evaluation import PAGE_SUFFIX, write_evaluation, write_page
from medtransfer.reporting.ledger import render_ledger

if TYPE_CHECKING:
    from medtransfer.core.config.data import CohortConfig
    from medtransfer.core.results import Evaluation, OperatingPoint
    from medtransfer.training.adapt import Adapted

__all__ = ["evaluate", "fit", "inspect", "plan", "predict", "read_bundle", "read_cohort", "report"]

PLAN, COHORT, BUNDLE = "plan.toml", "cohort.csv", "bundle"
"""What `fit` leaves in its folder, beside ledger.csv, terms.csv and tensorboard/."""


def inspect(place: str | Path, *, label: str = "label", quiet: bool = True) -> Inspection:
    """Look at every file in a folder (or every image a cohort table names), and say what became of it.

    Raises:
        CohortError: The table cannot be used.
        ReadError: There is nothing at `place`.
    """
    return inspect_place(Path(place), label=label, quiet=quiet)


def fit(
    plan: Plan | str | Path,
    *,
    out: str | Path,
    resume: bool = False,
    cache: str | Path | None = None,
    allow_failures: int = 0,
    quiet: bool = True,
) -> Bundle:
    """Train what a plan says, choose the operating point on validation, and write a bundle.

    Args:
        plan: The plan, or the path of its TOML file.
        out: The run's folder; `out/bundle` is the bundle, `out/cohort.csv` the target with its splits.
        resume: Go on from the checkpoint in `out`.
        cache: Folder of prepared pictures; default `out/cache`. Runs on the same cohorts may share one.
        allow_failures: How many images may fail to be read.
        quiet: Show no progress bars.

    Raises:
        MedTransferError: Inputs cannot be used, or training went wrong; see `.code` and `.hint`.
    """
    from medtransfer.training.adapt import adapt, prepare
    from medtransfer.training.checkpoint import remove_checkpoint

    plan = plan if isinstance(plan, Plan) else read_toml(Plan, Path(plan))
    folder = _run_folder(Path(out), plan, resume=resume)
    if (folder / BUNDLE / MANIFEST).is_file():
        return read_bundle(folder / BUNDLE)  # resumed after its end
    missing_is_fine = allow_failures > 0
    target = _cohort(plan.target, allow_missing=missing_is_fine)
    target = assign_splits(target, plan.split, seed=plan.seed, labels_per_class=plan.target.labels_per_class)
    source = None if plan.source is None else _cohort(plan.source, allow_missing=missing_is_fine)
    ready = prepare(plan, target=target, source=source, cache=Path(cache) if cache else folder / "cache", quiet=quiet)
    ready.ledger.write(folder)
    require_allowed(ready.ledger, allow_failures)
    adapted = adapt(
        plan,
        ready,
        folder=folder,
        on_start=lambda: _keep_plan(plan, target, folder),
        resume=resume,
        quiet=quiet,
    )
    manifest = _manifest(plan, adapted)
    tensors = {manifest.members[0].file: adapted.tensors}
    with tempfile.TemporaryDirectory(dir=folder, prefix=".draft-") as draft:
        point = _operating_point(plan, write_bundle(Path(draft), manifest, tensors), target, Path(draft))
    bundle = write_bundle(folder / BUNDLE, manifest.model_copy(update={"operating_point": point}), tensors)
    remove_checkpoint(folder)
    return bundle


def predict(
    bundle: Bundle | str | Path,
    cohort: Cohort | str | Path,
    *,
    out: str | Path | None = None,
    allow_failures: int = 0,
    quiet: bool = True,
) -> Predictions:
    """One row per study of a cohort.

    Args:
        bundle: What predicts, or its folder.
        cohort: The studies, or the path of their table.
        out: Write `predictions.csv`, `predictions.json` and the ledger here; a killed run goes on where it stopped.
        allow_failures: How many images may fail to be read.
        quiet: Show no progress bar.

    Raises:
        FailedCasesError: More images failed than allowed; what could be predicted is written first.
    """
    run = predict_run(bundle, cohort, out=out, allow_missing=allow_failures > 0, quiet=quiet)
    require_allowed(run.ledger, allow_failures)
    return run.predictions


def predict_run(
    bundle: Bundle | str | Path,
    cohort: Cohort | str | Path,
    *,
    out: str | Path | None = None,
    allow_missing: bool = False,
    quiet: bool = True,
) -> CohortRun:
    """`predict`, with the ledger, and without an opinion on how many images may fail."""
    bundle = bundle if isinstance(bundle, Bundle) else read_bundle(bundle)
    cohort = cohort if isinstance(cohort, Cohort) else read_cohort(cohort, allow_missing=allow_missing)
    if out is None:
        with tempfile.TemporaryDirectory() as temporary:
            return predict_cohort(bundle, cohort, folder=Path(temporary), quiet=quiet)
    folder = writable_folder(Path(out))
    run = predict_cohort(bundle, cohort, folder=folder, quiet=quiet)
    write_predictions(run.predictions, folder)
    run.ledger.write(folder)
    return run


def evaluate(predictions: Predictions | str | Path, *, title: str = "", seed: int = 0) -> Evaluation:
    """Measure predictions against the truth they carry; the threshold is the bundle's own.

    Args:
        predictions: The predictions, or the folder or CSV they were written to.
        title: What the report is headed by.
        seed: Of the bootstrap.

    Raises:
        PredictionsError: They cannot be evaluated as they are.
    """
    predictions = predictions if isinstance(predictions, Predictions) else read_predictions(Path(predictions))
    return evaluate_predictions(predictions, title=title, seed=seed)


def report(evaluation: Evaluation, *, out: str | Path) -> Path:
    """Write `report.html`, `evaluation.json` and `estimates.csv` into a folder; returns the path of the page.

    Args:
        evaluation: What was measured.
        out: The folder; or, where it ends in `.html`, the page itself, and nothing else is written.

    Raises:
        OutputError: The folder or page cannot be written.
    """
    place = Path(out)
    if place.suffix.lower() == PAGE_SUFFIX:
        return write_page(evaluation, place)
    return write_evaluation(evaluation, writable_folder(place))


def write_inspection(inspection: Inspection, out: str | Path) -> Path:
    """Write the ledger, a page and a contact sheet into a folder; returns the path of the page.

    Raises:
        OutputError: The folder cannot be written to.
    """
    folder = writable_folder(Path(out))
    inspection.ledger.write(folder)
    sheet = None
    if inspection.pictures:
        pictures, captions = zip(*inspection.pictures, strict=True)
        sheet = contact_sheet(pictures, captions)
        write_bytes(folder / "contact_sheet.png", sheet)
    page = render_ledger(
        counts=inspection.ledger.counts(),
        rows=inspection.ledger.table(),
        title=f"What is in {inspection.place.name}",
        contact_sheet_png=sheet,
    )
    write_text(folder / "inspection.html", page)
    return folder / "inspection.html"


def write_cohort(cohort: Cohort, path: Path) -> None:
    """Write a cohort's table so that its paths are right from where it lies."""
    folder = path.resolve().parent
    paths = [os.path.relpath(cohort.file(p).resolve(), folder) for p in cohort.table["path"]]
    with written_whole(path) as temporary:
        cohort.table.assign(path=paths).to_csv(temporary, index=False)


def _run_folder(folder: Path, plan: Plan, *, resume: bool) -> Path:
    writable_folder(folder)
    if (folder / PLAN).exists():
        if not resume:
            raise OutputError(
                "there is a run in it already",
                code="RunExists",
                path=folder,
                hint="Go on with it: --resume. Or choose another folder with --out.",
            )
        if read_toml(Plan, folder / PLAN).digest() != plan.digest():
            raise OutputError(
                "the run in it follows another plan",
                code="OtherPlan",
                path=folder,
                hint=f"Resume with {folder / PLAN}, or choose another folder with --out.",
            )
    return folder


def _keep_plan(plan: Plan, target: Cohort, folder: Path) -> None:
    """From here on the folder holds a run; what was refused before leaves it free for the next try."""
    write_cohort(target, folder / COHORT)
    if not (folder / PLAN).exists():
        write_toml(plan, folder / PLAN, comments=plan.reasons)


def _cohort(config: CohortConfig, *, allow_missing: bool) -> Cohort:
    """The cohort a plan names, if it is still the one the plan was made from."""
    cohort = read_cohort(
        config.cohort,
        label=config.label,
        classes=config.classes,
        positive=config.positive,
        patients_unknown=config.patients_unknown,
        allow_missing=allow_missing,
    )
    if config.sha256 and cohort.sha256 != config.sha256:
        raise CohortError(
            "the table has changed since the plan was made",
            code="CohortChanged",
            path=config.cohort,
            hint="Make the plan again: `medtransfer plan`.",
        )
    return cohort


def _without_places(plan: Plan) -> dict[str, Any]:
    """The plan as a bundle keeps it: bundles travel, and folder names of the hospital's machine stay at home."""
    content = plan.as_json()
    for cohort in (content["target"], content["source"] or {}):
        cohort.pop("cohort", None)
    if content["model"]["weights"] not in {"none", "imagenet"}:
        content["model"]["weights"] = Path(plan.model.weights).name
    return content


def _manifest(plan: Plan, adapted: Adapted) -> Manifest:
    return Manifest(
        medtransfer_version=__version__,
        classes=plan.target.classes,
        positive=plan.target.positive,
        preprocess=plan.preprocess,
        members=(
            Member(backbone=plan.model.backbone, file="network.safetensors", sha256="", input=adapted.input_spec),
        ),
        operating_point=None,
        training=TrainingRecord(
            plan=_without_places(plan),
            epochs=len(adapted.state.history),
            steps=adapted.state.step,
            best_epoch=adapted.state.best_epoch,
            arithmetic=adapted.state.arithmetic.model_dump(),
            seconds=round(adapted.state.seconds, 1),
            studies=adapted.studies,
            sites=adapted.sites,
            modalities=adapted.modalities,
            instance_weights=adapted.instance_weights,
            patients=adapted.patients,
        ),
    )


def _operating_point(plan: Plan, draft: Bundle, target: Cohort, folder: Path) -> OperatingPoint | None:
    """Choose on validation, with the network as the bundle will run it."""
    if plan.target.positive is None or not (target.table["split"] == "validation").any():
        return None
    predictions = predict_cohort(draft, target.split("validation"), folder=folder).predictions
    table = predictions.table[predictions.table["status"] == "read"]
    point = choose(
        (table["truth"] == plan.target.positive).to_numpy(),
        table[f"probability_{plan.target.positive}"].to_numpy(dtype=float),
        rule=plan.decision.rule,
        goal=None if plan.decision.rule == "youden" else plan.decision.goal,
        positive=plan.target.positive,
        chosen_on="validation",
        groups=patients(table).factorize(sort=True)[0],
    )
    if not (target.patients_unknown and (table["patient_id"] == "").any()):
        return point
    stamp = {"note": PATIENTS_UNKNOWN}
    return point.model_copy(
        update={
            "sensitivity": point.sensitivity.model_copy(update=stamp),
            "specificity": point.specificity.model_copy(update=stamp),
        }
    )
