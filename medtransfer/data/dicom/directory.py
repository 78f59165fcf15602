"""What a DICOMDIR names: the files of a disc or folder. Reference: DICOM PS3.3 annex F, PS3.10 8."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from medtransfer.core.errors import ReadError
from medtransfer.core.inert import one_line
from medtransfer.data.archive import exists
from medtransfer.data.dicom.header import full_header
from medtransfer.data.found import Failed
from medtransfer.data.loaders._containment import contained

_SEPARATORS: Final = frozenset("/\\\0")
_MOST: Final = 1_000_000


def directory_files(file: Path) -> tuple[Path, ...]:
    """The files that a DICOMDIR names, lie in its folder and are there, each once, in its order.

    Raises:
        ReadError: The DICOMDIR cannot be read.
    """
    found = (_found(file, names) for names in _references(file))
    return tuple(dict.fromkeys(path for path in found if path is not None))


def directory_failures(file: Path) -> tuple[Failed, ...]:
    """What a DICOMDIR names and nobody can read.

    `MissingFile`: it is not there, under the path named; `UnsafePath`: the reference leads out of the folder, under a
    path below the DICOMDIR itself; as is the one failure of a DICOMDIR whose records cannot be read.
    """
    try:
        references = _references(file)
    except ReadError as error:
        return (Failed(path=file / "DirectoryRecordSequence", error=error),)
    failed: dict[Path, Failed] = {}
    for names in references:
        if not _is_safe(names):
            path = Path(f"{file}/{'/'.join(names)}".replace("\0", "�"))
            failed[path] = Failed(path=path, error=_error("UnsafePath", f"names {one_line('/'.join(names))}", file))
        elif _found(file, names) is None:
            path = file.parent.joinpath(*names)
            failed[path] = Failed(path=path, error=_error("MissingFile", f"names {path.name}, which is missing", file))
    return tuple(failed.values())


def _error(code: str, message: str, file: Path) -> ReadError:
    cure = {
        "UnsafePath": "References must stay inside the DICOMDIR's folder; check where it comes from.",
        "MissingFile": "Copy the whole disc again.",
    }
    return ReadError(f"the DICOMDIR {message}", code=code, path=file, hint=cure[code], stage="find")


def _references(file: Path) -> tuple[tuple[str, ...], ...]:
    with contained(file, [], library="Pydicom", doing="reading the directory"):
        records: Any = full_header(file).dataset.get("DirectoryRecordSequence") or ()
        if len(records) > _MOST:
            raise ReadError(f"names {len(records)} records, the limit is {_MOST}", code="SizeLimit", path=file)
        named = (record.get("ReferencedFileID") for record in records)
        return tuple((name,) if isinstance(name, str) else tuple(map(str, name)) for name in named if name)


def _is_safe(names: tuple[str, ...]) -> bool:
    return not any(name in {"", ".", ".."} or _SEPARATORS.intersection(name) for name in names)


def _found(file: Path, names: tuple[str, ...]) -> Path | None:
    """The file, its name in small letters too: as discs are copied by some systems."""
    if not _is_safe(names):
        return None
    spellings = (names, tuple(name.lower() for name in names))
    return next((path for path in (file.parent.joinpath(*spelling) for spelling in spellings) if exists(path)), None)
