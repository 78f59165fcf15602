"""Laws of what is shipped beside the package, and of progress bars."""

from __future__ import annotations

import pytest

from medtransfer.core.errors import UnusableInputError
from medtransfer.core.places import bundled
from medtransfer.core.progress import progress_bar


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
