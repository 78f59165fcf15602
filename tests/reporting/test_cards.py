from __future__ import annotations

from dataclasses import replace

import pytest
from evaluations import QUICK, of_patients, pneumonia

from medtransfer.core.evaluated.evaluation import Evaluation
from medtransfer.evaluation.evaluate import evaluate
from medtransfer.reporting.cards import MOST, headline_cards, prevalence


def test_headline_first_and_six_at_most(evaluation: Evaluation) -> None:
    names = [card.name for card in headline_cards(evaluation)]
    assert names[:4] == ["AUROC", "Average precision", "Sensitivity", "Specificity"]
    assert len(names) == MOST
    at_point = [card.estimate for card in headline_cards(evaluation)[2:4]]
    assert at_point == list(evaluation.at_operating_point[:2])


def test_bars_lie_on_their_track_and_references_are_named(evaluation: Evaluation) -> None:
    auroc, average, *_ = headline_cards(evaluation)
    head = evaluation.estimates[0]
    assert auroc.bar is not None
    assert auroc.bar.reference == 50
    percents = (auroc.bar.left, auroc.bar.value, auroc.bar.left + auroc.bar.width)
    assert percents == pytest.approx([100 * (end or 0) for end in (head.low, head.value, head.high)], abs=0.02)
    assert prevalence(evaluation) == evaluation.flow.per_class["pneumonia"] / evaluation.flow.evaluated
    assert average.reference_words == f"prevalence {prevalence(evaluation):.3f}"


def test_figures_without_a_scale_from_0_to_1_have_no_bar(evaluation: Evaluation) -> None:
    cards = headline_cards(evaluation.model_copy(update={"operating": None}))
    assert [c.name for c in cards if c.bar is None] == [
        "Prevalence",
        "Brier score",
        "Log-loss",
        "Calibration-in-the-large",
    ]


def test_the_prevalence_beside_patients_is_that_of_patients() -> None:
    """Of four studies of one patient a single one shows the finding."""
    predictions = pneumonia()
    table = predictions.table[predictions.table["truth"] != ""].head(40).copy()
    table["site"] = "north"
    table["patient_id"] = [f"{i // 4}" for i in range(40)]
    table["truth"] = ["pneumonia" if i % 4 == 0 and i < 24 else "normal" for i in range(40)]
    few = replace(predictions, table=table)
    by_patient = evaluate(few, config=QUICK.model_copy(update={"level": "patient"}))
    assert prevalence(evaluate(few, config=QUICK)) == 6 / 40
    assert prevalence(by_patient) == 6 / 10 == by_patient.estimate("prevalence").value


def test_many_classes_do_not_push_out_the_operating_point(multi_class: Evaluation, evaluation: Evaluation) -> None:
    both = multi_class.model_copy(
        update={
            "estimates": (multi_class.estimates[0], *multi_class.estimates[1:] * 4),
            "operating": evaluation.operating,
        }
    )
    names = [card.name for card in headline_cards(both)]
    assert names[0] == "Macro AUROC"
    assert {"Sensitivity", "Specificity"} <= set(names)
    assert prevalence(multi_class) is None


def test_of_several_labels_every_auroc_comes_first(multi_label: Evaluation) -> None:
    cards = headline_cards(multi_label)
    assert [card.name for card in cards] == [
        "Macro AUROC",
        "AUROC, pneumonia",
        "AUROC, effusion",
        "AUROC, hernia",
        "Average precision, pneumonia",
        "Average precision, effusion",
    ]
    counts = multi_label.flow.per_label["effusion"]
    assert prevalence(multi_label, "effusion") == counts.present / (counts.present + counts.absent)
    assert cards[-1].reference_words == f"prevalence {prevalence(multi_label, 'effusion'):.3f}"


def test_of_classes_on_an_equal_footing_every_auroc_comes_before_averages(multi_class: Evaluation) -> None:
    names = [card.name for card in headline_cards(multi_class)]
    assert names[:4] == ["Macro AUROC", *(f"AUROC, {name}" for name in multi_class.classes)]
    assert len(names) == len(set(names))


def test_of_ordered_classes_what_knows_the_order_comes_first(ordinal: Evaluation) -> None:
    cards = headline_cards(ordinal)
    assert [card.name for card in cards[:3]] == ["Macro AUROC", "Quadratic-weighted kappa", "Ranked probability score"]
    assert cards[1].reference_words == "chance 0, perfect 1"
    assert cards[1].bar is None


def test_at_patient_level_the_first_card_is_of_patients() -> None:
    assert {card.estimate.n for card in headline_cards(of_patients())[:2]} == {of_patients().n_patients}
