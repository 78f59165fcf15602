"""The elements of a DICOM header that the project reads, decoded when asked for.

`Elements` answers `get(keyword)` and `keyword in elements` as pydicom's `Dataset` does, for the elements named in
`dicom/wanted`, at a small part of the cost. Any other keyword is a mistake in our own code and raises `KeyError`:
None would say that the file lacks it.
"""

from __future__ import annotations

from functools import lru_cache
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final

from pydicom.datadict import tag_for_keyword
from pydicom.filereader import read_sequence

from medtransfer.core.inert import one_line
from medtransfer.data.dicom.values import decoded, encodings_of, strings
from medtransfer.data.dicom.wanted import BLOCKS, OVERLAYS, PRESENT, PRIVATE, TAGS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pydicom.sequence import Sequence

_ASCII: Final = ("iso8859",)
_CHARACTER_SET = TAGS["SpecificCharacterSet"][0]
_SIGN = TAGS["PixelRepresentation"][0]
_TAGS = {**{keyword: tag for keyword, (tag, _) in TAGS.items()}, **PRESENT}
_PRIVATE_VRS = {(group, low): vr for _, group, low, vr in PRIVATE.values()}
_NOT_PLAIN = frozenset({"UN", "SQ"})
_BLANK = frozenset(b" \0")
_TEXTS = frozenset({"AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "SH", "TM", "UI"})
_SIGNED = frozenset({"US", "SS"})
_NUMERIC = frozenset({"DS", "IS"})
_PLAIN = frozenset({"CS", "UI", "DA", "TM", "AS", "DS", "IS", "DT", "AE"})


class Elements:
    """Named elements of one data set.

    Attributes:
        implicit: The data set was written without VRs.
        little_endian: Its byte order.
        note: `UnknownCharacterSet: …`, or empty.
    """

    __slots__ = ("_encodings", "_raw", "_texts", "_values", "implicit", "little_endian", "note")

    def __init__(
        self, raw: dict[int, tuple[str, bytes | None]], *, implicit: bool = False, little_endian: bool = True
    ) -> None:
        """Keep `raw`: tag → VR as written (empty: implicit) and value (None: there, and not kept)."""
        self._raw = raw
        self._values: dict[str, Any] = {}
        self._texts: dict[str, list[str]] = {}
        self.implicit, self.little_endian = implicit, little_endian
        named = raw.get(_CHARACTER_SET)
        self._encodings, self.note = encodings_of(named[1]) if named and named[1] else (_ASCII, "")

    def get(self, keyword: str | tuple[int, int], default: Any = None) -> Any:
        """The value: a text, number, list of several, pydicom Sequence; `default` where the element is absent.

        Numbers are plain `int` and `float`. An empty element gives None, an empty text an empty string. Private
        elements of the allow-list, and their creators, are named by group and element.

        Raises:
            ValueError: The bytes are no value of the element's VR.
            KeyError: Elements of this keyword are not kept.
        """
        if isinstance(keyword, tuple):
            return self._private_value(*keyword, default)
        values = self._values
        if keyword in values:
            return values[keyword]
        known = TAGS.get(keyword)
        if known is None:
            if tag_for_keyword(keyword) is None:
                return default
            msg = f"{keyword} is not among the elements that are kept"
            raise KeyError(msg)
        tag, vr = known
        found = self._raw.get(tag)
        written, content = found or ("", None)
        if content is None:
            return default
        if written and written not in _NOT_PLAIN and vr != "US or SS":
            value = decoded(written, content, little=self.little_endian, encodings=self._encodings)
        else:
            value = self._decoded(keyword, self._vr(written, vr), content, written)
        values[keyword] = value
        return value

    def private(self, name: str) -> Any:
        """Value of a private element of the allow-list `PRIVATE`; None where its creator wrote none.

        Raises:
            ValueError: The bytes are no value of the element's VR.
        """
        creator, group, low, _ = PRIVATE[name]
        for block in BLOCKS:
            owner = self._raw.get(group << 16 | block)
            if owner is not None and owner[1] and strings("LO", owner[1], _ASCII)[:1] == [creator]:
                value = self._private_value(group, block << 8 | low, None)
                if value is not None and value != "":
                    return value
        return None

    def texts(self, keyword: str) -> list[str]:
        """All values as they are written, numbers in text form included.

        Raises:
            ValueError: The bytes are no value of the element's VR.
            KeyError: Elements of this keyword are not kept.
        """
        texts = self._texts.get(keyword)
        if texts is None:
            texts = self._texts[keyword] = self._spelt(keyword)
        return texts

    def line(self, keyword: str) -> str:
        """First value as one printable line, a number as it is spelt; empty where there is none.

        Raises:
            ValueError: The bytes are no value of the element's VR.
            KeyError: Elements of this keyword are not kept.
        """
        tag, vr = TAGS[keyword]
        written, raw = self._raw.get(tag) or ("", None)
        if not raw:
            return ""
        if ((written or vr) in _TEXTS) and raw.isascii() and b"\x1b" not in raw:
            return _line(raw)
        several = self.texts(keyword)
        return one_line(several[0]) if several else ""

    def _spelt(self, keyword: str) -> list[str]:
        tag, vr = TAGS[keyword]
        found = self._raw.get(tag)
        if found is None or not found[1]:
            return []
        vr = self._vr(found[0], vr)
        if vr in _PLAIN and b"\\" not in found[1]:
            return [found[1].decode("latin-1").rstrip(" \0")]
        if vr in _NUMERIC:
            return strings("CS", found[1], _ASCII)
        value = self._decoded(keyword, vr, found[1], found[0])
        several = value if isinstance(value, list) else [value]
        return [str(part) for part in several if part is not None]

    def vr(self, keyword: str) -> str:
        """VR of an element as the file writes it or the dictionary has it; empty where it is absent."""
        tag, vr = TAGS[keyword]
        found = self._raw.get(tag)
        return "" if found is None else self._vr(found[0], vr)

    def holds(self, keyword: str) -> bool:
        """True where the element is there and not empty."""
        found = self._raw.get(_TAGS[keyword])
        if found is None or not found[1]:
            return found is not None and found[1] is None
        return found[1][0] not in _BLANK or bool(found[1].strip(b" \0"))

    def filled(self, tags: dict[str, int]) -> tuple[str, ...]:
        """Those of these keywords whose elements are there and not empty."""
        raw = self._raw
        return tuple(keyword for keyword, tag in tags.items() if tag in raw and self.holds(keyword))

    def without(self, tags: Iterable[int]) -> tuple[tuple[int, ...], tuple[tuple[str, bytes | None], ...]]:
        """Tags of all other elements, and for each its VR as written and its bytes."""
        rest = self._raw.copy()
        for tag in tags:
            rest.pop(tag, None)
        return tuple(rest), tuple(rest.values())

    def with_overlays(self) -> bool:
        """True where overlay planes are there."""
        return any(tag in self._raw for tag in OVERLAYS)

    def __contains__(self, keyword: str) -> bool:
        return _TAGS[keyword] in self._raw

    def __getstate__(self) -> dict[str, Any]:
        return {"raw": self._raw, "implicit": self.implicit, "little_endian": self.little_endian}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["raw"], implicit=state["implicit"], little_endian=state["little_endian"])

    def _private_value(self, group: int, element: int, default: Any) -> Any:
        vr = "LO" if element in BLOCKS else _PRIVATE_VRS[group, element & 0xFF]
        found = self._raw.get(group << 16 | element)
        if found is None or found[1] is None:
            return default
        return decoded(self._vr(found[0], vr), found[1], little=self.little_endian, encodings=_ASCII)

    def _vr(self, written: str, known: str) -> str:
        """The file's VR; the dictionary's where the file has none or says unknown."""
        if written and written != "UN":
            return written
        if known == "US or SS":
            sign = self._raw.get(_SIGN)
            return "SS" if sign is not None and sign[1] and any(sign[1]) else "US"
        return known

    def _decoded(self, keyword: str, vr: str, raw: bytes, written: str) -> Any:
        if vr == "SQ":
            return self._sequence(raw, unknown=written == "UN")
        value = decoded(vr, raw, little=self.little_endian, encodings=self._encodings)
        if vr in _SIGNED and isinstance(value, list) and keyword.endswith("TableDescriptor"):
            value[0] &= 0xFFFF  # the number of entries is never negative
        return value

    def _sequence(self, raw: bytes, *, unknown: bool) -> Sequence:
        implicit, little = (True, True) if unknown else (self.implicit, self.little_endian)
        return read_sequence(BytesIO(raw), implicit, little, len(raw), list(self._encodings))


class Partial(dict[int, tuple[str, bytes | None]]):
    """Raw elements of which some may not be asked for: not even whether they are there."""

    __slots__ = ("withheld",)

    def __init__(self, raw: dict[int, tuple[str, bytes | None]], withheld: frozenset[int]) -> None:
        super().__init__(raw)
        self.withheld = withheld

    def get(self, tag: int, default: Any = None) -> Any:
        """As of any dictionary.

        Raises:
            KeyError: It is withheld.
        """
        self._check(tag)
        return super().get(tag, default)

    def __contains__(self, tag: object) -> bool:
        self._check(tag)
        return super().__contains__(tag)

    def _check(self, tag: object) -> None:
        if tag in self.withheld:
            msg = f"{tag:08X} varies from file to file, and is asked for where results are shared"
            raise KeyError(msg)


@lru_cache(maxsize=8192)
def _line(raw: bytes) -> str:
    """The first of several ASCII texts; the files of a series repeat nearly all of theirs."""
    return one_line(raw.partition(b"\\")[0].decode("ascii"))
