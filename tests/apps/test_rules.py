"""House rules of the app: foreign text never reaches markup, and only public names are used."""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path

import pytest

import medtransfer

APPS = Path(__file__).parents[2] / "apps"
FILES = sorted(APPS.rglob("*.py"))
INERT = frozenset({"text", "dataframe", "image", "altair_chart"})
"""Calls whose first argument is never parsed as markup."""

LITERAL = frozenset({"fact", "trouble", "why"})
"""Our own functions whose first argument becomes markup."""


def calls(tree: ast.AST) -> list[ast.Call]:
    return [node for node in ast.walk(tree) if isinstance(node, ast.Call)]


def is_streamlit(call: ast.Call) -> bool:
    function = call.func
    return isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name) and function.value.id == "st"


def test_there_are_files_to_check() -> None:
    assert {"app.py", "study.py", "model.py"} <= {file.name for file in FILES}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.relative_to(APPS).as_posix())
def test_markup_is_made_of_literals_only(file: Path) -> None:
    for call in calls(ast.parse(file.read_text(encoding="utf-8"))):
        name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
        assert not any(keyword.arg == "unsafe_allow_html" for keyword in call.keywords)
        if is_streamlit(call):
            assert name not in {"html", "write", "table"}, f"{file.name}:{call.lineno}"
        if file.name == "text.py":  # the one place where literals are handed on, as its types say
            continue
        if (is_streamlit(call) and name not in INERT) or name in LITERAL:
            first = call.args[0] if call.args else ast.Constant(None)
            text = isinstance(first, ast.JoinedStr | ast.BinOp | ast.Call | ast.Name | ast.Attribute)
            layout = name in {"columns", "container", "navigation", "Page", "App"}
            assert layout or not text, f"{file.name}:{call.lineno}: {name} is given what is no literal"


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.relative_to(APPS).as_posix())
def test_only_public_names_of_the_package_are_used(file: Path) -> None:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("medtransfer"):
            assert node.module == "medtransfer"
            assert {alias.name for alias in node.names} <= set(medtransfer.__all__)
        if isinstance(node, ast.Import):
            assert not any(alias.name.startswith("medtransfer.") for alias in node.names)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "mt":
            assert node.attr in medtransfer.__all__


def test_the_options_keep_the_app_to_itself() -> None:
    options = tomllib.loads((APPS / "options.toml").read_text(encoding="utf-8"))
    assert options["server.address"] == "127.0.0.1"
    assert options["browser.gatherUsageStats"] is False
    assert options["client.showErrorDetails"] == "none"
    assert options["server.enableXsrfProtection"] is True
    assert options["server.maxUploadSize"] <= 200


def test_streamlit_knows_every_option() -> None:
    from streamlit import config

    known = set(config.get_config_options())
    options = tomllib.loads((APPS / "options.toml").read_text(encoding="utf-8"))
    assert set(options) <= known
    assert all(isinstance(value, str | int | bool | list) for value in options.values())


def test_there_is_a_dark_theme_and_a_light_one_of_the_same_options() -> None:
    from streamlit import config

    themes = tomllib.loads((APPS / "themes.toml").read_text(encoding="utf-8"))
    assert {name: theme["theme.base"] for name, theme in themes.items()} == {"dark": "dark", "light": "light"}
    assert set(themes["dark"]) == set(themes["light"]) <= set(config.get_config_options())
