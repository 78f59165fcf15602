"""The story, a few lines a step: inspect → plan → fit → predict; `evaluating` goes on from there.

Each step takes and gives one typed value; the command line, a script and the app call the same functions.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from medtransfer.core.catalogue import trust
from medtransfer.core.config.data import Preparation
from medtransfer.core.config.plan import Plan
from medtransfer.core.config.toml import changed, read_toml
from medtransfer.core.files import writable_folder
from medtransfer.core.results import Predictions
from medtransfer.data.cohort import Cohort, read_cohort
from medtransfer.data.content import content_of
from medtransfer.data.convert import Converted, Pseudonyms, convert_cohort
from medtransfer.data.duplicates import NEAR
from medtransfer.data.ingest import DEFAULTS
from medtransfer.data.inspection import Inspection, inspect_place
from medtransfer.data.ledger import Ledger, require_allowed
from medtransfer.data.listed import CohortFile
from medtransfer.data.rows import ledger_of, looked_at, stored_cases
from medtransfer.evaluation.predictions_io import read_predictions
from medtransfer.models.bundle import MANIFEST, Bundle, read_bundle, write_bundle
from medtransfer.pipeline.bundling import decided, new_manifest
from medtransfer.pipeline.recalibrating import check_calibration
from medtransfer.pipeline.runs import BUNDLE, keep_plan, planned_cohorts, run_folder
from medtransfer.planning.plan import by_name, with_content
from medtransfer.planning.plan import plan as make_plan
from medtransfer.prediction.finished import Summary, write_rows
from medtransfer.prediction.run import RunSettings, finished_run
from medtransfer.prediction.shard import WHOLE, shard_of
from medtransfer.prediction.stored import stored_kinds
from medtransfer.reporting.training import EpochLoss, write_training

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from medtransfer.core.config.data import ReadConfig
    from medtransfer.data.deidentify import Deidentifier
    from medtransfer.models.probe.result import ProbeResult

__all__ = ["convert", "fit", "inspect", "plan", "predict", "read_bundle", "read_cohort"]


def inspect(
    place: str | Path,
    *,
    label: str = "label",
    classes: Sequence[str] = (),
    near: float = NEAR,
    settings: ReadConfig = DEFAULTS,
    deidentifier: Deidentifier | None = None,
    quiet: bool = True,
) -> Inspection:
    """Look at every file in a folder (or every image a cohort table names), and say what became of it.

    Args:
        place: A folder, an image, or a cohort table.
        label: Column of the label in a cohort table.
        classes: The labels that are right; others are pointed out. Empty: any may be.
        near: Correlation from which two pictures are taken for the same.
        settings: How files become scans.
        deidentifier: Takes names away from everything that is found.
        quiet: Show no progress bar.

    Raises:
        CohortError: The table cannot be used.
        ReadError: There is nothing at `place`.
    """
    return inspect_place(
        Path(place),
        label=label,
        classes=classes,
        near=near,
        settings=settings,
        deidentifier=deidentifier,
        quiet=quiet,
    )


def plan(
    cohort: Cohort,
    *,
    source: Cohort | Mapping[str, Cohort] | None = None,
    backbone: str | Callable[..., object] = "resnet18",
    weights: str = "none",
    labels_per_class: int | None = None,
    seed: int = 0,
    changes: Iterable[str] = (),
    allow_failures: int = 0,
) -> Plan:
    """Make a plan for a target cohort, once the header of every image of both cohorts could be read.

    Nothing is decoded. How many images were excluded by which rule stands in the plan's reasons.

    Args:
        cohort: The target hospital.
        source: Another hospital whose labelled studies help; or several, by names of their own; or None.
        backbone: Entry of `models/backbones/`, or a function of your own that builds a `Backbone`.
        weights: `none`, `imagenet`, the name of imported weights, or a local file.
        labels_per_class: Label budget: use only so many labelled studies of each class.
        seed: Of splits, order, augmentation and initial weights.
        changes: `key.path=value`, as `--set` takes them; they win over every rule.
        allow_failures: So many images may fail by their headers.

    Raises:
        FailedCasesError: More images failed than allowed.
        CohortError: A cohort cannot answer the question (one class only, nobody positive declared, …).
        ConfigError: A value or a change is not allowed.
        CatalogueError: There is no such backbone, term or policy.
        WeightsError: The weight file or its sidecar is not there, or for another backbone.
    """
    changes = tuple(changes)
    made = make_plan(
        cohort,
        source=source,
        backbone=backbone,
        weights=weights,
        labels_per_class=labels_per_class,
        seed=seed,
        changes=changes,
    )
    looks = {
        f"{name}.cohort": looked_at(of, settings=made.read)
        for name, of in (("target", cohort), *((f"sources.{name}", of) for name, of in by_name(source).items()))
    }
    require_allowed(ledger_of(*looks.values()), allow_failures)
    content = content_of((item for item, _ in looks["target.cohort"]), stored_cases(cohort))
    made = with_content(made, content, changes)
    noted = {key: said for key, look in looks.items() if (said := _left_out(ledger_of(look)))}
    return made.model_copy(update={"reasons": {**made.reasons, **noted}})


def convert(
    cohort: Cohort | str | Path,
    *,
    out: str | Path,
    changes: Sequence[str] = (),
    workers: int = 1,
    pseudonyms: Pseudonyms | None = None,
    quiet: bool = True,
) -> Converted:
    """Write a cohort once into prepared arrays; `read_cohort(out)` is then a cohort that needs no files.

    Args:
        cohort: The studies, or the path of their table.
        out: A new folder, or one that was converted into before: then only what has changed is decoded.
        changes: `preprocess.size=320`, `read.on_irregular=keep`, …: any key of these two tables.
        workers: Processes that decode.
        pseudonyms: Other names for everything that is written.
        quiet: Show no progress bars.

    Raises:
        UnusableInputError: The cohort or a setting cannot be used, or the folder cannot be written to.
    """
    settings = changed(Preparation(), changes)
    cohort = cohort if isinstance(cohort, Cohort) else read_cohort(cohort, patients_unknown=True)
    return convert_cohort(
        cohort,
        folder=Path(out),
        preprocess=settings.preprocess,
        read=settings.read,
        workers=workers,
        pseudonyms=pseudonyms,
        quiet=quiet,
    )


def fit(
    plan: Plan | str | Path,
    *,
    out: str | Path,
    resume: bool = False,
    cache: str | Path | None = None,
    allow_failures: int = 0,
    quiet: bool = True,
) -> Bundle:
    """Train what a plan says, recalibrate if asked to, choose the operating point on validation, and write a bundle.

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
    from medtransfer.training.log import NAME as LOG

    plan = plan if isinstance(plan, Plan) else read_toml(Plan, Path(plan))
    trust(plan.model.backbone, plan.model.pooling.name)
    folder = run_folder(Path(out), plan, resume=resume)
    if (folder / BUNDLE / MANIFEST).is_file():
        return read_bundle(folder / BUNDLE)  # resumed after its end
    target, sources = planned_cohorts(plan, allow_missing=allow_failures > 0)
    check_calibration(plan, target)
    kept = Path(cache) if cache else folder / "cache"
    ready = prepare(plan, target=target, sources=sources, cache=kept, quiet=quiet)
    ready.ledger.write(folder)
    require_allowed(ready.ledger, allow_failures)
    adapted = adapt(
        plan,
        ready,
        folder=folder,
        on_start=lambda: keep_plan(plan, target, folder),
        resume=resume,
        quiet=quiet,
    )
    manifest = new_manifest(plan, adapted)
    tensors = {manifest.members[0].file: adapted.tensors}
    with tempfile.TemporaryDirectory(dir=folder, prefix=".draft-") as draft:
        drafted = write_bundle(Path(draft), manifest, tensors)
        complete = decided(plan, drafted, target, Path(draft), cache=kept)
    bundle = write_bundle(folder / BUNDLE, complete, tensors)
    write_training(
        plan,
        complete.training,
        log=folder / LOG,
        validation=[
            EpochLoss(steps=row.steps, log_loss=row.validation_log_loss)
            for row in adapted.state.history
            if row.validation_log_loss is not None
        ],
        folder=folder,
    )
    remove_checkpoint(folder)
    return bundle


