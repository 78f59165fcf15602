"""Settings of the objective L_S + λ·L_T + Ω and of the policy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import Field, model_validator

from medtransfer.core.catalogue import Catalogue
from medtransfer.core.errors import ConfigError
from medtransfer.core.records import Record

if TYPE_CHECKING:
    from collections.abc import Mapping

INSTANCES = Catalogue("medtransfer.transfer.instances", "weigh", "instance weighting")
FEATURES = Catalogue("medtransfer.transfer.features", "build", "feature term")
PARAMETERS = Catalogue("medtransfer.transfer.parameters", "build", "parameter term")
POLICIES = Catalogue("medtransfer.transfer.policies", "groups", "policy")

Terms = dict[str, dict[str, Any]]
"""Entry's name → its hyperparameters. `strength` (ω) is every regulariser's own."""


class ObjectiveConfig(Record):
    """J = (L_S + λ·L_T + Ω) / (1 + λ); λ = ∞ is target-only, λ = 0 source-only."""

    trade_off: float = Field(default=1.0, ge=0)
    """λ; `inf` allowed."""
    instances: Terms = {}
    """At most one: the weights inside L_S."""
    features: Terms = {}
    parameters: Terms = {}

    @model_validator(mode="after")
    def _terms_exist(self) -> ObjectiveConfig:
        if len(self.instances) > 1:
            raise ConfigError(
                f"{len(self.instances)} instance weightings: {', '.join(self.instances)}",
                code="ConflictingTerms",
                path="objective.instances",
                hint="Keep one: source samples have one weight each.",
            )
        for name, settings in self.instances.items():
            INSTANCES.check(name, settings)
        for catalogue, terms in ((FEATURES, self.features), (PARAMETERS, self.parameters)):
            for name, settings in terms.items():
                catalogue.check(name, settings, also=("strength",))
                _check_strength(name, settings)
        return self


class PolicyConfig(Record):
    """What may move, and how fast."""

    name: str = "full"
    """Entry of `transfer/policies/`."""
    settings: dict[str, Any] = {}

    @model_validator(mode="after")
    def _exists(self) -> PolicyConfig:
        POLICIES.check(self.name, self.settings)
        return self


def _check_strength(name: str, settings: Mapping[str, Any]) -> None:
    strength = settings.get("strength", 1.0)
    if not isinstance(strength, int | float) or isinstance(strength, bool) or not 0 <= strength < float("inf"):
        raise ConfigError(
            f"strength = {strength!r}",
            code="BadStrength",
            path=f"objective.*.{name}.strength",
            hint="A strength is a finite number of at least 0; 0 switches the term off.",
        )
