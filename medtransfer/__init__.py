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
    from medtransfer.core.evaluated.comparison import Comparison
    from medtransfer.core.evaluated.evaluation import Evaluation
    from medtransfer.core.keys import Key, read_key
    from medtransfer.core.results import Estimate, OperatingPoint, Predictions
    from medtransfer.data.cohort import Cohort, read_cohort
    from medtransfer.data.deidentify import Deidentifier
    from medtransfer.data.relink import Person, person_of, relink
    from medtransfer.data.scan import Scan
    from medtransfer.evaluation.predictions_io import read_predictions
    from medtransfer.models.bundle import Bundle, read_bundle
    from medtransfer.pipeline.comparing import compare
    from medtransfer.pipeline.evaluating import evaluate, report
    from medtransfer.pipeline.merging import merge
    from medtransfer.pipeline.monitoring import monitor
    from medtransfer.pipeline.rates import find_rate
    from medtransfer.pipeline.soups import soup
    from medtransfer.pipeline.story import convert, fit, inspect, plan, predict
    from medtransfer.pipeline.tuning import tune
    from medtransfer.prediction.study import StudyImage, StudyResult, load_runtime, predict_study

_HOMES: Final = {
    "Bundle": "medtransfer.models.bundle",
    "Cohort": "medtransfer.data.cohort",
    "Comparison": "medtransfer.core.evaluated.comparison",
    "Deidentifier": "medtransfer.data.deidentify",
    "Estimate": "medtransfer.core.results",
    "Evaluation": "medtransfer.core.evaluated.evaluation",
    "Key": "medtransfer.core.keys",
    "MedTransferError": "medtransfer.core.errors",
    "OperatingPoint": "medtransfer.core.results",
    "Person": "medtransfer.data.relink",
    "Plan": "medtransfer.core.config.plan",
    "Predictions": "medtransfer.core.results",
    "Scan": "medtransfer.data.scan",
    "StudyImage": "medtransfer.prediction.study",
    "StudyResult": "medtransfer.prediction.study",
    "compare": "medtransfer.pipeline.comparing",
    "convert": "medtransfer.pipeline.story",
    "evaluate": "medtransfer.pipeline.evaluating",
    "find_rate": "medtransfer.pipeline.rates",
    "fit": "medtransfer.pipeline.story",
    "inspect": "medtransfer.pipeline.story",
    "load_runtime": "medtransfer.prediction.study",
    "merge": "medtransfer.pipeline.merging",
    "monitor": "medtransfer.pipeline.monitoring",
    "person_of": "medtransfer.data.relink",
    "plan": "medtransfer.pipeline.story",
    "predict": "medtransfer.pipeline.story",
    "predict_study": "medtransfer.prediction.study",
    "read_bundle": "medtransfer.models.bundle",
    "read_cohort": "medtransfer.data.cohort",
    "read_key": "medtransfer.core.keys",
    "read_predictions": "medtransfer.evaluation.predictions_io",
    "relink": "medtransfer.data.relink",
    "report": "medtransfer.pipeline.evaluating",
    "soup": "medtransfer.pipeline.soups",
    "tune": "medtransfer.pipeline.tuning",
}

__all__ = [
    "Bundle",
    "Cohort",
    "Comparison",
    "Deidentifier",
    "Estimate",
    "Evaluation",
    "Key",
    "MedTransferError",
    "OperatingPoint",
    "Person",
    "Plan",
    "Predictions",
    "Scan",
    "StudyImage",
    "StudyResult",
    "compare",
    "convert",
    "evaluate",
    "find_rate",
    "fit",
    "inspect",
    "load_runtime",
    "merge",
    "monitor",
    "person_of",
    "plan",
    "predict",
    "predict_study",
    "read_bundle",
    "read_cohort",
    "read_key",
    "read_predictions",
    "relink",
    "report",
    "soup",
    "tune",
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
