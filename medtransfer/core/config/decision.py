"""Settings of the decision room."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import Field, model_validator

from medtransfer.core.catalogue import Catalogue
from medtransfer.core.errors import ConfigError
from medtransfer.core.records import Record

CALIBRATORS: Final = Catalogue("medtransfer.decision.calibrators", "fit", "calibrator")


class DecisionConfig(Record):
    """How probabilities are recalibrated, and how the operating point is chosen on the validation split."""

    rule: Literal["sensitivity", "specificity", "youden", "cost"] = "sensitivity"
    goal: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.9
    """Sensitivity or specificity to reach; for `cost`, what a missed case costs in false alarms. `youden` has none."""

    calibrator: str | None = None
    """Entry of `decision/calibrators/`, fitted on the calibration split before the threshold is chosen; None: not at
    all."""
    calibrator_settings: dict[str, Any] = {}
    """The entry's own."""

    @model_validator(mode="after")
    def _calibrator_exists(self) -> DecisionConfig:
        if self.calibrator is None:
            if self.calibrator_settings:
                raise ConfigError(
                    f"settings {self.calibrator_settings} of no calibrator",
                    code="ConflictingSettings",
                    path="decision.calibrator_settings",
                    hint=f"Set decision.calibrator ({', '.join(CALIBRATORS.names())}), or remove the settings.",
                )
        elif ":" in self.calibrator:
            raise ConfigError(
                f"{self.calibrator!r} is code of your own, which whoever predicts with the bundle would lack",
                code="OwnCode",
                path="decision.calibrator",
                hint=f"Take one of: {', '.join(CALIBRATORS.names())}.",
            )
        else:
            CALIBRATORS.check(self.calibrator, self.calibrator_settings)
        return self

    @model_validator(mode="after")
    def _suits_the_rule(self) -> DecisionConfig:
        if self.rule in {"sensitivity", "specificity"} and self.goal > 1:
            raise ConfigError(
                f"goal = {self.goal:g}, but a {self.rule} is a rate in [0, 1]",
                code="GoalOutOfRange",
                path="decision.goal",
                hint=f"Write {self.goal / 100:g} for {self.goal:g} %.",
            )
        return self