def predict(
    bundle: Bundle | str | Path,
    cohort: Cohort | str | Path,
    *,
    out: str | Path | None = None,
    cache: str | Path | None = None,
    shard: str = str(WHOLE),
    store: Sequence[str] = (),
    allow_failures: int = 0,
    quiet: bool = True,
) -> Predictions:
    """One row per study of a cohort.

    Args:
        bundle: What predicts, or its folder.
        cohort: The studies, or the path of their table.
        out: Write `predictions.csv`, `predictions.json` and the ledger here; a killed run goes on where it stopped.
        cache: Folder of prepared pictures to read from and add to, such as that of `fit`; default: nothing is kept.
        shard: Only this part of the studies, such as `1/8`; `merge` puts the parts together.
        store: What else to keep of every study: `embeddings`, `thumbnails`, or both.
        allow_failures: How many images may fail to be read.
        quiet: Show no progress bar.

    Raises:
        FailedCasesError: More images failed than allowed; what could be predicted is written first.
    """
    asked = cohort if isinstance(cohort, Cohort) else CohortFile(path=Path(cohort), allow_missing=allow_failures > 0)
    with tempfile.TemporaryDirectory() as temporary:
        folder = temporary if out is None else out
        done = predict_run(bundle, asked, out=folder, cache=cache, shard=shard, store=store, quiet=quiet)
        error = done.images.failure_beyond(allow_failures)
        if error is not None:
            raise error
        return read_predictions(Path(folder))


