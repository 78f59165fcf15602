"""A bundle is what was written, to the bit, or it is refused; no torch is needed to say so."""

from __future__ import annotations

import hashlib
import json
import math
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from safetensors.numpy import save

from medtransfer.core.errors import BundleError
from medtransfer.models import bundle as bundle_module
from medtransfer.models.bundle import MANIFEST, SUMS, read_bundle, write_bundle

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from medtransfer.models.bundle import Bundle, Manifest

FILE = "network.safetensors"


def _tensors() -> dict[str, np.ndarray]:
    generator = np.random.default_rng(0)
    return {
        "a.weight": generator.normal(size=(3, 4)).astype(np.float32),
        "a.bias": np.array([0.0, -0.0, np.inf, np.nan, 1e-45], dtype=np.float32),
        "a.num_batches_tracked": np.array(2**40, dtype=np.int64),
        "empty": np.empty((0, 2), dtype=np.float32),
    }


@pytest.fixture
def written(tmp_path: Path, manifest: Manifest) -> Bundle:
    return write_bundle(tmp_path / "bundle", manifest, {FILE: _tensors()})


def _refused(folder: Path) -> BundleError:
    with pytest.raises(BundleError) as caught:
        read_bundle(folder)
    assert caught.value.hint
    return caught.value


def _rewrite(folder: Path, edit: Callable[[dict[str, Any]], object]) -> None:
    """Edit the manifest as somebody would who also repairs the digests."""
    path = folder / MANIFEST
    raw = json.loads(path.read_text())
    edit(raw)
    _replace_manifest(path.parent, json.dumps(raw).encode())


def test_tensors_come_back_to_the_bit(written: Bundle) -> None:
    again = read_bundle(written.folder)
    found = again.tensors(again.manifest.members[0])
    expected = _tensors()
    assert found.keys() == expected.keys()
    for name, value in found.items():
        assert value.dtype == expected[name].dtype
        assert value.shape == expected[name].shape
        assert value.tobytes() == expected[name].tobytes()


def test_the_manifest_comes_back_with_digests_filled_in(written: Bundle, manifest: Manifest) -> None:
    again = read_bundle(written.folder).manifest
    digest = hashlib.sha256((written.folder / FILE).read_bytes()).hexdigest()
    member = manifest.members[0].model_copy(update={"sha256": digest})
    assert again.members == (member,)
    assert again.operating_point == manifest.operating_point
    assert again.model_copy(update={"members": (), "training": None}) == manifest.model_copy(
        update={"members": (), "training": None}
    )
    assert float(again.training.plan["objective"]["trade_off"]) == math.inf, "λ = ∞ does not become null"


def test_the_identity_is_the_digest_of_the_manifest(written: Bundle) -> None:
    expected = hashlib.sha256((written.folder / MANIFEST).read_bytes()).hexdigest()
    assert written.sha256 == read_bundle(written.folder).sha256 == expected


def test_the_same_content_has_the_same_identity(written: Bundle, tmp_path: Path, manifest: Manifest) -> None:
    assert write_bundle(tmp_path / "other", manifest, {FILE: _tensors()}).sha256 == written.sha256


def test_any_flipped_bit_of_the_network_is_refused(written: Bundle) -> None:
    path = written.folder / FILE
    whole = path.read_bytes()
    generator = np.random.default_rng(1)
    for place in generator.integers(0, 8 * len(whole), size=30).tolist():
        path.write_bytes(_flipped(whole, place))
        assert _refused(written.folder).code == "Altered"
        with pytest.raises(BundleError) as caught:
            written.tensors(written.manifest.members[0])
        assert caught.value.code == "Altered", "also where it changes after the bundle was opened"
    path.write_bytes(whole)
    assert read_bundle(written.folder).sha256 == written.sha256


def test_any_flipped_bit_of_the_manifest_is_refused(written: Bundle) -> None:
    path = written.folder / MANIFEST
    whole = path.read_bytes()
    generator = np.random.default_rng(2)
    for place in generator.integers(0, 8 * len(whole), size=60).tolist():
        path.write_bytes(_flipped(whole, place))
        with pytest.raises(BundleError) as raised:
            read_bundle(written.folder)
        assert raised.value.code == "Altered"


def test_a_manifest_that_was_changed_together_with_its_digest_is_another_bundle(written: Bundle) -> None:
    """Nothing stands above the digests to vouch for them: what is guaranteed is another identity."""
    content = (written.folder / MANIFEST).read_bytes().replace(b'"threshold": 0.25', b'"threshold": 0.26')
    assert content != (written.folder / MANIFEST).read_bytes()
    _replace_manifest(written.folder, content)
    assert read_bundle(written.folder).sha256 != written.sha256


@pytest.mark.parametrize("content", [None, b"", b"junk", b"\xff", b"0  another.json\n"])
def test_digests_that_do_not_name_the_manifest_are_refused(written: Bundle, content: bytes | None) -> None:
    sums = written.folder / SUMS
    sums.unlink() if content is None else sums.write_bytes(content)
    with pytest.raises(BundleError) as raised:
        read_bundle(written.folder)
    assert raised.value.code == "BadBundle"


