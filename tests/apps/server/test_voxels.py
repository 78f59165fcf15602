"""Voxels: held once by their content, within a budget, and sent in the order that the viewer expects."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from nifti_files import write_nifti

import medtransfer as mt
from apps.server.voxels import CHUNK, Shelf, in_chunks
from medtransfer.core.config.data import ReadConfig
from medtransfer.prediction.viewing import middle_first

ORDER = Path(__file__).parents[3] / "apps" / "viewer" / "order.js"
SIZE = 6 * 5 * 4 * 2


def view(folder: Path, number: int, shape: tuple[int, ...] = (6, 5, 4)) -> mt.View:
    file = write_nifti(folder / f"{number}.nii", np.random.default_rng(number).integers(0, 99, shape).astype(np.int16))
    return mt.view_study([file], ReadConfig()).views[0]


def test_equal_content_is_held_once(tmp_path: Path) -> None:
    shelf = Shelf(10 * SIZE, set)
    (tmp_path / "other").mkdir()
    first, again = view(tmp_path, 1), view(tmp_path / "other", 1)
    shelf.put(first)
    shelf.put(again)
    assert shelf.held() == SIZE
    assert shelf.get(again.key) is first


def test_what_nobody_has_open_goes_first_and_the_longest_unused_of_it(tmp_path: Path) -> None:
    used: set[str] = set()
    shelf = Shelf(3 * SIZE, lambda: used)
    views = [view(tmp_path, number) for number in range(5)]
    for one in views[:3]:
        shelf.put(one)
    used.add(views[0].key)
    assert shelf.get(views[1].key)
    shelf.put(views[3])
    assert shelf.get(views[2].key) is None
    assert shelf.held() == 3 * SIZE
    assert shelf.get(views[0].key)
    assert shelf.get(views[1].key)
    used.update(one.key for one in (views[1], views[3]))
    with pytest.raises(mt.MedTransferError) as caught:
        shelf.put(views[4])
    assert caught.value.code == "Full"
    assert caught.value.hint
    assert shelf.held() == 3 * SIZE


def test_bytes_are_whole_little_endian_and_the_middle_comes_first(tmp_path: Path) -> None:
    one = view(tmp_path, 1, (300, 290, 5))
    chunks = list(in_chunks(one))
    assert max(map(len, chunks)) <= CHUNK
    sent = np.frombuffer(b"".join(chunks), dtype="<i2").reshape(one.voxels.shape)
    for place, index in enumerate(one.order()):
        assert np.array_equal(sent[place], one.voxels[index])


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
def test_server_and_viewer_agree_on_the_order() -> None:
    counts = [0, 1, 2, 3, 4, 5, 6, 7, 10, 300, 301]
    program = (
        f"import {{middleFirst}} from {json.dumps(ORDER.as_uri())}; "
        f"console.log(JSON.stringify({counts}.map((n) => middleFirst(n))))"
    )
    ran = subprocess.run(
        [str(shutil.which("node")), "--input-type=module", "-e", program], capture_output=True, text=True, check=True
    )
    assert json.loads(ran.stdout) == [list(middle_first(count)) for count in counts]