def predict_run(
    bundle: Bundle | str | Path,
    cohort: Cohort | CohortFile,
    *,
    out: str | Path,
    cache: str | Path | None = None,
    shard: str = str(WHOLE),
    store: Sequence[str] = (),
    quiet: bool = True,
) -> Summary:
    """`predict`, onto disk alone, so that memory does not grow with the cohort; how many images failed is only said."""
    settings = RunSettings(
        cache=None if cache is None else Path(cache), shard=shard_of(shard), stored=stored_kinds(store)
    )
    bundle = bundle if isinstance(bundle, Bundle) else read_bundle(bundle)
    folder = writable_folder(Path(out), private=True)
    with finished_run(bundle, cohort, folder=folder, settings=settings, quiet=quiet) as run:
        return write_rows(run.rows(), run.about, folder)


def probe_weights(
    weights: str | Path,
    cohort: Cohort | str | Path,
    *,
    backbone: str | None = None,
    images: int = 300,
    cache: str | Path | None = None,
    store: bool = False,
    quiet: bool = True,
) -> ProbeResult:
    """Find out which normalisation pretrained weights expect, by the batch statistics of a cohort's images.

    Args:
        weights: A weight file, or the name of imported weights.
        cohort: Whose images are looked at, its test split apart; or the path of its table.
        backbone: Name in the catalogue; may be left out where the file tells.
        images: How many images to look at, at most.
        cache: Folder of prepared pictures; default: nothing is kept.
        store: Write the answer into the sidecar of the weights.
        quiet: Show no progress bars.

    Raises:
        WeightsError: The weights cannot be probed; or, where it is to be stored, there is no clear answer.
        CohortError: No image can be read.
    """
    from medtransfer.models.probe import probe

    cohort = cohort if isinstance(cohort, Cohort) else read_cohort(cohort, patients_unknown=True)
    with tempfile.TemporaryDirectory() as temporary:
        kept = Path(cache or temporary)
        result = probe.probe_file(weights, cohort, backbone=backbone, images=images, cache=kept, quiet=quiet)
    if store:
        probe.store(weights, result)
    return result


def _left_out(ledger: Ledger) -> str:
    """A sentence on the images of a cohort that will not be read; empty where all will."""
    counts = ledger.counts()
    reasons = ", ".join(f"{code} {n}" for (_, code), n in ledger.by_reason().items())
    if not reasons:
        return ""
    return (
        f"Of {counts['inputs']} images {counts['excluded']} are excluded by rule and {counts['failed']} failed, "
        f"by their headers: {reasons}."
    )
