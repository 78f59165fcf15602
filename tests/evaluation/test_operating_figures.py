from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medtransfer.core.errors import ConfigError
from medtransfer.core.evaluated.operating import OperatingFigures
from medtransfer.core.results import OperatingPoint
from medtransfer.decision.thresholds import choose
from medtransfer.evaluation.operating_figures import operating_figures, operating_statistic
from medtransfer.evaluation.positive import Positive, ascending
from medtransfer.evaluation.proportions import clopper_pearson
from medtransfer.evaluation.resampling import resampled

NAMES = ["sensitivity", "specificity", "PPV", "NPV", "LR+", "LR-", "F1"]
NAMES += ["balanced accuracy", "MCC", "alert rate", "number needed to evaluate"]


def table(tp: int, fp: int, fn: int, tn: int) -> Positive:
    truth = np.repeat([True, False, True, False], [tp, fp, fn, tn])
    p = np.repeat([0.9, 0.9, 0.1, 0.1], [tp, fp, fn, tn])
    return ascending(truth, p, np.arange(truth.size))


def random_view(seed: int, *, patients: int | None = None) -> Positive:
    generator = np.random.default_rng(seed)
    n = int(generator.integers(1, 80))
    truth = generator.random(n) < generator.choice([0.05, 0.4, 0.95])
    p = np.round(np.clip(generator.normal(0.4 + 0.3 * truth, 0.3), 0, 1), 1)
    return ascending(truth, p, generator.integers(0, patients or n, n))


def test_every_figure_of_the_published_table(operating_point: OperatingPoint) -> None:
    figures = measured(table(670, 202, 74, 640), operating_point, seed=0, replicates=400)
    assert [one.name for one in figures.estimates] == NAMES
    wanted = {"LR+": 3.75373, "LR-": 0.13086, "PPV": 0.76835, "NPV": 0.89636, "F1": 1340 / 1616}
    wanted |= {"number needed to evaluate": 872 / 670, "balanced accuracy": (670 / 744 + 640 / 842) / 2}
    for name, value in wanted.items():
        assert figures.estimate(name).value == pytest.approx(value, abs=6e-6)
    assert figures.prevalence == pytest.approx(744 / 1586)
    assert (figures.stated_prevalence, figures.in_sample) == (None, ())
    assert figures.shown_threshold == operating_point.threshold
    with pytest.raises(KeyError):
        figures.estimate("accuracy")


def measured(
    view: Positive,
    point: OperatingPoint,
    *,
    seed: int = 0,
    replicates: int = 200,
    prevalence: float | None = None,
    shown_threshold: float | None = None,
) -> OperatingFigures:
    statistics = {"": operating_statistic(view, point)}
    drawn = resampled(statistics, view.groups, seed=seed, replicates=replicates)[""]
    return operating_figures(view, point, drawn, prevalence=prevalence, shown_threshold=shown_threshold)


def point_at(threshold: float) -> OperatingPoint:
    view = table(9, 1, 1, 9)
    chosen = choose(view.truth, view.probability, rule="youden", goal=None, positive="ill", chosen_on="validation")
    return chosen.model_copy(update={"threshold": threshold})


@given(st.integers(0, 2**32 - 1), st.booleans(), st.sampled_from([None, 0.001, 0.3, 0.999]))
@settings(deadline=None, max_examples=80)
def test_counts_sum_and_intervals_contain_their_estimate(seed: int, repeats: bool, prevalence: float | None) -> None:
    view = random_view(seed, patients=6 if repeats else None)
    figures = measured(view, point_at(0.5), seed=0, replicates=100, prevalence=prevalence)
    counts = figures.confusion
    assert counts.true_positive + counts.false_negative == view.truth.sum()
    assert sum(counts.model_dump().values()) == view.truth.size
    for one in (*figures.estimates, *figures.in_sample):
        if one.value is None:
            assert one.note
            assert one.low is one.high is None
        elif one.low is None:
            assert one.note
        else:
            assert one.high is not None
            assert one.low - 1e-12 <= one.value <= one.high + 1e-12
            assert np.isfinite([one.low, one.high]).all()


