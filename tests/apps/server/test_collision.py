"""Two volumes that differ in sixteen voxels, of which a cache keyed by a sample of the array takes one for the other.

They get two keys and two predictions, through the same queue and the same shelf.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from nifti_files import write_nifti

import medtransfer as mt
from apps.server.bundle import prediction
from apps.server.tickets import Tickets
from apps.server.voxels import Shelf
from apps.studies.folder import Study

if TYPE_CHECKING:
    from medtransfer.models.bundle import Bundle


def test_the_pair_gets_two_predictions_and_two_keys(bundle: Bundle, tmp_path: Path) -> None:
    volume = np.random.default_rng(3).integers(0, 200, (64, 256, 256)).astype(np.int16)
    lesion = volume.copy()
    lesion[30:32, 100:104, 100:102] += 3000
    assert (volume != lesion).sum() == 16
    found, views = [], []
    for name, voxels in (("plain", volume), ("lesion", lesion)):
        file = write_nifti(tmp_path / f"{name}.nii", voxels)
        seen = mt.view_study([file], bundle.manifest.read)
        views += seen.views
        study = Study(name=name, files=(file,), names=(file.name,))
        found.append(prediction(bundle, study, seen.sha256).result(120).probabilities["pneumonia"])
        again = mt.view_study([file], bundle.manifest.read)
        assert prediction(bundle, study, again.sha256).result(1).probabilities["pneumonia"] == found[-1]
    assert found[0] != found[1]
    assert views[0].key != views[1].key
    shelf = Shelf(2**28, Tickets().in_use)
    for view in views:
        shelf.put(view)
    for view in views:
        held = shelf.get(view.key)
        assert held is not None
        assert np.array_equal(held.voxels, view.voxels)
