"""A folder is a registry: one module per entry, its file name is its name everywhere.

Names are listed and hyperparameters are checked without importing anything (arguments are read with
`ast`), so that a wrong plan is refused in milliseconds and no entry's packages are needed to say so.
"""

from __future__ import annotations

import ast
import difflib
import functools
import importlib
import os
import sys
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from numbers import Integral, Real
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from medtransfer.core.errors import CatalogueError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping


@dataclass(frozen=True)
class Catalogue:
    """The entries of one folder.

    Attributes:
        package: Dotted name of the folder, `medtransfer.models.backbones`.
        verb: The function that every entry defines, `build`.
        kind: What an entry is called in errors, `backbone`.
    """

    package: str
    verb: str
    kind: str

    def names(self) -> tuple[str, ...]:
        """Every entry's name, sorted; nothing is imported."""
        return tuple(sorted(p.stem for p in self._folder().glob("*.py") if not p.stem.startswith("_")))

    def get(self, name: str) -> Callable[..., Any]:
        """The entry's verb: of a catalogue file, or of `module:function` for the user's own.

        `file/variant` is the verb of `file` with `variant=…` filled in.

        Raises:
            CatalogueError: There is no such entry; the message suggests the nearest names.
        """
        if ":" in name:
            return self._own(name)
        self.check_name(name)
        entry, slash, variant = name.partition("/")
        verb = getattr(importlib.import_module(f"{self.package}.{entry}"), self.verb)
        return functools.partial(verb, variant=variant) if slash else verb

    def check_name(self, name: str) -> None:
        """Refuse a name that is neither an entry, nor an entry with a variant, nor a `module:function`.

        Raises:
            CatalogueError: With the nearest names.
        """
        entry, slash, _ = name.partition("/")
        if ":" in name:
            return
        if entry not in self.names():
            raise CatalogueError(
                f"Unknown {self.kind} '{name}'.{did_you_mean(name, self.names())}",
                code="UnknownEntry",
                hint=f"Available: {', '.join(self.names())}.",
            )
        if slash and "variant" not in self.hyperparameters(entry):
            raise CatalogueError(
                f"The {self.kind} '{entry}' has no variants, so '{name}' means nothing",
                code="UnknownEntry",
                hint=f"Write {entry}.",
            )

    def beside(self, verb: Callable[..., Any], function: str) -> Callable[..., Any] | None:
        """Another function of the module in which an entry's verb is defined; None where there is none.

        A function of the user's own that is not called like the verb stands alone.

        Args:
            verb: As `get` gave it.
            function: The other function's name.
        """
        own = verb.func if isinstance(verb, functools.partial) else verb
        if getattr(own, "__name__", None) != self.verb:
            return None
        return getattr(sys.modules[own.__module__], function, None)

    def hyperparameters(self, name: str) -> tuple[str, ...]:
        """The keyword-only arguments of an entry's verb, read from its source.

        Raises:
            CatalogueError: There is no such entry.
        """
        self.check_name(name)
        return tuple(self._stated(name))

    def check(self, name: str, hyperparameters: Mapping[str, object], *, also: tuple[str, ...] = ()) -> None:
        """Refuse an unknown entry, or a hyperparameter that it lacks, or of another kind than the entry states.

        A user's own callable is not checked here. `also` names what the entry is given by others, such as a term's
        `strength`.

        Raises:
            CatalogueError: Naming the entry, the argument and the choices.
        """
        self.check_name(name)
        if ":" in name:
            return
        stated = self._stated(name)
        known = (*stated, *also)
        for key, value in hyperparameters.items():
            if key not in known:
                raise CatalogueError(
                    f"The {self.kind} '{name}' has no hyperparameter '{key}'.{did_you_mean(key, known)}",
                    code="UnknownHyperparameter",
                    hint=f"It takes: {', '.join(known) or 'none'}.",
                )
            if wanted := _misfit(value, stated.get(key, "")):
                raise CatalogueError(
                    f"The {self.kind} '{name}' has {key} = {value!r}", code="BadValue", hint=f"{key} is {wanted}."
                )

    def _stated(self, name: str) -> dict[str, str]:
        """The keyword-only arguments of an entry's verb and their annotations, read from its source."""
        return _keyword_only(self._folder() / f"{name.partition('/')[0]}.py", self.verb)

    def _folder(self) -> Path:
        spec = find_spec(self.package)
        if spec is None or not spec.submodule_search_locations:
            msg = f"no package {self.package}"
            raise ModuleNotFoundError(msg)
        return Path(spec.submodule_search_locations[0])

    def _own(self, name: str) -> Callable[..., Any]:
        module, _, function = name.partition(":")
        try:
            found = attrgetter(function)(importlib.import_module(module))
        except (ImportError, AttributeError, ValueError) as error:
            raise CatalogueError(
                f"'{name}' cannot be imported: {error}",
                code="UnknownEntry",
                hint="Give module:function with a module that Python can import from here.",
            ) from error
        if not callable(found):
            raise CatalogueError(f"'{name}' is not callable", code="UnknownEntry", hint="Name a function.")
        return found


