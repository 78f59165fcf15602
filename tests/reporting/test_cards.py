from __future__ import annotations

import pytest

from medtransfer.core.results import Evaluation
from medtransfer.reporting.cards import MOST, headline_cards, prevalence


def test_headline_first_and_six_at_most(evaluation: Evaluation) -> None:
    names = [card.name for card in headline_cards(evaluation)]
    assert names[:4] == ["AUROC", "Average precision", "Sensitivity", "Specificity"]
    assert len(names) == MOST


def test_bars_lie_on_their_track_and_references_are_named(evaluation: Evaluation) -> None:
    auroc, average, *_ = headline_cards(evaluation)
    assert auroc.bar is not None
    assert (auroc.bar.left, auroc.bar.value, auroc.bar.reference) == (85.24, 91.2, 50.0)
    assert auroc.bar.left + auroc.bar.width == pytest.approx(95.07)
    assert average.reference_words == "prevalence 0.400"
    assert prevalence(evaluation) == 0.4


def test_figures_without_a_scale_from_0_to_1_have_no_bar(evaluation: Evaluation) -> None:
    assert {c.name for c in headline_cards(evaluation) if c.bar is None} == {"Brier score", "Log-loss"}


def test_many_classes_do_not_push_out_the_operating_point(multi_class: Evaluation, evaluation: Evaluation) -> None:
    both = multi_class.model_copy(
        update={
            "estimates": (multi_class.estimates[0], *multi_class.estimates[1:] * 4),
            "at_operating_point": evaluation.at_operating_point,
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


def test_of_ordered_classes_what_knows_the_order_comes_first(ordinal: Evaluation) -> None:
    cards = headline_cards(ordinal)
    assert [card.name for card in cards[:3]] == ["Macro AUROC", "Quadratic-weighted kappa", "Ranked probability score"]
    assert cards[1].reference_words == "chance 0, perfect 1"
    assert cards[1].bar is None
