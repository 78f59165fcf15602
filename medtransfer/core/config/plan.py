"""A plan: everything `fit` needs, in one readable TOML file."""

from __future__ import annotations

import json
from typing import Literal

from pydantic import Field, model_validator

from medtransfer.core.config.data import AugmentConfig, CohortConfig, PreprocessConfig, ReadConfig, SplitConfig
from medtransfer.core.config.decision import DecisionConfig
from medtransfer.core.config.models import ModelConfig
from medtransfer.core.config.training import TrainingConfig
from medtransfer.core.config.transfer import ObjectiveConfig, PolicyConfig
from medtransfer.core.errors import ConfigError
from medtransfer.core.files import text_digest
from medtransfer.core.records import Record


class Plan(Record):
    """One fit, from cohort to operating point.

    Equal plans on equal cohorts give equal splits; with the precision fixed, they give equal weights.
    """

    schema_version: Literal[1] = 1
    seed: int = Field(default=0, ge=0, lt=2**32)
    target: CohortConfig
    source: CohortConfig | None = None
    split: SplitConfig = SplitConfig()
    read: ReadConfig = ReadConfig()
    preprocess: PreprocessConfig = PreprocessConfig()
    augment: AugmentConfig = AugmentConfig()
    model: ModelConfig = ModelConfig()
    objective: ObjectiveConfig = ObjectiveConfig()
    policy: PolicyConfig = PolicyConfig()
    training: TrainingConfig = TrainingConfig()
    decision: DecisionConfig = DecisionConfig()
    reasons: dict[str, str] = Field(default={}, exclude=True)
    """Why the planner chose what it chose: key → sentence. In TOML they are comments, and read back as none."""

    @property
    def same_question(self) -> bool:
        """Do source and target ask the same question, so that one head serves both?"""
        return (
            self.source is not None
            and self.source.task == self.target.task
            and self.source.classes == self.target.classes
        )

    @model_validator(mode="after")
    def _weighs_classes(self) -> Plan:
        if self.training.imbalance != "none" and self.target.task != "multiclass":
            raise ConfigError(
                f"imbalance = {self.training.imbalance!r} weighs exclusive classes, and the task is {self.target.task}",
                code="ConflictingSettings",
                path="training.imbalance",
                hint='Set training.imbalance = "none".',
            )
        return self

    def digest(self) -> str:
        """SHA-256 of everything that the trained parameters depend on: not where the cohorts lie, nor the reasons."""
        content = self.model_dump(mode="json", exclude={"reasons"})
        for cohort in (content["target"], content["source"] or {}):
            cohort.pop("cohort", None)
        del content["training"]["checkpoint_seconds"]
        return text_digest(json.dumps(content, sort_keys=True))
