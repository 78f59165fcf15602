"""Prior shift: the same disease, as often as it is here.

    p′_k ∝ p_k · π′_k / π_k

π are the shares of the classes to which the probabilities are calibrated, by default those of the training studies; π′
those of the calibration studies, or those that `to` states. It holds where studies of one class look alike in both, and
only the classes' frequencies differ: p(x | y) is the same.

Shapes: odds (π and π′ are then one share, of the finding) or classes. Errors: `ConfigError` (`BadShares`).

Reference: Saerens, Latinne, Decaestecker 2002, Adjusting the outputs of a classifier to new a priori probabilities,
eq. 2.4.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float64
from scipy.special import expit, logit, softmax

from medtransfer.core.errors import ConfigError
from medtransfer.core.types import ClassIndices
from medtransfer.decision.calibrators._scores import Fitted, Parameters, Scores, ScoreValues

KINDS = frozenset({"odds", "classes"})

Shares = Float64[np.ndarray, " column"]


def fit(
    scores: Scores, truth: ClassIndices, *, priors: Sequence[float] | None = None, to: Sequence[float] | None = None
) -> Fitted:
    """The ratio of the shares, as a shift of each score.

    Args:
        scores: Of the calibration studies.
        truth: Theirs.
        priors: π; given by whoever knows what the probabilities were trained on.
        to: π′; None for the shares of the calibration studies.

    Raises:
        ConfigError: Shares are absent, not those of the scores' columns, or not between 0 and 1.
    """
    columns = scores.values.shape[1]
    before = _shares("priors", priors, columns, whole=scores.kind == "classes")
    found = (
        [float((truth == 1).mean())] if scores.kind == "odds" else np.bincount(truth, minlength=columns) / truth.size
    )
    after = _shares("to", found if to is None else to, columns, whole=scores.kind == "classes")
    scale = logit if scores.kind == "odds" else np.log
    return Fitted({"shift": tuple((scale(after) - scale(before)).tolist())})


def apply(scores: Scores, parameters: Parameters) -> ScoreValues:
    """p′ of each column."""
    shifted = scores.values + np.array(parameters["shift"])
    return expit(shifted) if scores.kind == "odds" else softmax(shifted, axis=1)


def _shares(key: str, given: Sequence[float] | np.ndarray | None, columns: int, *, whole: bool) -> Shares:
    shares = np.asarray([] if given is None else given, dtype=np.float64).reshape(-1)
    fits = shares.size == columns and bool(((shares > 0) & (shares < 1)).all())
    if not fits or (whole and abs(float(shares.sum()) - 1) > 1e-6):
        raise ConfigError(
            f"{key} = {given!r} are not the shares of {columns} {'classes' if whole else 'finding'}",
            code="BadShares",
            path=f"decision.calibration.{key}",
            hint="Give one share between 0 and 1 for each class, 1 in sum; for two classes or one label, that of the "
            "finding.",
        )
    return shares