def _replace_manifest(folder: Path, content: bytes) -> None:
    """A manifest of any content, and a digest to go with it."""
    (folder / MANIFEST).write_bytes(content)
    (folder / SUMS).write_text(f"{hashlib.sha256(content).hexdigest()}  {MANIFEST}\n", encoding="ascii")


def _flipped(content: bytes, place: int) -> bytes:
    changed = bytearray(content)
    changed[place // 8] ^= 1 << (place % 8)
    return bytes(changed)


def test_a_folder_without_manifest_is_no_bundle(tmp_path: Path, written: Bundle) -> None:
    assert _refused(tmp_path).code == "NotABundle"
    assert _refused(tmp_path / "absent").code == "NotABundle"
    (written.folder / MANIFEST).unlink()
    assert _refused(written.folder).code == "NotABundle"


def test_a_missing_part_is_refused(written: Bundle) -> None:
    (written.folder / FILE).unlink()
    error = _refused(written.folder)
    assert (error.code, error.path) == ("BadBundle", str(written.folder / FILE))


@pytest.mark.parametrize("size", [0, 7, 100])
def test_a_part_cut_short_is_refused(written: Bundle, size: int) -> None:
    (written.folder / FILE).write_bytes((written.folder / FILE).read_bytes()[:size])
    assert _refused(written.folder).code == "Altered"


@pytest.mark.parametrize("version", [0, 4, 6, "5", None])
def test_another_schema_version_is_refused_by_number(written: Bundle, version: object) -> None:
    _rewrite(written.folder, lambda raw: raw.update(schema_version=version))
    error = _refused(written.folder)
    assert error.code == "OtherSchema"
    assert repr(version) in error.message


@pytest.mark.parametrize(
    "file",
    [
        "../network.safetensors",
        "/etc/passwd",
        "sub/network.safetensors",
        "..\\network.safetensors",
        "network.safetensors\n",
        "network.safetensors\x00",
        "bundle.json",
        "",
    ],
)
def test_no_path_leaves_the_folder(written: Bundle, file: str) -> None:
    outside = written.folder.parent / FILE
    outside.write_bytes((written.folder / FILE).read_bytes())
    _rewrite(written.folder, lambda raw: raw["members"][0].update(file=file))
    assert _refused(written.folder).code == "BadBundle"


@pytest.mark.parametrize(
    "edit",
    [
        lambda raw: raw.update(members=[]),
        lambda raw: raw.update(unknown=1),
        lambda raw: raw.pop("classes"),
        lambda raw: raw["preprocess"].update(size=1),
        lambda raw: raw["members"][0]["input"].update(std=[0, 1, 1]),
    ],
)
def test_a_manifest_of_another_form_is_refused(written: Bundle, edit: Callable[[dict[str, Any]], object]) -> None:
    _rewrite(written.folder, edit)
    assert _refused(written.folder).code == "BadBundle"


@pytest.mark.parametrize("content", [b"", b"\xff", b"{", b"[" * 100_000, b'{"schema_version": 1' + b"0" * 5000])
def test_a_manifest_that_is_no_json_is_refused(written: Bundle, content: bytes) -> None:
    _replace_manifest(written.folder, content)
    assert _refused(written.folder).code == "BadBundle"


@pytest.mark.parametrize("content", [b"[]", b"1", b"null", b"{}"])
def test_json_that_is_no_manifest_has_no_known_schema(written: Bundle, content: bytes) -> None:
    _replace_manifest(written.folder, content)
    assert _refused(written.folder).code == "OtherSchema"


def _odd_tensors() -> bytes:
    """A tensor of a kind that NumPy does not have."""
    header = json.dumps({"a": {"dtype": "BF16", "shape": [2], "data_offsets": [0, 4]}}).encode()
    return len(header).to_bytes(8, "little") + header + b"\0" * 4


@pytest.mark.parametrize("content", [b"", b"\0" * 8, b"\xff" * 64, save(_tensors())[:-3], _odd_tensors()], ids=range(5))
def test_a_part_that_is_no_safetensors_is_refused_though_its_digest_is_right(written: Bundle, content: bytes) -> None:
    (written.folder / FILE).write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    _rewrite(written.folder, lambda raw: raw["members"][0].update(sha256=digest))
    bundle = read_bundle(written.folder)
    with pytest.raises(BundleError) as caught:
        bundle.tensors(bundle.manifest.members[0])
    assert caught.value.code == "BadBundle"


def test_an_interrupted_write_leaves_no_valid_bundle(
    written: Bundle, manifest: Manifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(bundle_module, "save_file", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_bundle(written.folder, manifest, {FILE: _tensors()})
    assert _refused(written.folder).code == "NotABundle"
    assert not list(written.folder.glob(".*")), "nothing half-written lies about"


def test_no_torch_is_needed(written: Bundle) -> None:
    program = (
        "import sys\n"
        "from medtransfer.models.bundle import read_bundle\n"
        "bundle = read_bundle(sys.argv[1])\n"
        "assert bundle.tensors(bundle.manifest.members[0])['a.weight'].shape == (3, 4)\n"
        "assert 'torch' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program, str(written.folder)], check=True, timeout=120)
