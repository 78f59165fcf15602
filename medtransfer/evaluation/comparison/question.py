"""May these predictions be compared at all? They must answer one question, each from a bundle of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from medtransfer.core.errors import ConfigError, PredictionsError
from medtransfer.core.results import Predictions


def one_question(predictions: Sequence[Predictions], names: Sequence[str]) -> tuple[Predictions, ...]:
    """The predictions, with their classes in the order of the first one's.

    Raises:
        ConfigError: `TooFewModels`, `NamesDiffer` or `DuplicateName`.
        PredictionsError: `OtherQuestion` or `SameBundle`.
    """
    _check_names(predictions, names)
    first = predictions[0]
    for one, name in zip(predictions[1:], names[1:], strict=True):
        for what, ours, theirs in (
            ("task", first.task, one.task),
            ("positive class", first.positive, one.positive),
            ("classes", _classes(first), _classes(one)),
        ):
            if ours != theirs:
                raise PredictionsError(
                    f"the {what} of {name}: {_said(theirs)}; of {names[0]}: {_said(ours)}",
                    code="OtherQuestion",
                    hint="Only answers to one question can be compared: the same task, classes and positive class.",
                )
    _refuse_equal_bundles(predictions, names)
    return tuple(replace(one, classes=first.classes) for one in predictions)


def _check_names(predictions: Sequence[Predictions], names: Sequence[str]) -> None:
    if len(predictions) < 2:
        msg = f"{len(predictions)} model, and a comparison needs two"
        raise ConfigError(msg, code="TooFewModels", hint="Name the predictions of two models or more.")
    if len(names) != len(predictions):
        msg = f"{len(names)} names for {len(predictions)} models"
        raise ConfigError(msg, code="NamesDiffer", hint="Give one name for each.")
    strange = [name for name in names if not name or ";" in name or names.count(name) > 1]
    if strange:
        hint = "Give each model a name of its own, without semicolons."
        raise ConfigError(f"{strange[0]!r} is no name of one model", code="DuplicateName", hint=hint)


def _classes(one: Predictions) -> tuple[str, ...]:
    """In their order where it means something."""
    return one.classes if one.task == "ordinal" else tuple(sorted(one.classes))


def _said(value: str | tuple[str, ...] | None) -> str:
    return "none" if value is None else value if isinstance(value, str) else ", ".join(value)


def _refuse_equal_bundles(predictions: Sequence[Predictions], names: Sequence[str]) -> None:
    of: dict[str, str] = {}
    for one, name in zip(predictions, names, strict=True):
        if one.bundle_sha256 and one.bundle_sha256 in of:
            raise PredictionsError(
                f"{of[one.bundle_sha256]} and {name} were predicted by one bundle, {one.bundle_sha256[:12]}…",
                code="SameBundle",
                hint="Compare predictions of different bundles on the same studies.",
            )
        of[one.bundle_sha256] = name
