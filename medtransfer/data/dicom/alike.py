"""What the files of a series have in common, worked out once for all that have it in the same bytes.

    header → its elements but for the varying ones → common facts, notes, plane        once for equal bytes
    header, common → facts, notes, plane of this file                                   for each file

From slice to slice a series changes its position, its times and little else. `Alike` holds everything else, byte for
byte, and `common_of` works from an `Alike` alone: what is the same for two files cannot depend on what is not in it,
and a varying element asked for there is an error, not an absence. What it raises is remembered by nobody, and a file
that is not plain (several frames, warnings, faults, large elements) is looked at by itself. `find` forgets at its end.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from medtransfer.data.dicom.claims import Claim, check_description, claim_of
from medtransfer.data.dicom.elements import Elements, Partial
from medtransfer.data.dicom.facts import series_facts
from medtransfer.data.dicom.header import Description
from medtransfer.data.dicom.notes import header_notes, identifying
from medtransfer.data.dicom.planes import Plane, is_plain, is_projection, unplaced
from medtransfer.data.dicom.rules import left_out
from medtransfer.data.dicom.wanted import TAGS

if TYPE_CHECKING:
    from medtransfer.data.dicom.header import Header

REMEMBERED: Final = 256
"""How many sets of common elements are remembered at a time; files come series by series."""

LARGEST: Final = 16 * 2**10
"""Bytes of the common elements of a file that are remembered."""

VARYING: Final = frozenset(
    TAGS[keyword][0]
    for keyword in (
        "FileMetaInformationGroupLength", "MediaStorageSOPInstanceUID", "SOPInstanceUID", "InstanceNumber",
        "ImagePositionPatient", "SliceLocation", "ImageIndex",
        "AcquisitionDate", "ContentDate", "AcquisitionDateTime", "AcquisitionTime", "ContentTime",
        "SmallestImagePixelValue", "LargestImagePixelValue", "LossyImageCompressionRatio",
        "RescaleSlope", "RescaleIntercept", "WindowCenter", "WindowWidth",
        "ActualFrameDuration", "DecayFactor", "ExtendedOffsetTable", "ExtendedOffsetTableLengths",
    )
)  # fmt: skip
"""Tags of elements that change from slice to slice: nothing common is worked out from them."""


class Alike(NamedTuple):
    """All that common results may be worked out from; two of equal value give equal results.

    Attributes: as in `Header`; `tags` and `values` are those of the elements that do not vary.
    """

    tags: tuple[int, ...]
    values: tuple[tuple[str, bytes | None], ...]
    implicit: bool
    little_endian: bool
    syntax: str
    sop_class: str
    pixel_keyword: str
    encapsulated: bool
    preamble: bytes
    notes: tuple[str, ...]

    def description(self) -> Description:
        """The same as a header has it; asking for a varying element raises `KeyError`."""
        raw = Partial(dict(zip(self.tags, self.values, strict=True)), VARYING)
        return Description(
            dataset=Elements(raw, implicit=self.implicit, little_endian=self.little_endian),
            syntax=self.syntax,
            sop_class=self.sop_class,
            pixel_keyword=self.pixel_keyword,
            encapsulated=self.encapsulated,
            preamble=self.preamble,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Common:
    """What equal elements say: the same for every file that has them.

    Attributes:
        facts: Those of the series, see `dicom/facts.series_facts`.
        identifiers: Names of the elements that say who the patient is.
        notes: What was noticed.
        plane: The plane without its place, window and scaling.
        claim: How many bytes the pixels must have.
    """

    facts: dict[str, str]
    identifiers: tuple[str, ...]
    notes: tuple[str, ...]
    plane: Plane
    claim: Claim


class NotAlikeError(Exception):
    """The file is to be looked at by itself."""


def alike_of(header: Header) -> Alike:
    """The part of a header that the files of a series share."""
    tags, values = header.dataset.without(VARYING)
    return Alike(
        tags, values, header.implicit, header.little_endian, header.syntax, header.sop_class, header.pixel_keyword,
        header.encapsulated, header.preamble, header.notes,
    )  # fmt: skip


def common_of(alike: Alike) -> Common:
    """Check and work out everything that depends on these elements and on nothing else.

    Raises:
        NotAlikeError: The file is a projection (which comes alone), is left out by a rule, has functional groups or
            several frames, its elements are large, or a warning was given.
        ReadError: They cannot be believed; it names no file.
    """
    if sum(len(content or b"") for _, content in alike.values) > LARGEST:
        raise NotAlikeError
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        described, nowhere = alike.description(), Path()
        dataset = described.dataset
        if left_out(described, nowhere) is not None or not is_plain(dataset, nowhere):
            raise NotAlikeError
        check_description(described, nowhere)
        common = Common(
            facts=series_facts(described),
            identifiers=identifying(dataset),
            notes=tuple(dict.fromkeys((*alike.notes, *header_notes(described, nowhere)))),
            plane=unplaced(dataset, nowhere, 1),
            claim=claim_of(described, nowhere),
        )
    if caught or is_projection(common.plane):
        raise NotAlikeError
    return common
