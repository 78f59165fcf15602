"""Laws of catalogues: listed and checked without an import; every entry of the tree has its verb."""

from __future__ import annotations

import ast
import functools
import json
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from types import FunctionType

import numpy as np
import pytest

import medtransfer
from medtransfer.core.catalogue import Catalogue, did_you_mean, own_name
from medtransfer.core.errors import CatalogueError

ROOT = Path(medtransfer.__file__).parent

UNSTATED = {"medtransfer.evaluation.metrics": "measure"}
"""Catalogues that their room names one by one rather than through a `Catalogue`."""


def stated_catalogues() -> dict[str, str]:
    """Package → verb of every `Catalogue(…)` in the sources."""
    found = {}
    for file in ROOT.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Catalogue":
                given = {k.arg: k.value for k in node.keywords} | dict(
                    zip(("package", "verb", "kind"), node.args, strict=False)
                )
                package, verb = given["package"], given["verb"]
                assert isinstance(package, ast.Constant)
                assert isinstance(verb, ast.Constant)
                found[str(package.value)] = str(verb.value)
    return found


CATALOGUES = stated_catalogues() | UNSTATED
ENTRIES = [
    (package, name, verb)
    for package, verb in sorted(CATALOGUES.items())
    for name in Catalogue(package, verb, "entry").names()
]


def test_every_folder_that_says_it_is_a_catalogue_is_one() -> None:
    folders = {
        ".".join(init.parent.relative_to(ROOT.parent).parts)
        for init in ROOT.rglob("__init__.py")
        if "catalogue" in (ast.get_docstring(ast.parse(init.read_text(encoding="utf-8"))) or "").lower()
    }
    assert folders == set(CATALOGUES)


@pytest.mark.parametrize("package", sorted(CATALOGUES))
def test_no_catalogue_is_empty(package: str) -> None:
    assert Catalogue(package, CATALOGUES[package], "entry").names()


@pytest.mark.parametrize(("package", "name", "verb"), ENTRIES)
def test_every_entry_has_its_verb_and_says_what_it_is(package: str, name: str, verb: str) -> None:
    tree = ast.parse((ROOT.parent / Path(*package.split(".")) / f"{name}.py").read_text(encoding="utf-8"))
    assert ast.get_docstring(tree)
    (function,) = (node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == verb)
    assert ast.get_docstring(function)
    for argument, default in zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True):
        assert argument.annotation is not None
        assert default is not None or package.endswith(("backbones", "loaders")), argument.arg
    assert callable(Catalogue(package, verb, "entry").get(name))


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Catalogue:
    """A catalogue whose entries cannot be imported, save one."""
    folder = tmp_path / "shelf_of_tests"
    folder.mkdir()
    (folder / "__init__.py").touch()
    refuses = "raise RuntimeError('imported')\n"
    (folder / "ridge.py").write_text(f"{refuses}def build(x, *, strength=1.0, centre=True): ...\n")
    (folder / "lasso.py").write_text(f"{refuses}def build(x): ...\n")
    (folder / "plain.py").write_text("def build(x):\n    return x\n")
    (folder / "_part.py").write_text(refuses)
    (folder / "notes.txt").touch()
    monkeypatch.syspath_prepend(tmp_path)
    for module in [m for m in sys.modules if m.startswith("shelf_of_tests")]:
        monkeypatch.delitem(sys.modules, module)
    return Catalogue("shelf_of_tests", "build", "penalty")


@pytest.fixture
def kinds(shelf: Catalogue, tmp_path: Path) -> Catalogue:
    """One entry that states the kind of each of its hyperparameters, and cannot be imported either."""
    (tmp_path / "shelf_of_tests" / "net.py").write_text(
        "raise RuntimeError('imported')\n"
        "def build(x, *, share: float = 1.0, parts: int = 2, width: float | None = None, centre: bool = True, "
        "tap: str = '', stages: Sequence[str] = ()): ...\n"
    )
    return shelf


def test_names_and_hyperparameters_need_no_import(shelf: Catalogue) -> None:
    assert shelf.names() == ("lasso", "plain", "ridge")
    assert shelf.hyperparameters("ridge") == ("strength", "centre")
    assert shelf.hyperparameters("lasso") == ()
    shelf.check("ridge", {"centre": False})
    with pytest.raises(RuntimeError, match="imported"):
        shelf.get("ridge")
    assert shelf.get("plain")(3) == 3


@pytest.mark.parametrize(
    ("key", "value", "wanted"),
    [
        ("share", "much", "a number"),
        ("share", True, "a number"),
        ("share", None, "a number"),
        ("parts", 2.5, "a whole number"),
        ("parts", "2", "a whole number"),
        ("width", False, "a number"),
        ("centre", "yes", "true or false"),
        ("centre", 1, "true or false"),
        ("tap", 3, "a text"),
    ],
)
def test_a_value_of_another_kind_than_the_entry_states_is_refused_without_an_import(
    kinds: Catalogue, key: str, value: object, wanted: str
) -> None:
    with pytest.raises(CatalogueError) as caught:
        kinds.check("net", {key: value})
    assert caught.value.code == "BadValue"
    assert caught.value.message == f"The penalty 'net' has {key} = {value!r}"
    assert caught.value.hint == f"{key} is {wanted}."


@pytest.mark.parametrize(
    "hyperparameters",
    [
        {"share": 1},
        {"share": float("inf")},
        {"share": np.float32(0.5), "parts": np.int64(3)},
        {"width": None},
        {"width": 2},
        {"centre": False, "tap": "pooled"},
        {"stages": "any"},
        {"strength": "others judge this one"},
    ],
)
def test_values_of_the_stated_kind_pass(kinds: Catalogue, hyperparameters: dict[str, object]) -> None:
    kinds.check("net", hyperparameters, also=("strength",))


