"""A plan: everything `fit` needs, in one readable TOML file."""

from __future__ import annotations

import json
import re
from typing import Literal

from pydantic import Field, model_validator

from medtransfer.core.config.data import (
    AugmentConfig,
    CohortConfig,
    PreprocessConfig,
    ReadConfig,
    SourceConfig,
    SplitConfig,
)
from medtransfer.core.config.decision import DecisionConfig
from medtransfer.core.config.models import ModelConfig
from medtransfer.core.config.training import TrainingConfig
from medtransfer.core.config.transfer import AveragingConfig, ObjectiveConfig, PolicyConfig
from medtransfer.core.errors import ConfigError
from medtransfer.core.files import text_digest
from medtransfer.core.records import Record
from medtransfer.core.types import Task

SOURCE_NAME = re.compile(r"[a-z][a-z0-9_]*")
"""What a source is called in logs, in the network and in `--set`."""

RESERVED = ("target", "validation", "unlabelled", "test", "calibration")
"""Names of the target's own parts."""


class Plan(Record):
    """One fit, from cohort to operating point.

    Equal plans on equal cohorts give equal splits; with the precision fixed, they give equal weights.
    """

    schema_version: Literal[2] = 2
    seed: int = Field(default=0, ge=0, lt=2**32)
    target: CohortConfig
    sources: dict[str, SourceConfig] = {}
    """Other hospitals, by a name of their own; a single one is called `source`."""
    split: SplitConfig = SplitConfig()
    read: ReadConfig = ReadConfig()
    preprocess: PreprocessConfig = PreprocessConfig()
    augment: AugmentConfig = AugmentConfig()
    model: ModelConfig = ModelConfig()
    objective: ObjectiveConfig = ObjectiveConfig()
    policy: PolicyConfig = PolicyConfig()
    averaging: AveragingConfig = AveragingConfig()
    training: TrainingConfig = TrainingConfig()
    decision: DecisionConfig = DecisionConfig()
    reasons: dict[str, str] = Field(default={}, exclude=True)
    """Why the planner chose what it chose: key → sentence. In TOML they are comments, and read back as none."""

    def same_question(self, source: str) -> bool:
        """Does a source ask the target's question, so that one head serves both?"""
        theirs = self.sources[source]
        return theirs.task == self.target.task and theirs.classes == self.target.classes

    def task_of(self, domain: str) -> Task:
        """The kind of question that the labels of a source, or of any part of the target, answer."""
        return self.sources[domain].task if domain in self.sources else self.target.task

    @model_validator(mode="after")
    def _names_sources(self) -> Plan:
        if strange := [name for name in self.sources if not SOURCE_NAME.fullmatch(name)]:
            raise ConfigError(
                f"a source is called {', '.join(map(repr, strange))}",
                code="BadName",
                path="sources",
                hint="Names begin with a letter from a to z and go on with such letters, digits and _: "
                "--source NAME=PATH.",
            )
        if taken := sorted(set(self.sources) & set(RESERVED)):
            raise ConfigError(
                f"a source is called {', '.join(taken)}, as a part of the target is",
                code="NameTaken",
                path="sources",
                hint="Give it another name, such as that of its hospital.",
            )
        return self

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
        for cohort in (content["target"], *content["sources"].values()):
            cohort.pop("cohort", None)
        content["sources"] = list(content["sources"].items())  # their order decides what is drawn for whom
        del content["training"]["checkpoint_seconds"]
        return text_digest(json.dumps(content, sort_keys=True))
