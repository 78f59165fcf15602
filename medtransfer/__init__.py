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
    from medtransfer.core.results import Estimate, Evaluation, OperatingPoint, Predictions
    from medtransfer.data.cohort import Cohort, read_cohort
    from medtransfer.data.scan import Scan
    from medtransfer.evaluation.predictions_io import read_predictions
    from medtransfer.models.bundle import Bundle, read_bundle
    from medtransfer.pipeline import evaluate, fit, inspect, plan, predict, report
    from medtransfer.prediction.study import StudyImage, StudyResult, load_runtime, predict_study

_HOMES: Final = {
    "Bundle": "medtransfer.models.bundle",
    "Cohort": "medtransfer.data.cohort",
    "Estimate": "medtransfer.core.results",
    "Evaluation": "medtransfer.core.results",
    "MedTransferError": "medtransfer.core.errors",
    "OperatingPoint": "medtransfer.core.results",
    "Plan": "medtransfer.core.config.plan",
    "Predictions": "medtransfer.core.results",
    "Scan": "medtransfer.data.scan",
    "StudyImage": "medtransfer.prediction.study",
    "StudyResult": "medtransfer.prediction.study",
    "evaluate": "medtransfer.pipeline",
    "fit": "medtransfer.pipeline",
    "inspect": "medtransfer.pipeline",
    "load_runtime": "medtransfer.prediction.study",
    "plan": "medtransfer.pipeline",
    "predict": "medtransfer.pipeline",
    "predict_study": "medtransfer.prediction.study",
    "read_bundle": "medtransfer.models.bundle",
    "read_cohort": "medtransfer.data.cohort",
    "read_predictions": "medtransfer.evaluation.predictions_io",
    "report": "medtransfer.pipeline",
}

__all__ = [
    "Bundle",
    "Cohort",
    "Estimate",
    "Evaluation",
    "MedTransferError",
    "OperatingPoint",
    "Plan",
    "Predictions",
    "Scan",
    "StudyImage",
    "StudyResult",
    "evaluate",
    "fit",
    "inspect",
    "load_runtime",
    "plan",
    "predict",
    "predict_study",
    "read_bundle",
    "read_cohort",
    "read_predictions",
    "report",
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
