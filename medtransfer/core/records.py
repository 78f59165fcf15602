"""The parent of every typed value that travels between rooms or is written as JSON or TOML."""

from __future__ import annotations

import json
from typing import Any

from pydantic import BaseModel, ConfigDict


class Record(BaseModel):
    """A frozen record that refuses unknown keys and writes infinity and NaN as JSON strings.

    pydantic's default writes both as `null`, which would turn λ = ∞ into "not given".
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        ser_json_inf_nan="strings",
        val_json_bytes="base64",
        ser_json_bytes="base64",
    )

    def as_json(self, *, exclude: set[str] | None = None) -> dict[str, Any]:
        """The record as plain JSON values; `model_dump` would leave infinity a number, which JSON lacks."""
        return json.loads(self.model_dump_json(exclude=exclude))
