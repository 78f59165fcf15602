"""What an average of weights is asked, and when.

Beside `build` an entry may define what refuses a plan before the first picture is read: `check_start(model, start)`,
weights that will not do, and `check_first_step(moving)`, where the stages that move in the first step must not.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor, nn

from medtransfer.models.classifier import Classifier
from medtransfer.transfer.types import Progress


class Averaging(nn.Module, ABC):
    """Looks at a network while it is trained, and says which weights are to be kept.

    What it has gathered is in persistent buffers, so that an interrupted run goes on as if it had not been.
    """

    @abstractmethod
    def after_step(self, model: Classifier, progress: Progress) -> None:
        """Called once after every optimiser step; the network must stay as it is."""

    @abstractmethod
    def average(self, model: Classifier) -> dict[str, Tensor]:
        """The state dict to keep, with the network's own keys; asked at the ends of epochs."""
