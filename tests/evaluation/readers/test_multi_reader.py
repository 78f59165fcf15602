from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from medtransfer.core.errors import PredictionsError
from medtransfer.evaluation.readers.multi_reader import aurocs, obuchowski_rockette
from medtransfer.evaluation.readers.ratings import Ratings


def drawn(*, modalities: int = 2, readers: int = 3, cases: int = 40, gain: float = 0.0, seed: int = 0) -> Ratings:
    """Scores with a part that all readers share, so that they are correlated."""
    generator = np.random.default_rng(seed)
    truth = np.arange(cases) % 2 == 0
    case = generator.normal(size=cases) + 1.2 * truth
    rows = [
        (f"r{j}", f"c{k}", f"m{i}", float(case[k] + gain * i * truth[k] + generator.normal()))
        for i in range(modalities)
        for j in range(readers)
        for k in range(cases)
    ]
    table = pd.DataFrame(rows, columns=pd.Index(["reader", "case", "modality", "score"]))
    return Ratings(table=table, truth={f"c{k}": bool(truth[k]) for k in range(cases)})


def test_vandyke(vandyke: Ratings) -> None:
    found = obuchowski_rockette(vandyke)
    assert found.auroc["1"].value == pytest.approx(0.89704, abs=5e-6)
    assert found.auroc["2"].value == pytest.approx(0.94084, abs=5e-6)
    assert found.f == pytest.approx(4.4563, abs=5e-5)
    assert (found.numerator, found.denominator) == (1, pytest.approx(15.26, abs=5e-3))
    assert found.p == pytest.approx(0.0517, abs=5e-5)
    difference = found.difference
    assert difference is not None
    assert difference.value == pytest.approx(0.897037037 - 0.940837359, abs=1e-8)
    assert difference.low is not None
    assert difference.high is not None
    assert difference.low < 0 < difference.high, "p > .05"


def test_leaving_out_is_computing_anew() -> None:
    scores, truth = drawn(cases=14).crossed()
    scores = np.round(scores)
    whole, left_out = aurocs(scores, truth)
    for i, j in np.ndindex(whole.shape):
        assert whole[i, j] == pytest.approx(roc_auc_score(truth, scores[i, j]))
        for k in range(truth.size):
            kept = np.arange(truth.size) != k
            assert left_out[i, j, k] == pytest.approx(roc_auc_score(truth[kept], scores[i, j][kept]))


def test_names_and_order_say_nothing() -> None:
    study = drawn(modalities=3)
    shuffled = Ratings(table=study.table.sample(frac=1, random_state=1), truth=study.truth)
    one, other = obuchowski_rockette(study), obuchowski_rockette(shuffled)
    assert (one.f, one.denominator, one.p) == pytest.approx((other.f, other.denominator, other.p), rel=1e-9)
    assert one.difference is None


def test_a_difference_is_found_and_none_is_not() -> None:
    assert obuchowski_rockette(drawn(gain=3.0, cases=80)).p < 0.01
    p = [obuchowski_rockette(drawn(seed=seed, cases=60)).p for seed in range(200)]
    assert np.mean(np.array(p) < 0.05) <= 0.1


def test_p_and_interval_say_the_same() -> None:
    for gain in (0.0, 0.4, 0.8, 1.2):
        found = obuchowski_rockette(drawn(gain=gain, seed=5))
        assert found.difference is not None
        assert found.difference.low is not None
        assert found.difference.high is not None
        assert (found.p < 0.05) == (not found.difference.low <= 0 <= found.difference.high)


def test_what_is_not_crossed_is_refused() -> None:
    study = drawn()
    with pytest.raises(PredictionsError) as error:
        obuchowski_rockette(Ratings(table=study.table[1:], truth=study.truth))
    assert error.value.code == "NotCrossed"
    twice = pd.concat([study.table[1:], study.table[1:2]])
    with pytest.raises(PredictionsError) as error:
        obuchowski_rockette(Ratings(table=twice, truth=study.truth))
    assert error.value.code == "NotCrossed"


@pytest.mark.parametrize("study", [drawn(readers=1), drawn(modalities=1), drawn(cases=2)])
def test_too_few(study: Ratings) -> None:
    with pytest.raises(PredictionsError) as error:
        obuchowski_rockette(study)
    assert error.value.code == "TooFewReaders"
