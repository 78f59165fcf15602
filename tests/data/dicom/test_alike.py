"""Laws of shared work: a file among many alike is known as it is by itself, and nobody gets another's facts."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pydicom
import pytest
from pydicom.uid import CTImageStorage
from reading import finding

from medtransfer.core.config.data import ReadConfig
from medtransfer.data.dicom.alike import LARGEST, VARYING, NotAlikeError, alike_of, common_of
from medtransfer.data.dicom.header import read_header
from medtransfer.data.dicom.look import look, look_at, quick_look
from medtransfer.data.dicom.series import Seen
from medtransfer.data.dicom.wanted import IDENTIFYING_TAGS, TAGS
from medtransfer.data.found import Excluded, Failed
from medtransfer.data.loaders import dicom

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    Write = Callable[..., Path]

SETTINGS = ReadConfig()
SAMPLES = {
    "AE": "PACS", "AS": "031Y", "CS": "OTHER", "DA": "20200229", "DS": "7.5", "DT": "20200229101112", "FD": 7.5,
    "FL": 7.5, "IS": "7", "LO": "other", "LT": "other", "PN": "Other^One", "SH": "other", "SS": -7, "ST": "other",
    "TM": "101112", "UC": "other", "UI": "1.2.9", "UL": 7, "US": 7, "UT": "other", "OW": b"\1\2", "OV": b"\1" * 8,
    "US or SS": 7, "AT": 0x00181063,
}  # fmt: skip


def write_slice(write: Write, name: str, k: int = 0, **tags: object) -> Path:
    place: dict[str, object] = {
        "SOPClassUID": CTImageStorage,
        "Modality": "CT",
        "SOPInstanceUID": f"1.2.3.4.{k + 1}",
        "InstanceNumber": k + 1,
        "ImagePositionPatient": [-10.5, 20.0, 2.5 * k],
        "ImageOrientationPatient": [1.0, 0.0, 0.0, 0.0, 1.0, 0.0],
        "PixelSpacing": [0.5, 0.75],
        "SliceThickness": 2.5,
        "RescaleSlope": 1,
        "RescaleIntercept": -1024,
        "WindowCenter": 40,
        "WindowWidth": 400,
    }
    return write(name, **(place | tags))


def known(looks: Iterable[Seen | Excluded | Failed]) -> list[Any]:
    """Looks that compare by value: errors do not."""
    return [(one.path, one.error.facts(), one.facts) if isinstance(one, Failed) else one for one in looks]


def alone(paths: Iterable[Path]) -> list[Any]:
    return known(look(path, settings=SETTINGS) for path in paths)


def test_interleaved_series_of_two_patients_keep_their_own(write_dicom: Write) -> None:
    patients = {
        "A": {"PatientID": "A", "SeriesInstanceUID": "1.2.1", "PatientSex": "F"},
        "B": {"PatientID": "B", "SeriesInstanceUID": "1.2.2", "PatientSex": "M", "BurnedInAnnotation": "YES"},
    }
    paths = [
        write_slice(write_dicom, f"{k}{name}.dcm", 10 * k + (name == "B"), **tags)
        for k in range(4)
        for name, tags in patients.items()
    ]
    looks = look_at(paths, settings=SETTINGS)
    assert known(looks) == alone(paths)
    for number, one in enumerate(looks):
        assert isinstance(one, Seen)
        k, name = divmod(number, 2)
        (plane,) = one.planes
        assert (one.facts["patient_id"], one.facts["sex"]) == (("A", "F"), ("B", "M"))[name]
        assert one.facts["instance_uid"] == f"1.2.3.4.{10 * k + name + 1}"
        assert (plane.path, plane.patient_id, plane.series_uid) == (paths[number], "AB"[name], f"1.2.{name + 1}")
        assert plane.position == (-10.5, 20.0, 2.5 * (10 * k + name))
        assert one.notes == (("BurnedInAnnotation",) if name else ())
    items = finding(dicom, paths[0].parent).items
    assert {item.facts["patient_id"]: len(item.paths) for item in items} == {"A": 4, "B": 4}


@pytest.mark.parametrize(
    ("tags", "code"),
    [
        ({"Rows": 17}, "Truncated"),
        ({"Rows": 7}, "ExtraPixels"),
        ({"BitsStored": 17}, "BadPixels"),
        ({"RescaleSlope": 0}, "BadScaling"),
        ({"RescaleIntercept": "1e40"}, "BadScaling"),
        ({"ImagePositionPatient": [1.0, 2.0]}, "BadTag"),
        ({"PhotometricInterpretation": None}, "MissingTag"),
    ],
)
def test_an_error_in_one_file_of_many_alike_is_found(write_dicom: Write, tags: dict[str, object], code: str) -> None:
    paths = [write_slice(write_dicom, f"{k}.dcm", k, **(tags if k == 5 else {})) for k in range(9)]
    looks = look_at(paths, settings=SETTINGS)
    assert known(looks) == alone(paths)
    assert [type(one) for one in looks] == [Failed if k == 5 else Seen for k in range(9)]
    bad = looks[5]
    assert isinstance(bad, Failed)
    assert (bad.error.code, bad.error.path, bad.error.stage) == (code, str(paths[5]), "header")


def test_a_file_cut_short_among_many_alike_is_found(write_dicom: Write) -> None:
    paths = [write_slice(write_dicom, f"{k}.dcm", k) for k in range(5)]
    paths[3].write_bytes(paths[3].read_bytes()[:-100])
    paths[1].write_bytes(paths[1].read_bytes()[:400])
    looks = look_at(paths, settings=SETTINGS)
    assert known(looks) == alone(paths)
    assert [one.error.code if isinstance(one, Failed) else "" for one in looks] == [
        "",
        "Truncated",
        "",
        "Truncated",
        "",
    ]


def test_whatever_element_differs_a_file_is_known_as_by_itself(write_dicom: Write, tmp_path: Path) -> None:
    plain = write_slice(write_dicom, "plain.dcm")
    paths = [plain]
    for keyword, (tag, vr) in TAGS.items():
        if vr == "SQ" or tag >> 16 == 2:
            continue
        dataset = pydicom.dcmread(plain)
        value = "ISO_IR 192" if keyword == "SpecificCharacterSet" else SAMPLES[vr]
        dataset.add_new(tag, vr.split(" or ")[0], value)
        paths += [tmp_path / f"{keyword}.dcm", plain]
        dataset.save_as(paths[-2], enforce_file_format=False)
    looks = known(look_at(paths, settings=SETTINGS))
    assert looks == alone(paths)
    assert len(paths) > 200
    assert {one.facts["patient_id"] for one in looks if isinstance(one, Seen)} == {"P1", "other"}


def test_files_of_all_kinds_are_known_as_by_themselves() -> None:
    folder = Path(pydicom.__file__).parent / "data"
    files = sorted(path for path in folder.rglob("*") if path.suffix in {".dcm", ""} and path.is_file())
    paths = [path for file in files for path in (file, file)]
    assert known(look_at(paths, settings=SETTINGS)) == alone(paths)
    assert len(files) > 80


def test_work_is_shared_by_the_files_of_a_series(write_dicom: Write) -> None:
    paths = [write_slice(write_dicom, f"{k}.dcm", k, ContentTime=f"10{k:02}00", WindowCenter=k) for k in range(6)]
    common = lru_cache(common_of)
    for path in paths:
        quick_look(read_header(path), path, common, settings=SETTINGS)
    assert (common.cache_info().misses, common.cache_info().hits) == (1, 5)


def test_what_varies_cannot_be_shared(write_dicom: Write) -> None:
    shared = alike_of(read_header(write_slice(write_dicom, "1.dcm"))).description().dataset
    keywords = [keyword for keyword, (tag, _) in TAGS.items() if tag in VARYING]
    assert len(keywords) == len(VARYING)
    for keyword in keywords:
        with pytest.raises(KeyError, match="varies"):
            shared.get(keyword)
        with pytest.raises(KeyError, match="varies"):
            shared.texts(keyword)
        with pytest.raises(KeyError, match="varies"):
            shared.line(keyword)
    assert not set(IDENTIFYING_TAGS.values()) & set(VARYING)


def test_large_elements_are_not_remembered(write_dicom: Write) -> None:
    path = write_slice(write_dicom, "1.dcm", LossyImageCompressionMethod=["X" * 15] * (LARGEST // 16 + 1))
    with pytest.raises(NotAlikeError):
        common_of(alike_of(read_header(path)))
    assert known(look_at([path, path], settings=SETTINGS)) == alone([path, path])
