"""What a bundle calls its findings is one visible line on every screen: nothing in it turns the words beside it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.apps.panels.conftest import scored
from tests.apps.test_app import open_study, read_study

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streamlit.testing.v1 import AppTest

    from tests.apps.conftest import MakeBundle, OpenApp

TURNED, BLUE = "pneu\u202emonia", "pneu\x1b[34mmonia"


def words(app: AppTest) -> Iterator[str]:
    """All that stands in tables, choices and sentences."""
    for table in app.dataframe:
        for name in table.value:
            yield from (str(name), *map(str, table.value[name]))
    for choice in (*app.selectbox, *app.multiselect):
        yield from (choice.label, *choice.options)
    for kind in (app.text, app.caption, app.markdown, app.warning, app.metric):
        yield from (line for element in kind for line in element.value.splitlines())
    yield from (fold.label for fold in app.expander)


@pytest.mark.parametrize("task", ["positive", "classes", "multilabel"])
def test_no_name_of_a_finding_turns_a_line(
    open_app: OpenApp, make_bundle: MakeBundle, studies: Path, tmp_path: Path, task: str
) -> None:
    known = make_bundle(tmp_path / "first").manifest
    assert known.operating_point is not None
    point = known.operating_point.model_copy(update={"positive": TURNED})
    training = known.training.model_copy(update={"studies": {"target": {TURNED: 5, BLUE: 7}}})
    asked: dict[str, dict[str, Any]] = {
        "positive": {"positive": TURNED, "operating_point": point, "scored": (scored(TURNED),)},
        "classes": {"positive": None, "operating_point": None},
        "multilabel": {
            "task": "multilabel",
            "positive": None,
            "operating_point": None,
            "operating_points": {TURNED: point},
        },
    }
    folder = make_bundle(tmp_path / "bundle", classes=(BLUE, TURNED), training=training, **asked[task]).folder
    app = open_study(open_app("--bundle", folder, "--studies", studies), "good.dcm")
    app = read_study(app, tmp_path / "reviews.sqlite")
    assert app.metric
    found = {"study": list(words(app))}
    for screen in ("worklist", "report", "model", "reviews"):
        app.switch_page(f"views/{screen}.py").run()
        assert not app.exception
        found[screen] = list(words(app))
    assert any("pneu\N{REPLACEMENT CHARACTER}monia" in word for word in found["worklist"])  # beside the score
    assert {name: bad for name, said in found.items() if (bad := [w for w in said if not w.isprintable()])} == {}
