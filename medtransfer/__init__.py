"""medtransfer: transfer learning for diagnosis classification in medical imaging.

The public names are imported when they are first used, so that importing the package loads no torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

__version__: Final = "0.1.0"

if TYPE_CHECKING:
    from medtransfer.core.config.plan import Plan
    from medtransfer.core.errors import MedTransferError
    from medtransfer.core.evaluated.calibration import Calibration
    from medtransfer.core.evaluated.comparison import Comparison
    from medtransfer.core.evaluated.curves import BandedCurve
    from medtransfer.core.evaluated.errors import ErrorCase
    from medtransfer.core.evaluated.evaluation import Evaluation
    from medtransfer.core.evaluated.heterogeneity import Subgroups
    from medtransfer.core.evaluated.operating import OperatingFigures
    from medtransfer.core.evaluated.usefulness import Usefulness
    from medtransfer.core.keys import Key, read_key
    from medtransfer.core.results import Estimate, Flow, OperatingPoint, Predictions, ScoredStudies
    from medtransfer.core.reviews.entry import ReviewEntry
    from medtransfer.core.reviews.opinion import Opinion, opinion_of
    from medtransfer.core.reviews.pairs import ReviewPair
    from medtransfer.core.reviews.store import Reviews
    from medtransfer.data.cohort import Cohort, read_cohort
    from medtransfer.data.deidentify import Deidentifier
    from medtransfer.data.dicom.instance import Instance, instances_of
    from medtransfer.data.headers import FileHeader, file_headers
    from medtransfer.data.inspection import Inspection
    from medtransfer.data.ledger import Ledger
    from medtransfer.data.ledger_reader import read_ledger
    from medtransfer.data.relink import Person, person_of, relink
    from medtransfer.data.scan import Scan
    from medtransfer.evaluation.behind import JudgedStudies, judged_studies
    from medtransfer.evaluation.natural_frequency import NaturalFrequency, natural_frequency
    from medtransfer.evaluation.predictions_io import read_predictions
    from medtransfer.evaluation.predictive_values import PredictiveValues, predictive_values_at
    from medtransfer.evaluation.prevalence import probability_at
    from medtransfer.evaluation.roc_place import RocPlace, roc_place
    from medtransfer.models.bundle import Bundle, Manifest, read_bundle
    from medtransfer.models.seen import has_seen
    from medtransfer.pipeline.comparing import compare
    from medtransfer.pipeline.evaluating import evaluate, report
    from medtransfer.pipeline.merging import merge
    from medtransfer.pipeline.monitoring import monitor
    from medtransfer.pipeline.rates import find_rate
    from medtransfer.pipeline.reviewing import export_reviews, exported_reviews, verify_reviews
    from medtransfer.pipeline.soups import soup
    from medtransfer.pipeline.story import convert, fit, inspect, plan, predict
    from medtransfer.pipeline.tuning import tune
    from medtransfer.prediction.study import StudyImage, StudyResult, load_runtime, predict_study
    from medtransfer.prediction.study_files import Unreadable, study_sha256
    from medtransfer.prediction.viewing import StudyViews, View, view_study
    from medtransfer.reporting.blocks import ReportBlock, ReportFacts, ReportItems, ReportMore, ReportTable, ReportWords
    from medtransfer.reporting.evaluation import read_evaluation
    from medtransfer.reporting.inspection_reader import inspection_words, read_inspection
    from medtransfer.reporting.run_folder import Run, read_run
    from medtransfer.reporting.screen import Drawing, ReportHead, ReportPart, report_head, report_part
    from medtransfer.reporting.training import training_verdict, training_words
    from medtransfer.reporting.training_log import TermCourse
    from medtransfer.training.history import EpochRow

_HOMES: Final = {
    "BandedCurve": "medtransfer.core.evaluated.curves",
    "Bundle": "medtransfer.models.bundle",
    "Calibration": "medtransfer.core.evaluated.calibration",
    "Cohort": "medtransfer.data.cohort",
    "Comparison": "medtransfer.core.evaluated.comparison",
    "Deidentifier": "medtransfer.data.deidentify",
    "Drawing": "medtransfer.reporting.screen",
    "EpochRow": "medtransfer.training.history",
    "ErrorCase": "medtransfer.core.evaluated.errors",
    "Estimate": "medtransfer.core.results",
    "Evaluation": "medtransfer.core.evaluated.evaluation",
    "FileHeader": "medtransfer.data.headers",
    "Flow": "medtransfer.core.results",
    "Inspection": "medtransfer.data.inspection",
    "Instance": "medtransfer.data.dicom.instance",
    "JudgedStudies": "medtransfer.evaluation.behind",
    "Key": "medtransfer.core.keys",
    "Ledger": "medtransfer.data.ledger",
    "Manifest": "medtransfer.models.bundle",
    "MedTransferError": "medtransfer.core.errors",
    "NaturalFrequency": "medtransfer.evaluation.natural_frequency",
    "OperatingFigures": "medtransfer.core.evaluated.operating",
    "OperatingPoint": "medtransfer.core.results",
    "Opinion": "medtransfer.core.reviews.opinion",
    "Person": "medtransfer.data.relink",
    "Plan": "medtransfer.core.config.plan",
    "Predictions": "medtransfer.core.results",
    "PredictiveValues": "medtransfer.evaluation.predictive_values",
    "ReportBlock": "medtransfer.reporting.blocks",
    "ReportFacts": "medtransfer.reporting.blocks",
    "ReportHead": "medtransfer.reporting.screen",
    "ReportItems": "medtransfer.reporting.blocks",
    "ReportMore": "medtransfer.reporting.blocks",
    "ReportPart": "medtransfer.reporting.screen",
    "ReportTable": "medtransfer.reporting.blocks",
    "ReportWords": "medtransfer.reporting.blocks",
    "ReviewEntry": "medtransfer.core.reviews.entry",
    "ReviewPair": "medtransfer.core.reviews.pairs",
    "Reviews": "medtransfer.core.reviews.store",
    "RocPlace": "medtransfer.evaluation.roc_place",
    "Run": "medtransfer.reporting.run_folder",
    "Scan": "medtransfer.data.scan",
    "ScoredStudies": "medtransfer.core.results",
    "StudyImage": "medtransfer.prediction.study",
    "StudyResult": "medtransfer.prediction.study",
    "StudyViews": "medtransfer.prediction.viewing",
    "Subgroups": "medtransfer.core.evaluated.heterogeneity",
    "TermCourse": "medtransfer.reporting.training_log",
    "Unreadable": "medtransfer.prediction.study_files",
    "Usefulness": "medtransfer.core.evaluated.usefulness",
    "View": "medtransfer.prediction.viewing",
    "compare": "medtransfer.pipeline.comparing",
    "convert": "medtransfer.pipeline.story",
    "evaluate": "medtransfer.pipeline.evaluating",
    "export_reviews": "medtransfer.pipeline.reviewing",
    "exported_reviews": "medtransfer.pipeline.reviewing",
    "file_headers": "medtransfer.data.headers",
    "find_rate": "medtransfer.pipeline.rates",
    "fit": "medtransfer.pipeline.story",
    "has_seen": "medtransfer.models.seen",
    "inspect": "medtransfer.pipeline.story",
    "inspection_words": "medtransfer.reporting.inspection_reader",
    "instances_of": "medtransfer.data.dicom.instance",
    "judged_studies": "medtransfer.evaluation.behind",
    "load_runtime": "medtransfer.prediction.study",
    "merge": "medtransfer.pipeline.merging",
    "monitor": "medtransfer.pipeline.monitoring",
    "natural_frequency": "medtransfer.evaluation.natural_frequency",
    "opinion_of": "medtransfer.core.reviews.opinion",
    "person_of": "medtransfer.data.relink",
    "plan": "medtransfer.pipeline.story",
    "predict": "medtransfer.pipeline.story",
    "predict_study": "medtransfer.prediction.study",
    "predictive_values_at": "medtransfer.evaluation.predictive_values",
    "probability_at": "medtransfer.evaluation.prevalence",
    "read_bundle": "medtransfer.models.bundle",
    "read_cohort": "medtransfer.data.cohort",
    "read_evaluation": "medtransfer.reporting.evaluation",
    "read_inspection": "medtransfer.reporting.inspection_reader",
    "read_key": "medtransfer.core.keys",
    "read_ledger": "medtransfer.data.ledger_reader",
    "read_predictions": "medtransfer.evaluation.predictions_io",
    "read_run": "medtransfer.reporting.run_folder",
    "relink": "medtransfer.data.relink",
    "report": "medtransfer.pipeline.evaluating",
    "report_head": "medtransfer.reporting.screen",
    "report_part": "medtransfer.reporting.screen",
    "roc_place": "medtransfer.evaluation.roc_place",
    "soup": "medtransfer.pipeline.soups",
    "study_sha256": "medtransfer.prediction.study_files",
    "training_verdict": "medtransfer.reporting.training",
    "training_words": "medtransfer.reporting.training",
    "tune": "medtransfer.pipeline.tuning",
    "verify_reviews": "medtransfer.pipeline.reviewing",
    "view_study": "medtransfer.prediction.viewing",
}

__all__ = [
    "BandedCurve",
    "Bundle",
    "Calibration",
    "Cohort",
    "Comparison",
    "Deidentifier",
    "Drawing",
    "EpochRow",
    "ErrorCase",
    "Estimate",
    "Evaluation",
    "FileHeader",
    "Flow",
    "Inspection",
    "Instance",
    "JudgedStudies",
    "Key",
    "Ledger",
    "Manifest",
    "MedTransferError",
    "NaturalFrequency",
    "OperatingFigures",
    "OperatingPoint",
    "Opinion",
    "Person",
    "Plan",
    "Predictions",
    "PredictiveValues",
    "ReportBlock",
    "ReportFacts",
    "ReportHead",
    "ReportItems",
    "ReportMore",
    "ReportPart",
    "ReportTable",
    "ReportWords",
    "ReviewEntry",
    "ReviewPair",
    "Reviews",
    "RocPlace",
    "Run",
    "Scan",
    "ScoredStudies",
    "StudyImage",
    "StudyResult",
    "StudyViews",
    "Subgroups",
    "TermCourse",
    "Unreadable",
    "Usefulness",
    "View",
    "compare",
    "convert",
    "evaluate",
    "export_reviews",
    "exported_reviews",
    "file_headers",
    "find_rate",
    "fit",
    "has_seen",
    "inspect",
    "inspection_words",
    "instances_of",
    "judged_studies",
    "load_runtime",
    "merge",
    "monitor",
    "natural_frequency",
    "opinion_of",
    "person_of",
    "plan",
    "predict",
    "predict_study",
    "predictive_values_at",
    "probability_at",
    "read_bundle",
    "read_cohort",
    "read_evaluation",
    "read_inspection",
    "read_key",
    "read_ledger",
    "read_predictions",
    "read_run",
    "relink",
    "report",
    "report_head",
    "report_part",
    "roc_place",
    "soup",
    "study_sha256",
    "training_verdict",
    "training_words",
    "tune",
    "verify_reviews",
    "view_study",
]


def __getattr__(name: str) -> Any:
    """A public name, from the room it lives in. Reference: PEP 562."""
    if name not in _HOMES:
        msg = f"module 'medtransfer' has no attribute '{name}'"
        raise AttributeError(msg)
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    """The public names."""
    return [*__all__, "__version__"]
