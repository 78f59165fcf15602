"""Other libraries' exceptions become errors of ours; our own mistakes are not blamed on a file."""

from __future__ import annotations

from pathlib import Path
from types import FunctionType
from typing import TYPE_CHECKING

import pytest

from medtransfer.core.errors import ReadError
from medtransfer.data.loaders._containment import contained

if TYPE_CHECKING:
    from collections.abc import Callable

MISTAKES = (AssertionError, AttributeError, ImportError, KeyError, NameError, TypeError)


def raiser(module: str, error: Exception) -> Callable[[], None]:
    """A function that raises from a line of `module`."""

    def fail() -> None:
        raise error

    cells = fail.__closure__
    return FunctionType(fail.__code__, {"__name__": module, "__builtins__": __builtins__}, closure=cells)


@pytest.mark.parametrize("kind", MISTAKES)
def test_mistakes_of_our_own_pass_and_those_of_a_library_are_contained(kind: type[Exception]) -> None:
    with pytest.raises(kind), contained(Path("a.dcm"), [], library="Pydicom", doing="reading"):
        raiser("medtransfer.data.loaders.dicom", kind("mistake"))()
    with pytest.raises(ReadError) as caught, contained(Path("a.dcm"), [], library="Pydicom", doing="reading"):
        raiser("pydicom.filereader", kind("malformed"))()
    assert (caught.value.code, caught.value.path) == ("Corrupt", "a.dcm")


def test_what_bytes_cause_in_our_own_lines_is_contained() -> None:
    with pytest.raises(ReadError), contained(Path("a.dcm"), [], library="Pydicom", doing="reading"):
        raiser("medtransfer.data.loaders.dicom", ValueError("no value of this VR"))()
