"""Rules, error codes and facts of scans in words for people who read no code."""

from __future__ import annotations

from typing import Final

_SENTENCES: Final = {
    # rules
    "not_an_image_file": "Tables, notes and other files that hold no image.",
    "dicomdir": "A table of contents of other DICOM files; the files themselves are looked at.",
    "presentation_state": "It says how another image is to be shown and has no pixels of its own; it is not applied.",
    "not_an_image": "A report, plan, dose, segmentation or map, but no image to diagnose from.",
    "no_pixel_data": "The header of an image whose pixels are not there.",
    "localizer": "A scout image that was made to plan the scan.",
    "dose_report": "A record of radiation dose, or a screenshot of one.",
    "structured_report": "A report in DICOM's form: words and measurements, no image.",
    "segmentation": "Outlines that somebody drew on another image.",
    "parametric_map": "Values that were computed from other images.",
    "secondary_capture": "A screenshot of a slice or a console, not the slice itself.",
    "nested_archive": "An archive inside an archive, which is not opened.",
    "for_processing": "A detector's raw image; its twin for reading is used.",
    # errors
    "EmptyFile": "The file has no content: copying was cut short, or the disk was full.",
    "Truncated": "The file ends too early: a part of the image is missing.",
    "Corrupt": "The content contradicts itself or cannot be decoded.",
    "NotDicom": "It is named like DICOM but lacks DICOM's first bytes; --force tries such files.",
    "WrongFormat": "The name promises another format than the content has.",
    "Unreadable": "The system refuses to open it.",
    "NotFound": "The table names a file that is not there.",
    "NotAFile": "The table names a folder where an image is wanted.",
    "MissingTag": "A header element is missing without which the image cannot be read right.",
    "BadTag": "A header element has a value that cannot be.",
    "BadPixels": "The pixels have a form that cannot be shown as grey or colour.",
    "ExtraPixels": "It holds more pixels than its header describes.",
    "NoPixels": "It holds no image.",
    "BadScaling": "The numbers that turn stored values into physical ones make no sense.",
    "OrientationUnknown": "Nothing says how the volume lies in the patient, so that it cannot be cut along it.",
    "SizeLimit": "It claims to be, or unpacks to, more than the memory limit allows.",
    "UnsupportedSyntax": "It is compressed in a way that no installed decoder reads.",
    "MultiFrame": "It holds several pictures where one is wanted.",
    "DecoderCrashed": "The decoder died on it; the other files were not touched by that.",
    "DecoderMissing": "The package that decodes it is not installed.",
    "DecoderTimeout": "Decoding took longer than the time limit.",
    "MissingSlice": "A slice of the series is missing.",
    "DuplicateSlice": "Two slices of the series lie at the same place.",
    "MixedPatient": "Slices of one series name different patients.",
    "MixedStudy": "Slices of one series name different studies.",
    "MixedSpacing": "The slices of the series are not evenly spaced.",
    "GantryTilt": "The slices of the series are shifted against each other, as by a tilted gantry.",
    "GeometryMissing": "Nothing says where the slices lie.",
    "GeometryConflict": "Two statements of where the image lies contradict each other.",
    "BadGeometry": "What it says of position, direction or spacing cannot be.",
    "BadHeader": "The header holds values that cannot be.",
    "BadFrames": "The frames that were asked for are not in it.",
    "EmptyImage": "It has no voxels.",
    "NonFinite": "Voxels hold values that are no numbers.",
    "NotNifti": "It is named like NIfTI and is none.",
    "MissingPair": "A NIfTI image in two files, one of which is not there.",
    "WrongRank": "It has more dimensions than a volume; --volume picks one of several volumes.",
    "UnsupportedType": "Its voxels are of a type that cannot be shown as grey or colour.",
    "RescaleMissing": "A CT that does not say how its values become Hounsfield units.",
    "SuvUnavailable": "A PET whose standardised uptake cannot be computed.",
    "SeveralSeries": "A row of the table has to name one series, and there are several.",
    "UnknownSeries": "The series that the table names is not there.",
    "FileChanged": "The file was replaced by another scan's while it was read.",
    "SeriesChanged": "Files of the series have changed since they were found.",
    "VolumeUnsupported": "It has several slices where one picture is wanted.",
    "Mosaic": "A volume tiled into one picture; how it was tiled stands in the vendor's private elements.",
    "UnsafePath": "A name that leads out of the folder or archive; it was not followed.",
    "OutsideFolder": "A link that leads out of the folder; it was not followed.",
    "MissingFile": "A DICOMDIR names the file, and it is not there.",
    "Encrypted": "It lies encrypted in an archive.",
    "UnsupportedArchive": "It is packed in a way that is not read.",
    "EmptyArchive": "An archive with nothing in it.",
    "TooManyFiles": "An archive with more files than are unpacked.",
    "TableUnsupported": "Its values go through a table, which volumes may not have here.",
    "ChangedWhileReading": "The file changed while it was being read.",
    "WorkerDied": "Reading it ended the process that read it.",
    "BurnedIn": "Text may be burned into the picture; de-identified output refuses that unless allowed.",
    "MixedShape": "Slices of one series differ in size.",
}


def explanation(code: str) -> str:
    """One sentence; empty where the code says all there is, and the file's own reason has to do."""
    return _SENTENCES.get(code, "")


FACT_WORDS: Final = {
    "modality": "modality",
    "body_part": "body part",
    "view": "view",
    "kind": "kind",
    "matrix": "matrix",
    "spacing": "spacing (mm)",
    "orientation": "orientation",
    "bit_depth": "bits",
    "polarity": "polarity",
    "syntax": "transfer syntax",
    "manufacturer": "vendor",
    "loader": "loader",
}
_VALUES: Final = {
    ("polarity", "as stored"): "high values bright",
    ("polarity", "inverted"): "low values bright",
}


def value_words(fact: str, value: str) -> str:
    """A value in print; `not said` for an empty one."""
    return _VALUES.get((fact, value), value) or "not said"
