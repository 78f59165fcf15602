"""Whom a bundle was trained on, by what was kept of them, and what of a study lies outside of that."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from apps import words

if TYPE_CHECKING:
    from collections.abc import Iterable

    import medtransfer as mt

WORDS: Final = {"manufacturer": "manufacturer", "view": "view", "body_part": "body part", "sex": "sex"}
"""What a header says in words, and how it is called."""

MOST: Final = 8
"""Values that are named at once."""

_TAIL: Final = 5
"""Per cent of the training studies below the lowest, and above the highest, of the quantiles that are kept."""


def spread(manifest: mt.Manifest, name: str) -> str:
    """How an attribute is spread over the training studies; empty where that was not kept."""
    spectrum = manifest.training.spectrum
    one = None if spectrum is None else spectrum.attributes.get(name)
    if one is None:
        return ""
    if one.counts:
        named = [f"{value} ({words.studies(count)})" for value, count in list(one.counts.items())[:MOST]]
        rest = sum(one.counts.values()) + one.others - sum(list(one.counts.values())[:MOST])
        return ", ".join([*named, *([f"others ({words.studies(rest)})"] if rest else [])])
    if not one.quantiles:
        return "too few patients share a value for it to be named"
    low, middle, high = one.quantiles[0], one.quantiles[len(one.quantiles) // 2], one.quantiles[-1]
    return f"half are up to {middle:g}, nine in ten between {low:g} and {high:g}"


def outside(manifest: mt.Manifest, views: Iterable[mt.View]) -> tuple[str, ...]:
    """What of a study the model has not been shown in training, or seldom, a sentence each."""
    found = []
    for view in views:
        found += _modality(manifest, view)
        found += [said for name, called in WORDS.items() if (said := _word(manifest, view, name, called))]
        found.append(_age(manifest, view.attributes.get("age", "")))
    return tuple(dict.fromkeys(filter(None, found)))


def silent(manifest: mt.Manifest, views: Iterable[mt.View]) -> tuple[str, ...]:
    """What the study's files do not say, though the training studies could be compared in it."""
    spectrum = manifest.training.spectrum
    known = set() if spectrum is None else spectrum.attributes.keys() & {*WORDS, "age"}
    said = [{name for name, value in view.attributes.items() if value} for view in views]
    return tuple(sorted(WORDS.get(name, name) for name in known if said and not any(name in one for one in said)))


def _modality(manifest: mt.Manifest, view: mt.View) -> list[str]:
    trained = manifest.training.modalities
    return (
        [words.flag(f"{words.UNTRAINED}{view.modality}", trained)] if trained and view.modality not in trained else []
    )


def _word(manifest: mt.Manifest, view: mt.View, name: str, called: str) -> str:
    spectrum, value = manifest.training.spectrum, view.attributes.get(name, "")
    one = None if spectrum is None else spectrum.attributes.get(name)
    if one is None or not value or not one.counts or _plain(value) in map(_plain, one.counts):
        return ""
    named = ", ".join(list(one.counts)[:MOST])
    rare = f"; {words.studies(one.others)} had others, too rare to be named" if one.others else ""
    return f"The {called} {value} is not among those that the model was trained on ({named}{rare})."


def _age(manifest: mt.Manifest, age: str) -> str:
    spectrum = manifest.training.spectrum
    one = None if spectrum is None else spectrum.attributes.get("age")
    try:
        years = float(age)
    except ValueError:
        return ""
    if one is None or not one.quantiles or one.quantiles[0] <= years <= one.quantiles[-1]:
        return ""
    side = "younger" if years < one.quantiles[0] else "older"
    return (
        f"With {years:g} years the patient is {side} than {100 - _TAIL} % of those it was trained on: nine in ten were "
        f"between {one.quantiles[0]:g} and {one.quantiles[-1]:g}."
    )


def _plain(text: str) -> str:
    """`GE Medical  Systems` and `GE MEDICAL SYSTEMS` are one."""
    return " ".join(text.split()).casefold()
