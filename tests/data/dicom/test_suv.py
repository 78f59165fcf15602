"""SUV against figures worked out by hand, and refusals with their reason."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset

from medtransfer.data.dicom.suv import suv_factor

HALF_LIFE = 6586.2  # ¹⁸F
DOSE = 370e6


def image(tracer: dict[str, Any] | None = None, **tags: Any) -> Dataset:
    """Injected at 10:00 with 370 MBq of ¹⁸F, 74 kg, scanned from one half-life later on."""
    dataset, isotope = Dataset(), Dataset()
    values = {
        "Units": "BQML", "CorrectedImage": ["DECY", "ATTN", "SCAT"], "DecayCorrection": "START", "PatientWeight": 74,
        "SeriesDate": "20240301", "SeriesTime": "114946.2",
        "AcquisitionDate": "20240301", "AcquisitionTime": "114946.2",
        "FrameReferenceTime": 0, "ActualFrameDuration": 120_000,
    } | tags  # fmt: skip
    said = {
        "RadionuclideTotalDose": DOSE,
        "RadionuclideHalfLife": HALF_LIFE,
        "RadiopharmaceuticalStartTime": "100000",
    } | (tracer or {})
    for target, content in ((dataset, values), (isotope, said)):
        for keyword, value in content.items():
            if value is not None:
                setattr(target, keyword, value)
    dataset.RadiopharmaceuticalInformationSequence = [isotope]
    return dataset


def factor(*images: Dataset) -> float | str:
    return suv_factor(images, Path("pet.dcm"))


def test_after_one_half_life_half_the_dose_is_left() -> None:
    """74,000 g / 185 MBq = 4e-4 ml/Bq."""
    assert factor(image()) == pytest.approx(4e-4, rel=1e-9)


def test_corrected_to_the_injection_nothing_decays() -> None:
    assert factor(image(DecayCorrection="ADMIN")) == pytest.approx(2e-4, rel=1e-9)


def test_bed_positions_acquired_later_share_the_series_time() -> None:
    later = image(AcquisitionTime="123000")
    assert factor(image(), later) == factor(later, image()) == pytest.approx(4e-4, rel=1e-9)


def test_an_injection_before_midnight() -> None:
    scan = image(
        {"RadiopharmaceuticalStartTime": "230000"},
        SeriesDate="20240302", SeriesTime="004946.2", AcquisitionDate="20240302", AcquisitionTime="004946.2",
    )  # fmt: skip
    assert factor(scan) == pytest.approx(4e-4, rel=1e-9)


def test_a_full_date_of_injection_goes_before_the_time_alone() -> None:
    tracer = {
        "RadiopharmaceuticalStartDateTime": "20240301100000.000000+0100",
        "RadiopharmaceuticalStartTime": "030000",
    }
    assert factor(image(tracer)) == pytest.approx(4e-4, rel=1e-9)


def test_a_series_written_later_takes_its_reference_from_the_acquisition() -> None:
    """FrameReferenceTime is the average-count-rate time of the first frame, so that the scan began at 11:49:46.2."""
    average = 59_936.85  # ≈ d/2 − λd²/24 = 60 − 0.0631 s for d = 120 s of ¹⁸F
    scan = image(SeriesTime="180000", FrameReferenceTime=average)
    assert factor(scan) == pytest.approx(4e-4, rel=1e-6)
    said = factor(image(SeriesTime="180000", FrameReferenceTime=None))
    assert isinstance(said, str)
    assert "FrameReferenceTime" in said


def test_counts_with_the_vendor_s_factors() -> None:
    scan = image(Units="CNTS")
    block = scan.private_block(0x7053, "Philips PET Private Group", create=True)
    block.add_new(0x00, "DS", "0.001")
    assert factor(scan) == pytest.approx(1e-3)
    block.add_new(0x09, "DS", "2.0")
    assert factor(scan) == pytest.approx(8e-4, rel=1e-9)


@pytest.mark.parametrize(
    ("tags", "tracer", "word"),
    [
        ({"Units": "CNTS"}, {}, "BQML"),
        ({"Units": "GML"}, {}, "BQML"),
        ({"Units": None}, {}, "missing"),
        ({"CorrectedImage": ["DECY"]}, {}, "ATTN"),
        ({"CorrectedImage": ["ATTN"]}, {}, "DECY"),
        ({"DecayCorrection": "NONE"}, {}, "DecayCorrection"),
        ({"DecayCorrection": None}, {}, "DecayCorrection"),
        ({"PatientWeight": None}, {}, "PatientWeight"),
        ({"PatientWeight": 0}, {}, "PatientWeight"),
        ({}, {"RadionuclideTotalDose": 370}, "TotalDose"),  # MBq
        ({}, {"RadionuclideTotalDose": None}, "TotalDose"),
        ({}, {"RadionuclideHalfLife": 0}, "HalfLife"),
        ({}, {"RadiopharmaceuticalStartTime": None}, "injection"),
        ({}, {"RadiopharmaceuticalStartDateTime": "20240225100000"}, "before the scan"),
        ({"AcquisitionTime": None}, {}, "AcquisitionTime"),
    ],
)
def test_anything_else_is_refused_with_its_reason(tags: dict[str, Any], tracer: dict[str, Any], word: str) -> None:
    said = factor(image(tracer, **tags))
    assert isinstance(said, str)
    assert word in said