def test_an_unknown_name_is_answered_with_the_nearest_and_all(shelf: Catalogue) -> None:
    for ask in (shelf.get, shelf.check_name, shelf.hyperparameters, lambda name: shelf.check(name, {})):
        with pytest.raises(CatalogueError) as caught:
            ask("rigde")
        assert caught.value.code == "UnknownEntry"
        assert caught.value.message == "Unknown penalty 'rigde'. Did you mean 'ridge'?"
        assert caught.value.hint == "Available: lasso, plain, ridge."


def test_parts_and_paths_are_no_entries(shelf: Catalogue) -> None:
    for name in ("_part", "__init__", "../ridge", "", "ridge.py", "notes"):
        with pytest.raises(CatalogueError):
            shelf.get(name)


def test_an_unknown_hyperparameter_is_answered_with_the_right_ones(shelf: Catalogue) -> None:
    with pytest.raises(CatalogueError) as caught:
        shelf.check("ridge", {"strenght": 1})
    assert caught.value.code == "UnknownHyperparameter"
    assert caught.value.message == "The penalty 'ridge' has no hyperparameter 'strenght'. Did you mean 'strength'?"
    assert caught.value.hint == "It takes: strength, centre."
    with pytest.raises(CatalogueError, match="It takes: none"):
        shelf.check("lasso", {"x": 1})


def test_an_entry_without_the_verb_is_a_mistake_of_ours(shelf: Catalogue) -> None:
    with pytest.raises(AttributeError, match="defines no function weigh"):
        Catalogue(shelf.package, "weigh", "penalty").hyperparameters("plain")
    with pytest.raises(ModuleNotFoundError):
        Catalogue("no_such_package", "build", "entry").names()


def test_a_users_own_function_is_taken_by_its_address(shelf: Catalogue) -> None:
    assert shelf.get("json:dumps") is json.dumps
    assert shelf.get("json:JSONDecoder.decode") is json.JSONDecoder.decode
    shelf.check("json:dumps", {"whatever": 1})


@pytest.mark.parametrize("name", ["json:", ":dumps", "json:dump5", "no_such_module:f", "json:decoder", "a b:c", ":"])
def test_an_address_that_leads_nowhere_is_refused(shelf: Catalogue, name: str) -> None:
    with pytest.raises(CatalogueError) as caught:
        shelf.get(name)
    assert caught.value.code == "UnknownEntry"
    assert caught.value.hint


def test_a_verbs_neighbour_is_found_and_that_of_a_users_other_function_is_not(
    shelf: Catalogue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine_of_tests.py").write_text("def build(): ...\ndef other(): ...\ndef check():\n    return 7\n")
    monkeypatch.delitem(sys.modules, "mine_of_tests", raising=False)
    check = shelf.beside(shelf.get("mine_of_tests:build"), "check")
    assert check is not None
    assert check() == 7
    assert shelf.beside(shelf.get("mine_of_tests:other"), "check") is None
    assert shelf.beside(shelf.get("plain"), "check") is None
    assert shelf.beside(functools.partial(shelf.get("plain"), x=1), "build") is shelf.get("plain")


def test_what_own_name_says_get_finds(shelf: Catalogue) -> None:
    for function in (json.dumps, json.JSONDecoder.decode, own_name):
        assert shelf.get(own_name(function)) is function


def test_functions_that_another_process_cannot_find_are_refused() -> None:
    def local() -> None: ...

    in_main = FunctionType(local.__code__, {"__name__": "__main__"}, "top")
    for function in (lambda: None, local, functools.partial(print), in_main):
        with pytest.raises(CatalogueError) as caught:
            own_name(function)
        assert caught.value.code == "NotImportable"


def test_suggestions_are_near_or_absent() -> None:
    assert did_you_mean("resnet5", ["resnet18", "resnet50"]) == " Did you mean 'resnet50'?"
    assert did_you_mean("densenet", ["vit", "swin"]) == ""
    assert did_you_mean("x", []) == ""


def test_the_trees_catalogues_are_listed_and_checked_without_torch() -> None:
    program = (
        "import sys\nfrom medtransfer.core.catalogue import Catalogue\n"
        f"for package, verb in {CATALOGUES!r}.items():\n"
        "    shelf = Catalogue(package, verb, 'entry')\n"
        "    for name in shelf.names():\n"
        "        shelf.check(name, {})\n"
        "        assert f'{package}.{name}' not in sys.modules, name\n"
        "assert not {'torch', 'numpy', 'pydicom'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", program], check=True, timeout=60)


def test_modules_of_entries_import_each_other_never() -> None:
    for package, name, _ in ENTRIES:
        module = import_module(f"{package}.{name}")
        others = {other for other_package, other, _ in ENTRIES if other_package == package} - {name}
        named = {getattr(value, "__module__", "") for value in vars(module).values()}
        assert not named & {f"{package}.{other}" for other in others}


def test_a_variant_is_filled_in_and_refused_where_there_are_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "shelf_of_variants"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "many.py").write_text("def build(*, variant, size=1):\n    return variant, size\n", encoding="utf-8")
    (folder / "one.py").write_text("def build(*, size=1):\n    return size\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    shelf = Catalogue("shelf_of_variants", "build", "thing")
    assert shelf.get("many/big")(size=2) == ("big", 2)
    shelf.check("many/big", {"size": 3})
    for name in ("one/big", "none/big"):
        with pytest.raises(CatalogueError) as caught:
            shelf.get(name)
        assert caught.value.code == "UnknownEntry"
