"""The search itself, on functions instead of networks."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from tuned import plan_of, trial_of

from medtransfer.core.config.tuning import TRADE_OFF, Choices, Range, Setting, Space, TuneConfig
from medtransfer.core.errors import OutputError
from medtransfer.core.tuning_results import Trial
from medtransfer.training.tuning import study as searches
from medtransfer.training.tuning.order import Turn, turn_of, was_tried
from medtransfer.training.tuning.space import target_share

RATE = "training.learning_rate"
WIDE: Space = (
    Range(key=TRADE_OFF, low=0, high=math.inf),
    Range(key=RATE, low=1e-4, high=1e-1, log=True),
    Range(key="training.epochs", low=2, high=40, whole=True),
    Choices(key="policy.name", values=("full", "head", "lp_ft")),
    Choices(key="training.momentum", values=(0.0, 0.5, 0.9)),
)
CONFIG = TuneConfig(folds=3, startup=2)
Settings = dict[str, Setting]


def bowl(settings: Settings, part: int) -> float:
    """Best at λ = 1 and a rate of 1e-2; parts differ in how hard they are."""
    share, rate = target_share(float(settings[TRADE_OFF])), float(settings[RATE])
    return (share - 0.5) ** 2 + (math.log10(rate) + 2) ** 2 + 0.1 * part


def search(path: Path, trials: int, *, stop_at: int = 0) -> list[Trial]:
    """As `tune` does it; dies in the middle of the trial `stop_at`."""
    with searches.opened(path, run="run", config=CONFIG) as study:
        done = searches.finished(study)
        while len(done) < trials:
            number = len(done) + 1
            proposal, settings = searches.proposed(study, WIDE, seed=7, number=number, attempt=0, given=None)
            losses = [bowl(settings, 0)]
            if number == stop_at:
                raise KeyboardInterrupt
            hopeless = searches.hopeless(proposal, losses)
            while len(losses) < CONFIG.folds and not hopeless:
                losses.append(bowl(settings, len(losses)))
                hopeless = searches.hopeless(proposal, losses) and len(losses) < CONFIG.folds
            trial = trial_of(number, losses, settings)
            if hopeless:
                trial = trial.model_copy(update={"state": "pruned", "log_loss": None})
            searches.told(study, proposal, trial)
            done.append(trial)
        return searches.finished(study)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> list[Trial]:
    """Ten trials by chance, the others by the sampler."""
    return search(tmp_path_factory.mktemp("whole") / "study.sqlite", 26)


def test_a_search_that_was_stopped_goes_on_as_if_it_had_not_been(whole: list[Trial], tmp_path: Path) -> None:
    path = tmp_path / "study.sqlite"
    for stop_at in (1, 7, 12):
        with pytest.raises(KeyboardInterrupt):
            search(path, 13, stop_at=stop_at)
    assert search(path, 13) == whole[:13]
    assert {trial.state for trial in whole[:13]} == {"complete", "pruned"}


def test_what_is_proposed_lies_in_the_space(whole: list[Trial]) -> None:
    for trial in whole:
        assert 1e-4 <= float(trial.settings[RATE]) <= 1e-1
        assert isinstance(trial.settings["training.epochs"], int)
        assert 2 <= trial.settings["training.epochs"] <= 40
        assert float(trial.settings[TRADE_OFF]) >= 0
        assert trial.settings["policy.name"] in {"full", "head", "lp_ft"}


def test_the_sampler_learns_where_the_loss_is_low(whole: list[Trial]) -> None:
    early, late = (sum(bowl(trial.settings, 0) for trial in part) / len(part) for part in (whole[:10], whole[-10:]))
    assert late < early / 2


def test_a_hopeless_trial_is_given_up_but_never_after_one_part_alone(whole: list[Trial]) -> None:
    cut = [trial for trial in whole if trial.state == "pruned"]
    assert cut
    assert {len(trial.fold_losses) for trial in cut} == {searches.FEWEST_PARTS}


def test_another_search_in_the_folder_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "study.sqlite"
    search(path, 1)
    with pytest.raises(OutputError) as raised, searches.opened(path, run="another", config=CONFIG):
        pass
    assert raised.value.code == "OtherPlan"


def test_two_searches_at_once_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "study.sqlite"
    with (
        searches.opened(path, run="run", config=CONFIG),
        pytest.raises(OutputError) as raised,
        searches.opened(path, run="run", config=CONFIG),
    ):
        pass
    assert raised.value.code == "Busy"


def test_a_file_that_is_no_study(tmp_path: Path) -> None:
    path = tmp_path / "study.sqlite"
    path.write_text("no database at all, but some text that is long enough to be looked at" * 30, encoding="utf-8")
    with pytest.raises(OutputError) as raised, searches.opened(path, run="run", config=CONFIG):
        pass
    assert raised.value.code == "Unwritable"


def turn(space: Space, trials: int | None = None) -> Turn:
    return turn_of(plan_of(sources=1, features={"coral": {"strength": 0.1}}), space, TuneConfig(trials=trials))


def test_a_small_space_is_tried_out_whole_the_plans_own_setting_first() -> None:
    space = (Choices(key=TRADE_OFF, values=(0.0, 1.0, 3.0)), Choices(key=RATE, values=(1e-4, 1e-3)))
    found = turn(space)
    assert found.whole
    assert found.trials == len(found.listed) == 6
    assert found.listed[0] == {TRADE_OFF: 1.0, RATE: 1e-3}
    assert turn(space, trials=4).trials == 4
    assert turn(space, trials=40).trials == 6
    assert turn(space) == found


def test_strengths_of_terms_that_are_not_there_make_no_difference() -> None:
    aligned = Choices(key="objective.features.coral.strength", values=(0.0, 0.1, 1.0))
    found = turn((Choices(key=TRADE_OFF, values=(1.0, math.inf)), aligned))
    assert found.trials == 4  # three with a source, one without
    plan = plan_of(sources=1, features={"coral": {}})
    alone = {TRADE_OFF: math.inf, aligned.key: 0.1}
    assert was_tried(plan, alone, [{TRADE_OFF: math.inf}])
    assert not was_tried(plan, {**alone, TRADE_OFF: 1.0}, [{TRADE_OFF: 1.0, aligned.key: 1.0}])


def test_a_large_space_is_proposed_after_the_plans_own_setting() -> None:
    found = turn((Choices(key=TRADE_OFF, values=(0.5, 1.0)), Range(key=RATE, low=1e-4, high=1e-2)))
    assert (found.whole, found.trials, found.listed) == (False, 32, ({TRADE_OFF: 1.0, RATE: 1e-3},))
    few = turn((Choices(key=RATE, values=tuple(1.5e-4 * i for i in range(1, 60))),), trials=9)
    assert (few.whole, few.trials, few.listed) == (False, 9, ())
