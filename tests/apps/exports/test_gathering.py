"""From a reading to its report: the figures of the screens, this reader's words alone, whose files they are."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from pydicom import config

import medtransfer as mt
from apps.evidence import frequencies
from apps.exports.gathering import gathered
from apps.exports.sheet import sections
from medtransfer.core.keys import new_key
from tests.apps.conftest import write_radiograph
from tests.apps.exports.test_snapshot import view
from tests.apps.panels.conftest import operating_point, scored
from tests.manifests import make_manifest

if TYPE_CHECKING:
    from pathlib import Path

AT = datetime(2026, 7, 21, 9, 30, 5, 123456, tzinfo=UTC)
ME, OTHER = "a.reader@hospital.example", "b.reader@hospital.example"
STUDY, BUNDLE = "a3" * 32, "b4" * 32


def reading(
    files: tuple[Path, ...] = (),
    *,
    probabilities: dict[str, float] | None = None,
    prevalence: float | None = None,
    flags: tuple[str, ...] = (),
    unread: tuple[Any, ...] = (),
    key: Path | None = None,
    **manifest: Any,
) -> Any:
    fields = {"operating_point": operating_point(), "scored": (scored(),), **manifest}
    one = view(modality="DX", label="DX · PA")
    return SimpleNamespace(
        study=SimpleNamespace(name="study 17", files=files, names=tuple(file.name for file in files)),
        bundle=SimpleNamespace(manifest=make_manifest().model_copy(update=fields), sha256=BUNDLE),
        result=mt.StudyResult(
            probabilities=probabilities or {"normal": 0.27, "pneumonia": 0.73}, decision="", flags=flags, images=()
        ),
        settings=SimpleNamespace(key=key, clinic=SimpleNamespace(prevalence=prevalence, protocol="EK-2026/114")),
        views=SimpleNamespace(views=(one,), unread=unread, sha256=STUDY),
        person=SimpleNamespace(name=ME, roles=frozenset({"reader"})),
    )


def entry(number: int, kind: Any, who: str, *, bundle: str = BUNDLE, **said: Any) -> mt.ReviewEntry:
    return mt.ReviewEntry(
        number=number,
        at=f"2026-07-21T09:{number:02d}:00.000Z",
        who=who,
        kind=kind,
        study="study 17",
        study_sha256=STUDY,
        bundle_sha256=bundle,
        shown={},
        content=mt.Opinion(**said).as_content(),
        previous="0" * 64,
        digest="0" * 64,
    )


def test_it_says_what_the_screens_say() -> None:
    contents = gathered(reading(), (), shown={}, at=AT)
    (finding,) = contents.findings
    assert (finding.name, finding.probability, finding.said, finding.called) == ("pneumonia", 0.73, "0.73", True)
    assert finding.frequency == frequencies.natural(mt.natural_frequency(scored(), 0.73))
    assert "Called pneumonia: 0.73 is at or above the operating point 0.41." in finding.decision
    assert finding.performance[0].startswith("Sensitivity 0.90 (95 % interval 0.79–0.96), specificity 0.70")
    assert "optimistic" in finding.performance[1]
    assert contents.drawn_up == AT.replace(microsecond=0)
    assert (contents.protocol, contents.exported_by) == ("EK-2026/114", ME)
    assert (contents.study_sha256, contents.model.sha256) == (STUDY, BUNDLE)
    assert contents.picture is not None


def test_the_clinics_own_prevalence_is_followed() -> None:
    (finding,) = gathered(reading(prevalence=0.05), (), shown={}, at=AT).findings
    assert finding.frequency == frequencies.natural(mt.natural_frequency(scored(), 0.73, prevalence=0.05))
    assert "where 5 % of all have pneumonia" in finding.performance[2]


def test_without_scored_studies_there_is_no_interval_and_it_is_said() -> None:
    (finding,) = gathered(reading(scored=()), (), shown={}, at=AT).findings
    assert "gives no interval" in finding.frequency


def test_several_labels_are_several_findings() -> None:
    several = reading(
        probabilities={"effusion": 0.2, "mass": 0.6},
        classes=("effusion", "mass"),
        task="multilabel",
        positive=None,
        operating_point=None,
        operating_points={"mass": operating_point("mass")},
        scored=(),
        prevalence=0.1,
    )
    first, second = gathered(several, (), shown={}, at=AT).findings
    assert (first.name, first.called, first.decision) == ("effusion", None, "")
    assert (second.name, second.called) == ("mass", True)


def test_only_the_readers_own_last_words_beside_this_bundle_are_there() -> None:
    entries = (
        entry(1, "impression", ME, answer="normal", confidence=10),
        entry(2, "impression", ME, answer="pneumonia", confidence=80),
        entry(3, "impression", OTHER, answer="normal", confidence=99),
        entry(4, "impression", ME, bundle="c" * 64, answer="normal", confidence=20),
        entry(
            5, "feedback", ME, answer="normal", agreement="disagree", reasons=("too subtle to call",), remarks="Look."
        ),
    )
    contents = gathered(reading(), entries, shown={}, at=AT)
    (before,), (after,) = contents.impressions, contents.feedback
    assert [part for part in before.said if part] == ["pneumonia", "confidence 80 of 100"]
    assert (before.who, before.at) == (ME, "2026-07-21 09:02 UTC")
    assert [part for part in after.said if part] == ["normal", "disagree with the model", "too subtle to call", "Look."]
    said = [line.text for section in sections(contents) for line in section.lines]
    assert not any(OTHER in text or "99" in text.split() for text in said)


def test_patient_and_study_are_as_the_files_say_where_the_app_has_the_key(tmp_path: Path) -> None:
    file = _of_jane(tmp_path)
    new_key(tmp_path / "pseudonyms.key")
    contents = gathered(reading((file,), key=tmp_path / "pseudonyms.key"), (), shown={}, at=AT)
    subject = contents.subject
    assert (subject.name, subject.number, subject.birth_date, subject.sex) == ("Doe^Jane", "P1", "1965-02-03", "F")
    assert contents.study_date == "2026-07-20"
    assert [one.instance_uid for one in contents.instances] == ["1.2.3.4"]


@pytest.mark.parametrize("key", [None, "gone.key"])
def test_without_the_key_nothing_points_at_a_person(tmp_path: Path, key: str | None) -> None:
    """The DICOM objects do name their patient, as the study does that they join; `instances` is where it stands."""
    named = reading((_of_jane(tmp_path),), key=None if key is None else tmp_path / key)
    contents = gathered(named, (), shown={}, at=AT)
    said = " ".join(line.text for section in sections(contents) for line in section.lines)
    assert not any(word in said for word in ("Doe", "Jane", "P1", "1965"))
    assert "the app has no key of the pseudonyms" in said
    assert contents.subject.sex == "F"


def _of_jane(folder: Path) -> Path:
    return write_radiograph(
        folder / "a.dcm", PatientName="Doe^Jane", PatientBirthDate="19650203", PatientSex="F", StudyDate="20260720"
    )


def test_a_file_that_was_not_read_is_no_evidence(tmp_path: Path) -> None:
    files = tuple(write_radiograph(tmp_path / f"{n}.dcm", SOPInstanceUID=f"1.2.3.{n}") for n in (4, 5))
    lost = reading(files, unread=(SimpleNamespace(path=files[1], problem="x", by_rule=False),))
    contents = gathered(lost, (), shown={}, at=AT)
    assert [one.instance_uid for one in contents.instances] == ["1.2.3.4"]
    assert contents.images == "DX · PA · 2 files, 1 of them not read"


def test_what_the_reader_should_know_comes_along() -> None:
    contents = gathered(reading(flags=("several_images",)), (), shown={}, at=AT)
    assert "Several images were pooled into one probability." in contents.flags


@pytest.mark.parametrize(
    ("day", "shown"), [("", ""), ("19650203", "1965-02-03"), ("1965.02.03", "1965-02-03"), ("nonsense", "nonsense")]
)
def test_dates_are_written_as_people_write_them(
    tmp_path: Path, day: str, shown: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(config.settings, "reading_validation_mode", config.IGNORE)
    file = write_radiograph(tmp_path / "a.dcm", StudyDate=day)
    assert gathered(reading((file,)), (), shown={}, at=AT).study_date == shown
