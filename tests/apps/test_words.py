"""Predictions and operating points in words."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from apps.words import decision, flag, interval, number, rule, value, windows
from medtransfer.core.results import Estimate, OperatingPoint


def point(**changes: object) -> OperatingPoint:
    rate = Estimate(name="sensitivity", value=0.9, low=0.8, high=0.95, method="Wilson", n=40)
    return OperatingPoint(
        rule="sensitivity",
        goal=0.9,
        threshold=0.41,
        positive="pneumonia",
        chosen_on="validation",
        sensitivity=rate,
        specificity=rate,
    ).model_copy(update=changes)


@given(st.floats(0, 1), st.floats(0, 1))
@settings(deadline=None, max_examples=100)
def test_the_decision_in_words_is_the_decision(probability: float, threshold: float) -> None:
    said = decision(point(threshold=threshold), probability)
    assert said.startswith("Called pneumonia:") == (probability >= threshold)
    assert ("at or above" in said) == (probability >= threshold)


def test_numbers_close_to_the_operating_point_are_told_apart() -> None:
    assert decision(point(threshold=0.4101), 0.4099) == (
        "Called not pneumonia: 0.4099 is below the operating point 0.4101."
    )
    assert (number(0.001), number(0.999), number(0.0), number(1.0)) == ("below 0.01", "above 0.99", "0.00", "1.00")


def test_estimates_in_words() -> None:
    nothing = Estimate(name="x", value=None, method="Wilson", n=0, note="no positive study")
    assert (value(nothing), interval(nothing)) == ("not estimable", "no interval: no positive study")
    assert interval(point().sensitivity) == "95 % interval 0.80–0.95"
    assert "No operating point reached this goal" in rule(point(met=False))
    for name in ("specificity", "youden", "cost", "another"):
        assert rule(point(rule=name)).endswith(".")


def test_flags_in_words() -> None:
    assert flag("several_images", ()) == "Several images were pooled into one probability."
    assert "MG" in flag("untrained_modality_MG", ("CR",))
    assert flag("some_new_flag", ()) == "Some new flag."


def test_windows_of_ct_in_words() -> None:
    assert windows(None, None) == ""
    assert windows((40, 80), None) == "40 ± 40 HU"
    assert windows(None, ("brain", (50, 150), "bone")) == "brain, 50 ± 75 HU, bone"
