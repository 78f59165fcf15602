"""Settings of the decision room."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from medtransfer.core.errors import ConfigError
from medtransfer.core.records import Record


class DecisionConfig(Record):
    """How the operating point is chosen on the validation split."""

    rule: Literal["sensitivity", "specificity", "youden", "cost"] = "sensitivity"
    goal: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.9
    """Sensitivity or specificity to reach; for `cost`, what a missed case costs in false alarms. `youden` has none."""

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
