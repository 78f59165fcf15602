"""DANN: features from which a discriminator cannot tell the domains.

    Ω = ½·mean_i −log(1 − D(s_i)) + ½·mean_j −log D(t_j),    D = σ(discriminator(f / r))

The discriminator minimises Ω, and the network, behind a gradient reversal of rising λ_p (`_reversal.py`), maximises
it: one backward pass serves both. r is the root mean square of both batches' features, a constant. Ω is log 2 where
the discriminator knows nothing, so the term has done its work where its value is *high*.

Shapes: features `case feature`, of any batch sizes, computed in 32 bits at least; labels and logits are not looked at.
Raises ObjectiveError for a hyperparameter out of its range.
Reference: Ganin et al. 2016, Domain-adversarial training of neural networks, eqs. 9–18.
"""

from __future__ import annotations

from torch import nn

from medtransfer.data.tensors import Scalar
from medtransfer.transfer.features._batches import features_of, without_autocast
from medtransfer.transfer.features._discriminator import Discriminator, domain_loss, in_own_unit
from medtransfer.transfer.features._reversal import reversal, reverse
from medtransfer.transfer.features._settings import check_count, check_gamma
from medtransfer.transfer.types import POOLED, Domain


def build(feature_dim: int, n_classes: int, *, tap: str = POOLED, hidden: int = 256, gamma: float = 10.0) -> Dann:
    """The term with a fresh discriminator, drawn from torch's generator as it stands.

    Args:
        feature_dim: Length of the features.
        n_classes: Not looked at.
        tap: Which features: `pooled`, or a stage of the backbone.
        hidden: Units in each of the discriminator's two hidden layers.
        gamma: γ, how fast the reversal rises over the run.

    Raises:
        ObjectiveError: A hyperparameter is out of its range.
    """
    del n_classes
    check_count("dann", "hidden", hidden)
    check_gamma("dann", gamma)
    return Dann(tap, Discriminator(feature_dim, hidden), gamma)


class Dann(nn.Module):
    """A discriminator, and the reversal before it."""

    def __init__(self, tap: str, discriminator: Discriminator, gamma: float) -> None:
        super().__init__()
        self.tap = tap
        self.discriminator = discriminator
        self.gamma = gamma

    def forward(self, source: Domain, target: Domain) -> Scalar:
        """Ω of two batches, of any sizes."""
        coefficient = reversal(target.share, gamma=self.gamma)
        ours, theirs = features_of(source, target, self.tap)
        with without_autocast(ours):
            ours, theirs = in_own_unit(reverse(ours, coefficient), reverse(theirs, coefficient))
            return domain_loss(self.discriminator(ours), self.discriminator(theirs))
