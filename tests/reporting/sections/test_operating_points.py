from __future__ import annotations

import re

from evaluations import of_labels
from questions import LABELS

from medtransfer.reporting.sections.operating_points import operating_points_section
from medtransfer.reporting.words import interval, number


def words(body: object) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", str(body)).split())


def test_every_label_has_a_row_and_all_its_figures_below() -> None:
    each = of_labels().operating_per_label
    said = words(operating_points_section(each, LABELS).body)
    assert "chosen beforehand on validation for sensitivity of at least 0.9 and locked in the bundle" in said
    assert "Without an operating point: hernia." in said
    for name, one in each.items():
        row, whole = said[said.index(f" {name} {number(one.point.threshold)} ") :], f"All figures of {name}"
        for figure in ("sensitivity", "specificity", "PPV", "NPV", "alert rate"):
            found = one.estimate(figure)
            assert f"{number(found.value)} {interval(found)}" in row
        assert f"{one.confusion.true_positive} true positive" in said[said.index(whole) :]


def test_without_any_point_it_says_so() -> None:
    said = words(operating_points_section({}, LABELS).body)
    assert said == (
        "No label has an operating point, so no study is called positive or negative: only probabilities were judged."
    )


def test_different_rules_are_not_said_to_be_one() -> None:
    each = dict(of_labels().operating_per_label)
    point = each["effusion"].point.model_copy(update={"rule": "youden", "goal": None})
    each["effusion"] = each["effusion"].model_copy(update={"point": point})
    said = words(operating_points_section(each, LABELS).body)
    assert "chosen beforehand and locked" in said
    assert "largest Youden index" in said


def test_a_missed_goal_is_said() -> None:
    one = of_labels().operating_per_label["effusion"]
    missed = one.model_copy(update={"point": one.point.model_copy(update={"met": False})})
    assert "goal not met" in words(operating_points_section({"effusion": missed}, LABELS).body)


def test_a_hostile_name_is_text() -> None:
    one = of_labels().operating_per_label["effusion"]
    body = str(operating_points_section({"<script>x": one}, ("<script>x", "<b>")).body)
    assert "<script" not in body
    assert "<b>" not in body
