"""What a policy says and does along a run: the functions of its module, as `transfer/policies/_contract.py` lists."""

from __future__ import annotations

import inspect
import math
from typing import Any

from medtransfer.core.config.transfer import POLICIES, PolicyConfig
from medtransfer.core.errors import ConfigError
from medtransfer.models.classifier import Classifier
from medtransfer.transfer.policies._contract import Movable
from medtransfer.transfer.types import Progress


class Policy:
    """A plan's policy; what its module does not define is the default."""

    def __init__(self, config: PolicyConfig) -> None:
        self._config = config
        self._groups = POLICIES.get(config.name)

    def rates(self, model: Classifier, progress: Progress) -> dict[str, float]:
        """Rate of each group relative to the learning rate.

        Raises:
            ConfigError: A setting is of the wrong kind, or a rate is no number of at least 0.
        """
        try:
            rates = self._groups(model, progress, **self._config.settings)
            usable = all(math.isfinite(rate) and rate >= 0 for rate in rates.values())
        except TypeError as error:
            raise self._refusal(str(error)) from error
        if not usable:
            raise self._refusal(f"rates {rates}")
        return rates

    def moved(self, model: Classifier, epochs: float) -> set[str]:
        """Groups that move at some time of a run."""
        times = (Progress(epochs * tenth / 10, epochs) for tenth in range(11))
        return {name for time in times for name, rate in self.rates(model, time).items() if rate > 0}

    def prepare(self, model: Classifier) -> None:
        """Change the network before the optimiser is made."""
        self._call("prepare", model)

    def copies(self, model: Classifier) -> dict[str, str]:
        """Name of each parameter that `prepare` has copied from another → that one's name."""
        return self._call("copies", model) or {}

    def movable(self, model: Classifier) -> Movable | None:
        """Which parameters may move at all; None: all."""
        return self._call("movable", model)

    def schedule(self, progress: Progress) -> float | None:
        """Share of the learning rate; None: the loop's own schedule holds."""
        return self._call("schedule", progress)

    def before_forward(self, model: Classifier, domain: str) -> None:
        """Called before each domain's forward pass."""
        self._call("before_forward", model, domain)

    def finish(self, model: Classifier) -> None:
        """Leave a plain network of `models/`, in place."""
        self._call("finish", model)

    def idle(self, epochs: float) -> str:
        """A sentence on settings that do nothing in a run of so many epochs; empty where all do something."""
        return self._call("idle", epochs) or ""

    def _call(self, name: str, *given: object) -> Any:
        function = POLICIES.beside(self._groups, name)
        if function is None:
            return None
        wanted = inspect.signature(function).parameters
        settings = {key: value for key, value in self._config.settings.items() if key in wanted}
        try:
            return function(*given, **settings)
        except TypeError as error:
            raise self._refusal(str(error)) from error

    def _refusal(self, what: str) -> ConfigError:
        return ConfigError(
            f"{self._config.settings} cannot be used: {what}",
            code="BadValue",
            path=f"policy.settings ({self._config.name})",
            hint="Rates and epochs are finite numbers of at least 0; 0 freezes.",
        )