def test_at_the_samples_own_prevalence_nothing_changes(operating_point: OperatingPoint) -> None:
    view = table(50, 20, 10, 120)
    own = measured(view, operating_point, seed=0, replicates=400)
    stated = measured(view, operating_point, seed=0, replicates=400, prevalence=60 / 200)
    for one, other in zip(own.estimates, stated.estimates, strict=True):
        assert other.value == pytest.approx(one.value, rel=1e-12)
    assert [one.name for one in stated.in_sample] == [
        name for name in NAMES if name not in {"sensitivity", "specificity", "LR+", "LR-", "balanced accuracy"}
    ]
    for one in stated.in_sample:
        assert one == own.estimate(one.name)


def test_one_prevalence_throughout(operating_point: OperatingPoint) -> None:
    view = table(50, 20, 10, 120)
    figures = measured(view, operating_point, seed=0, replicates=400, prevalence=0.02, shown_threshold=0.05)
    se, sp = 50 / 60, 120 / 140
    ppv = se * 0.02 / (se * 0.02 + (1 - sp) * 0.98)
    assert figures.estimate("PPV").value == pytest.approx(ppv)
    assert figures.estimate("number needed to evaluate").value == pytest.approx(1 / ppv)
    assert figures.estimate("alert rate").value == pytest.approx(se * 0.02 + (1 - sp) * 0.98)
    assert figures.estimate("F1").value == pytest.approx(2 * ppv * se / (ppv + se))
    assert figures.estimate("sensitivity").value == pytest.approx(se)
    assert (figures.shown_threshold, figures.stated_prevalence, figures.prevalence) == (0.05, 0.02, 0.3)
    assert figures.confusion.true_positive == 50  # the locked threshold decides, whatever is stated


def test_everyone_is_called_positive() -> None:
    view = table(30, 70, 0, 0)
    figures = measured(view, point_at(0.0), seed=0, replicates=200)
    assert figures.estimate("sensitivity").value == 1
    assert figures.estimate("PPV").value == 0.3
    assert figures.estimate("LR+").value == 1
    assert figures.estimate("NPV").note == figures.estimate("LR-").note == "no study was called negative"
    assert figures.estimate("MCC").note == "all studies were called alike"
    assert figures.estimate("balanced accuracy").value == 0.5


def test_a_test_without_an_error_is_not_called_certain(operating_point: OperatingPoint) -> None:
    figures = measured(table(12, 0, 0, 30), operating_point, seed=0, replicates=200)
    for name in ("F1", "MCC", "balanced accuracy"):
        one = figures.estimate(name)
        assert (one.value, one.low) == (1.0, None)
        assert "no interval: the same on every replicate" in one.note
    assert (figures.estimate("sensitivity").low or 1) < 0.8
    assert figures.estimate("LR+").value is None
    assert figures.estimate("LR-").value == 0


def test_no_miss_is_said_beside_balanced_accuracy(operating_point: OperatingPoint) -> None:
    figures = measured(table(12, 10, 0, 30), operating_point, seed=0, replicates=200)
    assert figures.estimate("balanced accuracy").note == "interval may be too narrow: no false negative occurred"


@pytest.mark.parametrize("n", [0, 1])
def test_no_study_or_one(n: int, operating_point: OperatingPoint) -> None:
    view = ascending(np.ones(n, dtype=bool), np.full(n, 0.7), np.arange(n))
    figures = measured(view, operating_point, seed=0, replicates=100, prevalence=0.1)
    assert figures.prevalence == (1.0 if n else None)
    assert figures.estimate("specificity").note == "no negative study"
    assert figures.estimate("PPV").value is None
    assert figures.estimate("F1").note == ("no negative study" if n else "no study")


def test_clopper_pearson_on_request(operating_point: OperatingPoint) -> None:
    view = table(18, 4, 2, 30)
    drawn = resampled({"": operating_statistic(view, operating_point)}, view.groups, seed=0, replicates=200)[""]
    figures = operating_figures(view, operating_point, drawn, interval="clopper_pearson")
    one = figures.estimate("sensitivity")
    assert (one.low, one.high, one.method) == (*clopper_pearson(18, 20), "Clopper–Pearson")
    assert figures.estimate("number needed to evaluate").high == 1 / clopper_pearson(18, 22).low


@pytest.mark.parametrize("prevalence", [0.0, 1.0, -0.1, 1.2, float("nan")])
def test_a_prevalence_is_a_share(prevalence: float, operating_point: OperatingPoint) -> None:
    with pytest.raises(ConfigError) as error:
        measured(table(5, 5, 5, 5), operating_point, seed=0, replicates=100, prevalence=prevalence)
    assert error.value.code == "PrevalenceOutOfRange"
