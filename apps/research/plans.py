"""Two plans beside each other: every key in which they differ, and runs that differ in nothing but their seed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import medtransfer as mt

NOT_THERE: Final = "–"


def plan_keys(plan: mt.Plan) -> dict[str, str]:
    """Every value of a plan by its dotted key, as `--set` takes it."""
    return dict(_flat(plan.as_json(), ""))


def changed_keys(one: mt.Plan, other: mt.Plan) -> pd.DataFrame:
    """The keys in which two plans differ, in the order of the plan: `Key`, `first`, `second`."""
    first, second = plan_keys(one), plan_keys(other)
    keys = [*first, *(key for key in second if key not in first)]
    rows = [(key, first.get(key, NOT_THERE), second.get(key, NOT_THERE)) for key in keys]
    return pd.DataFrame([row for row in rows if row[1] != row[2]], columns=["Key", "first", "second"])


def same_but_for_seed(runs: Sequence[mt.Run]) -> tuple[tuple[mt.Run, ...], ...]:
    """Groups of two or more runs whose plans differ in nothing but their seed."""
    groups: dict[str, list[mt.Run]] = {}
    for run in runs:
        if run.plan is not None:
            keys = plan_keys(run.plan)
            del keys["seed"]
            groups.setdefault(json.dumps(keys), []).append(run)
    several = [group for group in groups.values() if len({run.plan.seed for run in group if run.plan}) > 1]
    return tuple(tuple(sorted(group, key=lambda run: run.plan.seed if run.plan else 0)) for group in several)


def _flat(value: Any, key: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict) and value:
        for name, inner in value.items():
            yield from _flat(inner, f"{key}.{name}" if key else name)
    else:
        yield key, _said(value)


def _said(value: Any) -> str:
    """As a reader writes it: `∞`, `yes`, `0.001`, `normal, pneumonia`."""
    match value:
        case None | {} | [] | "":
            return NOT_THERE
        case bool():
            return "yes" if value else "no"
        case "Infinity":
            return "∞"
        case list() if not any(isinstance(one, dict | list) for one in value):
            return ", ".join(map(_said, value))
        case str():
            return value
        case _:
            return json.dumps(value, ensure_ascii=False)
