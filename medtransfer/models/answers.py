"""From the logits of a head to probabilities, in 64 bits and without torch: what a bundle's runtime is asked.

    multiclass:  p_k = exp(l_k) / Σ_j exp(l_j)
    multilabel:  p_k = σ(l_k)
    ordinal:     p_k = σ(l_{k−1}) − σ(l_k) = σ(l_{k−1})·σ(−l_k)·(1 − e^{−(l_{k−1} − l_k)})

An ordinal head's l_k are logits of P(y > k), k = 0 … K−2; l_{−1} = ∞ and l_{K−1} = −∞. The product keeps its digits
where the difference of two numbers near 1 has none.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64
from scipy.special import expit, softmax

from medtransfer.core.errors import PredictionsError
from medtransfer.core.types import ClassProbabilities, Task

NetworkLogits = Float64[np.ndarray, "case logit"]
"""One a class, but one a cut between classes where the task is ordinal."""


def probabilities(task: Task, logits: NetworkLogits) -> ClassProbabilities:
    """`case class`; rows sum to 1, but for multilabel.

    Raises:
        PredictionsError: Ordinal logits rise from one cut to the next, which no head of ours gives.
    """
    match task:
        case "multiclass":
            return softmax(logits, axis=1)
        case "multilabel":
            return expit(logits)
        case "ordinal":
            return _between_cuts(logits)


def _between_cuts(logits: NetworkLogits) -> ClassProbabilities:
    rises = (np.diff(logits, axis=1) > 0).any(axis=1)
    if rises.any():
        case = int(rises.argmax())
        raise PredictionsError(
            f"case {case} has the ordinal logits {logits[case].tolist()}, which rise, though P(y > k) cannot",
            code="LogitsRise",
            hint="The network's parameters are damaged, or its task is not ordinal: make the bundle again.",
        )
    edge = np.full((len(logits), 1), np.inf)
    above, below = np.hstack([edge, logits]), np.hstack([logits, -edge])
    return expit(above) * expit(-below) * -np.expm1(below - above)
