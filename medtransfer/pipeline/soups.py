"""Model soups: the average of the weights of several fine-tuned networks, which costs no more to run than one.

    θ̄(S) = 1/|S| · Σ_{i∈S} θ_i,    i over bundles from one start

A *uniform* soup takes all of them. A *greedy* one begins with the bundle of the lowest validation log-loss and tries
the others in that order:

    S ← S ∪ {i}    if  loss(θ̄(S ∪ {i})) ≤ loss(θ̄(S))

so that on validation it is never worse than its best member. Averaged are all parameters and, with the same
coefficients, the running statistics of batch normalisation. Networks far apart see other statistics than their average
does, which a greedy soup notices and a uniform one does not.

Reference: Wortsman et al. 2022, Model soups: averaging weights of multiple fine-tuned models improves accuracy without
increasing inference time, algorithm 1.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from medtransfer import __version__
from medtransfer.core.config.data import CohortConfig
from medtransfer.core.config.decision import DecisionConfig
from medtransfer.core.config.plan import Plan
from medtransfer.core.errors import CohortError, ConfigError, OutputError
from medtransfer.core.files import text_digest, writable_folder
from medtransfer.core.results import PROBABILITY
from medtransfer.data.cohort import Cohort, read_cohort
from medtransfer.data.ledger import require_allowed
from medtransfer.data.targets import targets_of
from medtransfer.evaluation.metrics import log_loss
from medtransfer.models.bundle import MANIFEST, Bundle, read_bundle, write_bundle
from medtransfer.pipeline.choosing import ChosenPoints, chosen_points
from medtransfer.pipeline.held_out import held_out
from medtransfer.pipeline.ingredients import average, check_alike, network, without_calibrator
from medtransfer.pipeline.runs import BUNDLE
from medtransfer.pipeline.scoring import VALIDATION, scored_on
from medtransfer.pipeline.soup_record import merged_record, story_of
from medtransfer.prediction.run import predict_cohort

if TYPE_CHECKING:
    from medtransfer.core.results import Predictions, ScoredStudies
    from medtransfer.models.bundle import TrainingRecord

How = Literal["uniform", "greedy"]

_NO_POINTS = ChosenPoints()


def soup(
    bundles: Sequence[Bundle | str | Path],
    *,
    out: str | Path,
    how: How = "uniform",
    validation: Cohort | str | Path | None = None,
    cache: str | Path | None = None,
    allow_failures: int = 0,
    quiet: bool = True,
) -> Bundle:
    """Average the weights of several bundles.

    Args:
        bundles: Two or more, of one network each, fitted from the same start.
        out: A new folder; `out/bundle` is the soup.
        how: `uniform` or `greedy`.
        validation: On whom a greedy soup chooses its members, and any soup its operating points, anew. Either the table
            that the members were fitted on, of which the studies count that validated all of them; or patients whom
            none of them has seen. None leaves operating points out.
        cache: Folder of prepared pictures to read from and add to; default: nothing is kept.
        allow_failures: How many images may fail to be read.
        quiet: Show no progress bars.

    Returns:
        The soup, not recalibrated: its members' calibrators were fitted to other networks. Its plan is that of its
        first member (its best, where there is validation), with a table `soup` that says what became of every bundle.

    Raises:
        BundleError: A bundle cannot be averaged with the first; the message names the differences.
        CohortError: Not everyone in the validation cohort was held out.
        ConfigError: `TooFewBundles`; `NoValidation`; `UnknownValue`.
        OutputError: There is a bundle in `out` already.
    """
    given = [without_calibrator(one if isinstance(one, Bundle) else read_bundle(one)) for one in bundles]
    _check_asked(len(given), how, has_validation=validation is not None)
    check_alike(given, decide=validation is not None)
    cohort = None if validation is None else held_out(_cohort(validation, given[0], allow_failures), given)
    folder = _new_folder(Path(out))
    if cohort is None:
        return _write(folder / BUNDLE, given, merged_record(given, story_of(how, given, given)))
    with tempfile.TemporaryDirectory(dir=folder, prefix=".draft-") as draft:
        judge = _Judge(
            cohort=cohort,
            drafts=Path(draft),
            folder=folder,
            cache=Path(cache) if cache else Path(draft) / "cache",
            allow_failures=allow_failures,
            quiet=quiet,
        )
        losses = [judge.loss(bundle) for bundle in given]
        ranked = [given[i] for i in sorted(range(len(given)), key=lambda i: (losses[i], network(given[i])))]
        chosen = ranked if how == "uniform" else _greedy(ranked, min(losses), judge)
        drafted = judge.draft(chosen)
        story = story_of(how, given, chosen, losses) | {"log_loss": judge.loss(drafted)}
        points = chosen_points(_question(given[0]), drafted, cohort, judge.journal(drafted), cache=judge.cache)
        journals = {VALIDATION: judge.journal(drafted)}
        scored = scored_on(drafted.manifest, drafted, cohort, journals, cache=judge.cache)
    return _write(folder / BUNDLE, chosen, merged_record(chosen, story, cohort), points, scored)


@dataclass(frozen=True, kw_only=True)
class _Judge:
    """Measures bundles on studies that were held out.

    Attributes:
        drafts: A folder that is removed afterwards.
        folder: Where the ledger of their images is written.
    """

    cohort: Cohort
    drafts: Path
    folder: Path
    cache: Path
    allow_failures: int
    quiet: bool

    def draft(self, bundles: Sequence[Bundle]) -> Bundle:
        """Their soup, to be measured."""
        name = text_digest(*sorted(network(bundle) for bundle in bundles))
        return _write(self.drafts / f"soup {name}", bundles, merged_record(bundles, {"how": "draft"}))

    def journal(self, bundle: Bundle) -> Path:
        """Where its predictions are kept, so that none is made twice."""
        return self.drafts / bundle.sha256

    def loss(self, bundle: Bundle) -> float:
        """Log-loss of the held-out studies."""
        run = predict_cohort(bundle, self.cohort, folder=self.journal(bundle), cache=self.cache, quiet=self.quiet)
        run.ledger.write(self.folder)
        require_allowed(run.ledger, self.allow_failures)
        return prediction_loss(run.predictions)


def prediction_loss(predictions: Predictions) -> float:
    """Mean log-loss in nats over the studies that were read; of several labels, over all that are known.

    Raises:
        CohortError: No labelled study was read.
    """
    table = predictions.table[(predictions.table["status"] == "read") & (predictions.table["truth"] != "")]
    if table.empty:
        raise CohortError(
            "no labelled validation study was read", code="NoCases", hint="Look at the ledger for why images were not."
        )
    probability = table[[PROBABILITY + name for name in predictions.classes]].to_numpy(dtype=np.float64)
    truth = targets_of(table["truth"], predictions.classes, predictions.task)
    if truth.ndim == 2:
        known = ~np.isnan(truth)
        return log_loss.measure(truth[known] == 1, probability[known])
    return log_loss.measure(np.ones(len(truth), dtype=bool), probability[np.arange(len(truth)), truth.astype(np.int64)])


def _greedy(ranked: Sequence[Bundle], best: float, judge: _Judge) -> list[Bundle]:
    """Those of the bundles, the best first, that do not make the soup worse."""
    chosen = [ranked[0]]
    for bundle in ranked[1:]:
        loss = judge.loss(judge.draft([*chosen, bundle]))
        if loss <= best:
            best, chosen = loss, [*chosen, bundle]
    return chosen


def _write(
    folder: Path,
    bundles: Sequence[Bundle],
    training: TrainingRecord,
    points: ChosenPoints = _NO_POINTS,
    scored: tuple[ScoredStudies, ...] = (),
) -> Bundle:
    """The bundle; what its members decided by their own probabilities does not become its own."""
    manifest = bundles[0].manifest
    member = manifest.members[0]
    training = training.model_copy(update={"notes": tuple(dict.fromkeys((*training.notes, *points.notes)))})
    update = {"medtransfer_version": __version__, "scored": scored, "training": training} | points.for_manifest()
    return write_bundle(folder, manifest.model_copy(update=update), {member.file: average(bundles)})


def _question(bundle: Bundle) -> Plan:
    """What was asked, and how an operating point is chosen."""
    plan = bundle.manifest.training.plan
    return Plan(
        target=CohortConfig.model_validate({**plan["target"], "cohort": ""}),
        decision=DecisionConfig.model_validate(plan["decision"]),
    )


def _cohort(validation: Cohort | str | Path, bundle: Bundle, allow_failures: int) -> Cohort:
    """The cohort, read as the members' plans say."""
    if isinstance(validation, Cohort):
        return validation
    target = _question(bundle).target
    return read_cohort(
        validation,
        label=target.label,
        task=target.task,
        classes=target.classes,
        positive=target.positive,
        patients_unknown=target.patients_unknown,
        allow_missing=allow_failures > 0,
    )


def _check_asked(count: int, how: str, *, has_validation: bool) -> None:
    if how not in get_args(How):
        raise ConfigError(f"'{how}' is no soup", code="UnknownValue", path="how", hint=f"{' or '.join(get_args(How))}.")
    if count < 2:
        raise ConfigError(f"{count} bundles make no soup", code="TooFewBundles", hint="Name two or more.")
    if how == "greedy" and not has_validation:
        raise ConfigError(
            "a greedy soup chooses its members by their validation log-loss, and there is no validation cohort",
            code="NoValidation",
            path="validation",
            hint="Name the table that the members were fitted on: --validation COHORT. Or make it uniform.",
        )


def _new_folder(folder: Path) -> Path:
    if (folder / BUNDLE / MANIFEST).exists():
        raise OutputError(
            "there is a bundle in it already",
            code="RunExists",
            path=folder,
            hint="Choose another folder with --out.",
        )
    return writable_folder(folder)
