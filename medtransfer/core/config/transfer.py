"""Settings of the objective L_S + λ·L_T + Ω and of the policy."""

from __future__ import annotations

import math
import shlex
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tomlkit
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
AVERAGING = Catalogue("medtransfer.transfer.averaging", "build", "weight averaging")

Terms = dict[str, dict[str, Any]]
"""Entry's name → its hyperparameters. Every regulariser takes `strength` (ω), and `ramp`: the share of the run over
which the strength rises from 0 along a line."""

Share = Annotated[float, Field(ge=0, le=1)]


class ObjectiveConfig(Record):
    """J = (L_S + λ·L_T + Ω) / (1 + λ); λ = ∞ is target-only, λ = 0 source-only."""

    trade_off: float = Field(default=1.0, ge=0)
    """λ; `inf` allowed."""
    trade_off_start: Annotated[float, Field(ge=0, lt=float("inf"))] | None = None
    """λ at the first step, where it changes: the target's share λ / (1 + λ) moves along a line to that of `trade_off`
    over the first `ramp` of the run."""
    ramp: Annotated[float, Field(gt=0, le=1)] = 0.5
    """Share of the run in which λ changes."""
    instances: Terms = {}
    """At most one: the weights inside L_S."""
    instances_by: Literal["loss", "sampling"] = "loss"
    """Multiply each source case's loss by its weight, or draw source cases in proportion to their weights."""
    refit_epochs: Annotated[int, Field(ge=1)] | None = None
    """Compute the weights again, from the features as they are then, every so many epochs; None: once, before."""
    least_effective: Share = 0.3
    """Warn where the effective sample size of the weights is a smaller share of the source's cases."""
    features: Terms = {}
    parameters: Terms = {}

    @model_validator(mode="after")
    def _terms_exist(self) -> ObjectiveConfig:
        if len(self.instances) > 1:
            raise ConfigError(
                f"{len(self.instances)} instance weightings: {', '.join(self.instances)}",
                code="ConflictingTerms",
                path="objective.instances",
                hint=f"Keep one: source samples have one weight each. {_last_alone(self.instances)}",
            )
        if self.trade_off_start is not None and math.isinf(self.trade_off):
            raise ConfigError(
                "λ changes during the run, and ends at ∞, where there is no source to move away from",
                code="ConflictingSettings",
                path="objective.trade_off_start",
                hint="Set a finite trade_off, or remove trade_off_start.",
            )
        for name, settings in self.instances.items():
            INSTANCES.check(name, settings)
        for catalogue, terms in ((FEATURES, self.features), (PARAMETERS, self.parameters)):
            for name, settings in terms.items():
                catalogue.check(name, settings, also=("strength", "ramp"))
                _check_strength(name, settings)
                _check_ramp(name, settings)
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


class AveragingConfig(Record):
    """Which average of the run's weights enters the bundle."""

    name: str = "none"
    """`none` (the weights as they are), or an entry of `transfer/averaging/`."""
    settings: dict[str, Any] = {}

    @model_validator(mode="after")
    def _exists(self) -> AveragingConfig:
        if self.name != "none":
            AVERAGING.check(self.name, self.settings)
        elif self.settings:
            raise ConfigError(
                f"settings {self.settings} of no averaging",
                code="ConflictingSettings",
                path="averaging.settings",
                hint=f"Set averaging.name ({', '.join(AVERAGING.names())}), or remove the settings.",
            )
        return self


def _last_alone(instances: Terms) -> str:
    """How to replace the others by the one that was named last, as by `--set objective.instances.ulsif={}`."""
    name, settings = list(instances.items())[-1]
    table, inner = tomlkit.inline_table(), tomlkit.inline_table()
    inner.update(settings)
    table[name] = inner
    return f"{name} instead of the others: --set {shlex.quote(f'objective.instances={table.as_string()}')}"


def _check_strength(name: str, settings: Mapping[str, Any]) -> None:
    strength = settings.get("strength", 1.0)
    if not isinstance(strength, int | float) or isinstance(strength, bool) or not 0 <= strength < float("inf"):
        raise ConfigError(
            f"strength = {strength!r}",
            code="BadStrength",
            path=f"objective.*.{name}.strength",
            hint="A strength is a finite number of at least 0; 0 switches the term off.",
        )


def _check_ramp(name: str, settings: Mapping[str, Any]) -> None:
    ramp = settings.get("ramp", 0.0)
    if not isinstance(ramp, int | float) or isinstance(ramp, bool) or not 0 <= ramp <= 1:
        raise ConfigError(
            f"ramp = {ramp!r}",
            code="BadRamp",
            path=f"objective.*.{name}.ramp",
            hint="A ramp is a share of the run, from 0 (the full strength at once) to 1.",
        )
