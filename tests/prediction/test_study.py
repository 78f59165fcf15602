"""One study: what can be read is predicted, what cannot be is said, and nothing is raised."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from medtransfer.core.errors import CatalogueError
from medtransfer.prediction.predict import SEVERAL_IMAGES
from medtransfer.prediction.study import load_runtime, predict_study

if TYPE_CHECKING:
    from collections.abc import Callable

    from medtransfer.models.bundle import Bundle


@pytest.fixture
def picture(tmp_path: Path) -> Callable[..., Path]:
    def build(name: str, *, grey: int = 200, shape: tuple[int, ...] = (40, 32)) -> Path:
        pixels = np.full(shape, grey, dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / name)
        return tmp_path / name

    return build


def _junk(folder: Path) -> list[Path]:
    """Files that no loader can read, each in its own way."""
    contents = {
        "empty.png": b"",
        "junk.dcm": b"\x00" * 300,
        "magic.dcm": b"\x00" * 128 + b"DICM" + b"\xff" * 40,
        "html.jpg": b"<html>404</html>",
        "note.txt": b"a note",
        "cut.png": b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR",
    }
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return [*(folder / name for name in contents), folder / "absent.png"]


def test_a_readable_study_has_probabilities_decision_and_its_picture(
    bundle: Bundle, counting: Any, picture: Callable[..., Path]
) -> None:
    found = predict_study(counting(), bundle, [picture("a.png", shape=(40, 40))])
    assert list(found.probabilities) == list(bundle.manifest.classes)
    assert sum(found.probabilities.values()) == pytest.approx(1, abs=1e-12)
    logit = 10 * 200 / 255 - 5
    assert found.probabilities["pneumonia"] == pytest.approx(1 / (1 + np.exp(-logit)), rel=1e-4)
    assert found.decision == "pneumonia"
    (image,) = found.images
    assert image.problem == ""
    assert image.shown is not None
    assert image.shown.shape == (40, 40), "full resolution, not the network's"


def test_several_images_are_one_study(bundle: Bundle, counting: Any, picture: Callable[..., Path]) -> None:
    files = [picture("a.png", grey=0), picture("b.png", grey=255, shape=(32, 32)), picture("c.png", shape=(32, 32, 3))]
    found = predict_study(counting(), bundle, files)
    assert SEVERAL_IMAGES in found.flags
    assert [image.path for image in found.images] == files


def test_a_modality_the_network_was_not_trained_on_is_flagged(
    bundle: Bundle, counting: Any, picture: Callable[..., Path]
) -> None:
    file = picture("a.png")
    (image,) = predict_study(counting(), bundle, [file]).images
    flagged = predict_study(counting(), bundle, [file])
    assert f"untrained_modality_{image.modality}" in flagged.flags
    for known in ((image.modality, "DX"), ()):
        training = bundle.manifest.training.model_copy(update={"modalities": known})
        manifest = bundle.manifest.model_copy(update={"training": training})
        trained = type(bundle)(folder=bundle.folder, manifest=manifest, sha256=bundle.sha256)
        assert predict_study(counting(), trained, [file]).flags == ()


def test_what_cannot_be_read_is_a_problem_beside_what_can(
    bundle: Bundle, counting: Any, picture: Callable[..., Path], tmp_path: Path
) -> None:
    good = picture("good.png")
    files = [*_junk(tmp_path), good]
    network = counting()
    found = predict_study(network, bundle, files)
    assert [image.path for image in found.images] == files
    assert found.probabilities == predict_study(counting(), bundle, [good]).probabilities
    for image in found.images[:-1]:
        assert image.problem, image.path.name
        assert image.shown is None
    assert len(network.batches) == 1


def test_a_study_without_a_readable_image_has_no_answer(bundle: Bundle, counting: Any, tmp_path: Path) -> None:
    network = counting()
    for files in (_junk(tmp_path), []):
        found = predict_study(network, bundle, files)
        assert (found.probabilities, found.decision, found.flags) == ({}, "", ())
        assert len(found.images) == len(files)
    assert not network.batches


@pytest.mark.real_data
def test_damaged_scans_never_raise(bundle: Bundle, counting: Any) -> None:
    if "MEDTRANSFER_DATA" not in os.environ:
        pytest.skip("MEDTRANSFER_DATA does not point to the real data")
    folder = Path(os.environ["MEDTRANSFER_DATA"]) / "damaged" / "dicom"
    small = [file for file in sorted(folder.glob("*.dcm")) if file.stat().st_size < 200_000]
    assert len(small) > 20
    found = [predict_study(counting(), bundle, [file]) for file in small]
    assert all(len(study.images) == 1 for study in found)
    images = [study.images[0] for study in found] + list(predict_study(counting(), bundle, small).images)
    assert len(images) == 2 * len(small)
    assert any(image.problem for image in images)
    assert any(image.shown is not None for image in images)
    assert all((image.shown is None) == bool(image.problem) for image in images)


def test_an_unknown_runtime_is_refused_with_the_choices(bundle: Bundle) -> None:
    with pytest.raises(CatalogueError, match="eager") as caught:
        load_runtime(bundle, name="eagre")
    assert caught.value.code == "UnknownEntry"


def test_colour_before_a_network_of_grey_pictures_is_a_problem(
    bundle: Bundle, counting: Any, picture: Callable[..., Path]
) -> None:
    member = bundle.manifest.members[0].model_copy(update={"in_channels": 1})
    grey = replace(bundle, manifest=bundle.manifest.model_copy(update={"members": (member,)}))
    file = picture("c.png")
    Image.fromarray(np.full((32, 32, 3), (9, 80, 200), dtype=np.uint8)).save(file)
    found = predict_study(counting(), grey, [file, picture("a.png")])
    assert "colour" in found.images[0].problem
    assert found.probabilities == predict_study(counting(), grey, [picture("a.png")]).probabilities


MESSY = Path(__file__).parents[2] / "sample_data" / "messy"


def test_the_files_of_a_series_are_one_volume_in_the_order_they_lie_in(bundle: Bundle, counting: Any) -> None:
    """Named in another order than they lie, with their scout among them: as the folder is predicted."""
    network = counting()
    found = predict_study(network, bundle, sorted((MESSY / "head").iterdir()))
    ((scan,),) = network.batches[0]
    assert scan.planes.shape[0] == 6
    brightness = scan.planes.reshape(6, -1).mean(axis=1)
    assert (np.diff(brightness) > 0).all(), "its disc grows from slice to slice"
    assert found.probabilities == predict_study(counting(), bundle, [MESSY / "head"]).probabilities
    assert [bool(image.problem) for image in found.images].count(False) == 1
    assert any("LOCALIZER" in image.problem for image in found.images)


def test_several_patients_are_no_study(bundle: Bundle, counting: Any) -> None:
    network = counting()
    found = predict_study(network, bundle, [*sorted((MESSY / "head").iterdir()), MESSY / "disc.zip"])
    assert not found.probabilities
    assert not network.batches
    assert any("2 patients" in image.problem for image in found.images)
