"""Laws of what is shipped beside the package, and of progress bars."""

from __future__ import annotations

from datetime import timedelta

import pytest

from medtransfer.core import progress
from medtransfer.core.errors import UnusableInputError
from medtransfer.core.places import bundled
from medtransfer.core.progress import WINDOW, Pace, progress_bar


@pytest.mark.parametrize("name", ["apps", "sample_data"])
def test_bundled_folders_are_found(name: str) -> None:
    assert any(bundled(name).iterdir())


def test_a_folder_that_is_not_shipped_is_an_error() -> None:
    with pytest.raises(UnusableInputError) as caught:
        bundled("nowhere")
    assert caught.value.code == "NotInstalled"
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("quiet", [True, False])
def test_bars_are_drawn_on_standard_error_or_not_at_all(capsys: pytest.CaptureFixture[str], quiet: bool) -> None:
    with progress_bar("reading images", 3, quiet=quiet) as advance:
        advance()
        advance(2, note="the last one")
    shown = capsys.readouterr()
    assert shown.out == ""
    assert ("reading images" in shown.err and "3/3" in shown.err and "the last" in shown.err) == (not quiet)
    assert quiet == (shown.err == "")


def test_time_to_go_follows_the_pace_of_the_last_minutes() -> None:
    """Nine hundred steps were done before; then one step a second, then one in four seconds."""
    pace = Pace(done=900, now=1000.0)
    assert pace.to_go(100) is None
    for second in range(1, 11):
        pace.at(900 + second, 1000.0 + second)
    assert pace.to_go(90) == timedelta(seconds=90)
    steps = 200
    for step in range(1, steps + 1):
        pace.at(910 + step, 1010.0 + 4 * step)
    assert 4 * steps > WINDOW
    assert pace.to_go(10) == timedelta(seconds=40)


def test_a_step_longer_than_the_window_has_a_pace() -> None:
    pace = Pace(done=0, now=0.0)
    pace.at(16, 10 * WINDOW)
    pace.at(32, 20 * WINDOW)
    assert pace.to_go(16) == timedelta(seconds=10 * WINDOW)


def test_a_log_gets_a_line_now_and_then(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    clock = (10.0 * reading for reading in range(1000))
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    with progress_bar("predicting", 1600, done=800, quiet=False) as advance:
        for _ in range(7):
            advance(16, note="2 failed")
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("predicting: ")]
    assert lines == [
        "predicting: 848 of 1,600, 2 failed, 0:07:50 to go",
        "predicting: 896 of 1,600, 2 failed, 0:07:20 to go",
    ]
