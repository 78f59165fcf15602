"""What the readers of files notice, and why a file cannot be read, said to clinicians: no codes, no words of parsers.

Every code that a reader can give has its sentence here: `tests/apps/test_notices.py` walks through their source.
The technical words stay available to whoever looks after the files: folded away on the Study screen, and in `inspect`.
"""

from __future__ import annotations

from typing import Final

_SLIGHT: Final = "The file does not keep to the standard in a detail; the picture is read as usual."
_COLOURS: Final = "The colours are shown in fewer steps than the file has."
_CONTRADICTS: Final = "The file contradicts itself about {}: compare the picture with the original."
_CURVE_UNUSED: Final = "A brightness curve of the file cannot be used and was left out: the picture may look different."
UNNAMED: Final = (
    "The file is unusual in some way; the picture is read as usual. Whoever looks after the files can say more."
)

NOTES: Final = {
    "BadGeometry": "The slices do not lie as in a regular volume: sizes across them may be wrong.",
    "BurnedInAnnotation": "The file declares text burned into the picture: it may name the patient, "
    "and the model may have been swayed by it.",
    "ByteOrderSuspicious": "The values look as if the file had been converted wrongly: compare it with the original.",
    "ColourConflict": _CONTRADICTS.format("its colours"),
    "ConstantImage": "The picture is empty: every point of it has the same value.",
    "DuplicateSlice": "Some slices of the series lie twice at one place.",
    "EightBits": _COLOURS,
    "ExifIgnored": "The picture may be turned: what the file says of its orientation cannot be read.",
    "GantryTilt": "The scanner's gantry was tilted by {}.",
    "GeometryDisagreement": "What the file says of its own geometry does not agree: sizes and sides may be wrong.",
    "GeometryMissing": "The file does not say where the picture lies in the patient: sides are not known.",
    "MetaLengthWrong": _SLIGHT,
    "MiddlePlane": "A volume: {}.",
    "MissingSlice": "Slices of the series are missing.",
    "MixedSpacing": "The slices do not lie at equal distances.",
    "ModalityConflict": _CONTRADICTS.format("the modality"),
    "NoOrientation": "The file does not say how the patient lies in it: sides are not known.",
    "NoPreamble": _SLIGHT,
    "OffsetAssumed": _SLIGHT,
    "OffsetTableIgnored": _SLIGHT,
    "OverlayIgnored": "The file has overlay graphics, which are not shown and were not given to the model.",
    "PaddingIgnored": "The file's border cannot be told from its picture: brightness may be off near the edges.",
    "PolarityConflict": _CONTRADICTS.format("what is black and what is white"),
    "PresentationStateNotApplied": "Display settings that were saved with the study are not applied: elsewhere, "
    "windows, shutters and marks may look different.",
    "ReducedTo8Bit": _COLOURS,
    "RescaleMissing": "The file does not give Hounsfield units: values and windows are not those of a CT.",
    "Resampled": "The volume was resampled: {}.",
    "SecondaryCapture": "The picture is a secondary capture: a screenshot or a digitised film, not the original.",
    "SeriesMissing": "The slice does not say which series it belongs to, and is shown as a picture of its own.",
    "SignednessConflict": _CONTRADICTS.format("how its values are stored"),
    "SingleSlice": "Of this series there is one slice, which is shown as a picture.",
    "SlopeIgnored": "The scale of the file's values cannot be used: they are shown as stored.",
    "SpacingIgnored": "The file gives no usable size of its pixels: distances cannot be measured.",
    "StacksBy": "The series holds several volumes of the same place, which are shown apart.",
    "SuffixConflict": "The file is of another kind than its name says.",
    "SuspiciousPreamble": "The file begins as another kind of file would; the picture is read as usual. Tell whoever "
    "looks after the files.",
    "SyntaxConflict": _SLIGHT,
    "TableApplied": "A brightness curve of the file was applied to the picture.",
    "ThicknessMissing": "The file does not give the thickness of its slice: 1 mm is assumed.",
    "TrailingData": "The file holds more than the picture that it declares; the rest was left out.",
    "TransparencyOverBlack": "Transparent parts of the picture are shown black.",
    "UnitUnknown": "The file does not name its unit of length: millimetres are assumed.",
    "UnknownCharacterSet": "Some texts of the file are in a script that cannot be read: names may look wrong.",
    "ValuesOutOfRange": "Some values lie outside the range that the file declares: brightness may be off there.",
    "VoiTableIgnored": _CURVE_UNUSED,
    "WindowIgnored": "The window that the file asks for cannot be used: another one is shown.",
}
"""Code → sentence; `{}` stands for what the reader says behind the code, where that is fit to be read."""