_TRUSTED: set[str] = set()

OWN_CODE: Final = "MEDTRANSFER_OWN_CODE"
"""Environment variable: callables `module:function` that a file from elsewhere may name, separated by commas."""


def trust(*names: str) -> None:
    """Let files that are read from now on name these callables: the user has named them."""
    _TRUSTED.update(name for name in names if ":" in name)


def is_trusted(name: str) -> bool:
    """May a file from elsewhere name this? Entries of a catalogue, and callables that the user has named."""
    return ":" not in name or name in _TRUSTED or name in os.environ.get(OWN_CODE, "").split(",")


def own_name(function: Callable[..., object]) -> str:
    """How a user's callable is stored in a plan: `module:function`.

    Raises:
        CatalogueError: It cannot be imported again under that name (a lambda, a local function, a partial).
    """
    module = getattr(function, "__module__", None) or "__main__"
    name = f"{module}:{getattr(function, '__qualname__', '<object>')}"
    if "<" in name or module == "__main__":
        raise CatalogueError(
            f"{name} cannot be imported by another process",
            code="NotImportable",
            hint="Define it at the top of a module, and pass it from there.",
        )
    return name


def did_you_mean(name: str, choices: Iterable[str]) -> str:
    """` Did you mean 'resnet50'?`, or an empty string where nothing is near."""
    near = difflib.get_close_matches(name, list(choices), n=1, cutoff=0.6)
    return f" Did you mean '{near[0]}'?" if near else ""


_KINDS: Final[dict[str, tuple[type, str]]] = {
    "bool": (bool, "true or false"),
    "int": (Integral, "a whole number"),
    "float": (Real, "a number"),
    "str": (str, "a text"),
    "None": (type(None), "nothing"),
}
"""What annotations of hyperparameters admit, and its name for the user."""


def _misfit(value: object, annotation: str) -> str:
    """What the annotation asks for, where the value is something else; other annotations than these admit anything."""
    parts = [part.strip() for part in annotation.split("|")]
    if not all(part in _KINDS for part in parts):
        return ""
    truth = isinstance(value, bool)  # to Python true is a number, too
    if any(isinstance(value, _KINDS[part][0]) and (part == "bool" or not truth) for part in parts):
        return ""
    return " or ".join(_KINDS[part][1] for part in parts if part != "None")


@lru_cache(maxsize=256)
def _keyword_only(path: Path, verb: str) -> dict[str, str]:
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef) and node.name == verb:
            stated = ((each.arg, each.annotation) for each in node.args.kwonlyargs)
            return {name: "" if annotation is None else ast.unparse(annotation) for name, annotation in stated}
    msg = f"{path} defines no function {verb}"
    raise AttributeError(msg)
