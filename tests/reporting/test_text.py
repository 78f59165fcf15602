from __future__ import annotations

from evaluations import of_patients

from medtransfer.core.evaluated.evaluation import Evaluation
from medtransfer.reporting.text import WIDTH, summary
from medtransfer.reporting.words import figure, verdict


def joined(text: str) -> str:
    return " ".join(text.split())


def test_headline_operating_point_flow_and_warnings(evaluation: Evaluation) -> None:
    text = summary(evaluation)
    said = joined(text)
    ill = evaluation.flow.per_class["pneumonia"]
    assert said.startswith(verdict(evaluation))
    assert "Operating point (sensitivity of at least 0.9): pneumonia from 0.420 on, chosen on validation." in said
    for one in evaluation.at_operating_point:
        assert figure(one) in said
    assert (
        "Flow: 177 inputs = 9 excluded + 3 failed + 5 unlabelled + 160 evaluated "
        f"({160 - ill} normal, {ill} pneumonia)." in said
    )
    assert f"Warning: {evaluation.warnings[0]}" in said
    assert all(len(line) <= WIDTH for line in text.splitlines())


def test_patients_are_told_from_studies() -> None:
    said = joined(summary(of_patients()))
    assert said.startswith("On 120 patients with 160 studies, the model ranks a patient with pneumonia above one")
    assert "177 inputs = 9 excluded" in said


def test_without_operating_point(multi_class: Evaluation) -> None:
    assert "Operating point: none chosen" in summary(multi_class)


def test_each_label_has_a_line(multi_label: Evaluation) -> None:
    said = joined(summary(multi_label))
    for name, counts in multi_label.flow.per_label.items():
        assert f"{name}: {figure(multi_label.estimate('AUROC', of=name))}; Average precision" in said
        assert f"{name}: {counts.present} with, {counts.absent} without, {counts.unknown} unknown" in said


def test_each_label_with_a_point_has_a_line_of_it(multi_label: Evaluation) -> None:
    said = joined(summary(multi_label))
    for name, one in multi_label.operating_per_label.items():
        assert f"Operating point (sensitivity of at least 0.9): {name} from {one.point.threshold:.3f} on" in said
        assert "; ".join(map(figure, one.estimates)) in said
    assert "hernia from" not in said


def test_ordered_classes_say_how_far_off_misses_are(ordinal: Evaluation) -> None:
    assert figure(ordinal.estimate("quadratic-weighted kappa")) in joined(summary(ordinal))
    assert "Ranked probability score" in summary(ordinal)


def test_nothing_moves_the_cursor(evaluation: Evaluation) -> None:
    text = summary(evaluation.model_copy(update={"warnings": ("\x1b[2J\rgone",)}))
    assert r"\x1b[2J\rgone" in text
    assert "\x1b" not in text


def test_a_missed_goal_is_said(evaluation: Evaluation) -> None:
    assert evaluation.operating is not None
    missed = evaluation.operating.point.model_copy(update={"met": False})
    operating = evaluation.operating.model_copy(update={"point": missed, "estimates": ()})
    said = joined(summary(evaluation.model_copy(update={"operating": operating})))
    assert "which no threshold reached" in said
    assert "nothing was measured there" in said