_AGAIN: Final = "Copy or send it again from where it came."
_DAMAGED: Final = f"it is damaged, or was not copied whole. {_AGAIN}"
_NO_IMAGE: Final = "it is not an image, or a damaged one. Leave it out, or copy it again from where it came."
_STORED: Final = "it is stored in a way that cannot be read here. Ask for it to be exported again, uncompressed."
_GEOMETRY: Final = "its slices do not fit together. Ask for the whole series to be exported again."
_GAPS: Final = "slices of the series are missing, or there twice. Ask for the whole series to be exported again."
_TOO_LARGE: Final = "it is larger than this app may read. Ask whoever looks after the files."
_MIXED: Final = "it belongs to several patients or studies. Give each a folder of its own."
_CLOSED: Final = "it cannot be opened. Ask whoever runs the server whether it is still there and may be read."
_CHANGED: Final = "it was changed while it was read. Wait until it has arrived, then open the study again."
_BUSY: Final = "reading it was given up. Open the study again; if it stops again, tell whoever runs the server."
_ARCHIVE: Final = "it is an archive that cannot be opened here. Unpack it first."
_UNITS: Final = "it does not say in which units its values are, which the model needs. Ask for the original images."
_UNFIT: Final = "it is not of the kind that the model takes."
UNSAID: Final = "it cannot be used as it is. Ask whoever looks after the files."

PROBLEMS: Final = {
    **dict.fromkeys(
        [
            "BadFrames",
            "BadHeader",
            "BadPixels",
            "BadScaling",
            "BadTag",
            "Corrupt",
            "DamagedArray",
            "EmptyFile",
            "EmptyImage",
            "ExtraPixels",
            "MissingTag",
            "NonFinite",
            "NotFinite",
            "Truncated",
        ],
        _DAMAGED,
    ),
    **dict.fromkeys(["NotDicom", "NotNifti", "WrongFormat", "NoPixels", "EmptyArchive", "EmptyFolder"], _NO_IMAGE),
    **dict.fromkeys(["UnsupportedSyntax", "UnsupportedType", "DecoderMissing", "TableUnsupported"], _STORED),
    **dict.fromkeys(
        [
            "BadGeometry",
            "GantryTilt",
            "GeometryConflict",
            "GeometryMissing",
            "MixedShape",
            "MixedSpacing",
            "Mosaic",
            "OrientationUnknown",
            "SeriesChanged",
        ],
        _GEOMETRY,
    ),
    **dict.fromkeys(["MissingSlice", "DuplicateSlice", "MissingFile", "MissingPair"], _GAPS),
    **dict.fromkeys(["MixedPatient", "MixedStudy", "SeveralSeries", "UnknownSeries"], _MIXED),
    **dict.fromkeys(["ChangedWhileReading", "FileChanged"], _CHANGED),
    **dict.fromkeys(["DecoderCrashed", "DecoderTimeout", "WorkerDied", "Unexpected"], _BUSY),
    **dict.fromkeys(["NotFound", "OutsideFolder", "Unreadable"], _CLOSED),
    **dict.fromkeys(["Encrypted", "UnsafePath", "UnsupportedArchive"], _ARCHIVE),
    **dict.fromkeys(["RescaleMissing", "SuvUnavailable"], _UNITS),
    **dict.fromkeys(["ChannelsDoNotFit", "MultiFrame", "VolumeUnsupported", "WrongRank"], _UNFIT),
    "OtherPreprocessing": UNSAID,
    "SizeLimit": _TOO_LARGE,
}
"""Code → why a file cannot be read, and what to do; it goes on from a colon."""

LEFT_OUT: Final = {
    "dicomdir": "a list of other files",
    "dose_report": "a dose report",
    "for_processing": "an unprocessed copy, which is not meant to be looked at",
    "localizer": "a scout",
    "nested_archive": "an archive within an archive",
    "no_pixel_data": "it holds no picture",
    "not_an_image": "no diagnostic image",
    "not_an_image_file": _NO_IMAGE.removesuffix("."),
    "parametric_map": "a map that was computed from images",
    "presentation_state": "display settings without a picture",
    "secondary_capture": "a screenshot",
    "segmentation": "outlines that were drawn on images",
    "structured_report": "a report",
}
"""Rule → what is left out by it."""


def noticed(text: str) -> str:
    """What a reader noticed, `Code` or `Code: what`, as a sentence."""
    code, _, what = text.partition(": ")
    return NOTES.get(code, UNNAMED).format(what)


def why_unread(code: str, *, by_rule: bool = False) -> str:
    """Why a file is not read, by the code of its problem, or the rule that leaves it out; it goes on from a colon."""
    if by_rule:
        return f"{LEFT_OUT.get(code, 'no diagnostic image')}."
    return PROBLEMS.get(code, UNSAID)
