"""Planted copies are found with the border they cross; what nobody planted is not."""

from __future__ import annotations

import csv
import hashlib
import io
import os
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy.ndimage import gaussian_filter

from medtransfer.data import duplicates as module
from medtransfer.data.duplicates import SIDE, Duplicates, Group, Look, Member, duplicates, pixel_digest, thumbnail
from medtransfer.data.inspection import inspect_place
from medtransfer.reporting.inspection_files import duplicates_csv

if TYPE_CHECKING:
    from collections.abc import Sequence


def anatomy(seed: int, side: int = 256) -> np.ndarray:
    """A picture with coarse and fine structure, in [0, 1]."""
    noise = np.random.default_rng(seed).normal(size=(side, side))
    mixed = gaussian_filter(noise, side / 10) * side / 16 + gaussian_filter(noise, side / 64)
    return ((mixed - mixed.min()) / np.ptp(mixed)).astype(np.float32)


def look(picture: np.ndarray, path: str, patient: str = "", split: str = "", label: str = "") -> Look:
    member = Member(path=path, patient=patient, split=split, label=label)
    return Look(member=member, digest=pixel_digest(picture), thumbnail=thumbnail(picture))


def paths(group: Group) -> list[str]:
    return [member.path for member in group.members]


def jpeg(picture: np.ndarray, scale: float = 1.0) -> np.ndarray:
    image = Image.fromarray((picture * 255).astype(np.uint8))
    image = image.resize((round(image.width * scale), round(image.height * scale)), Image.Resampling.BICUBIC)
    buffer = io.BytesIO()
    image.save(buffer, format="JPEG", quality=40)
    return np.asarray(Image.open(buffer), dtype=np.float32) / 255


@pytest.mark.parametrize(
    "dtype", [np.uint8, np.int16, np.uint16, np.int32, np.uint32, np.int64, np.float32, np.float64]
)
def test_the_digest_knows_values_and_shape_but_no_data_type(dtype: type) -> None:
    values = np.arange(120).reshape(10, 12)
    assert pixel_digest(values.astype(dtype)) == pixel_digest(values.astype(np.uint8))
    assert pixel_digest(values.reshape(12, 10).astype(dtype)) != pixel_digest(values.astype(dtype))
    other = values.copy()
    other[3, 4] += 1
    assert pixel_digest(other.astype(dtype)) != pixel_digest(values.astype(dtype))


def test_the_digest_of_fractions_and_of_what_is_no_number() -> None:
    halves = np.arange(12).reshape(3, 4) / 2
    assert pixel_digest(halves.astype(np.float32)) == pixel_digest(halves)
    assert pixel_digest(-0.0 * halves) == pixel_digest(0.0 * halves)
    odd = np.array([[np.nan, np.inf], [-np.inf, 1e300]])
    assert pixel_digest(odd) == pixel_digest(odd.copy())
    assert pixel_digest(odd) != pixel_digest(np.zeros((2, 2)))


def test_a_volume_and_its_slices_in_another_order_differ() -> None:
    volume = np.random.default_rng(0).integers(0, 4096, (5, 8, 9), dtype=np.int16)
    assert pixel_digest(volume) == pixel_digest(volume.astype(np.float32))
    assert pixel_digest(volume) != pixel_digest(volume[::-1])
    colour = np.random.default_rng(0).integers(0, 255, (4, 8, 9, 3), dtype=np.uint8)
    assert pixel_digest(colour) == pixel_digest(colour.astype(np.uint16))


def test_a_thumbnail_is_the_mean_of_areas() -> None:
    picture = anatomy(0)
    means = picture.reshape(SIDE, 8, SIDE, 8).mean(axis=(1, 3), dtype=np.float64).ravel()
    expected = (means - means.mean()) / np.linalg.norm(means - means.mean())
    found = thumbnail(picture)
    assert found is not None
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert thumbnail(np.full((50, 40), 0.3, np.float32)) is None
    grey = np.repeat(picture[..., np.newaxis], 3, axis=-1)
    again = thumbnail(grey)
    assert again is not None
    np.testing.assert_allclose(again, found, atol=1e-5)


@given(count=st.integers(0, 60), seed=st.integers(0, 2**32 - 1), smooth=st.floats(0, 3))
@settings(deadline=None, max_examples=30)
def test_independent_noise_holds_no_copies(count: int, seed: int, smooth: float) -> None:
    generator = np.random.default_rng(seed)
    noise = [gaussian_filter(generator.random((48, 40)).astype(np.float32), smooth) for _ in range(count)]
    stretched = [(n - n.min()) / np.ptp(n) for n in noise]
    found = duplicates([look(n, str(i)) for i, n in enumerate(stretched)])
    assert found == Duplicates(compared=count)


def test_planted_copies_are_found_worst_first() -> None:
    a, b, c, d = (anatomy(seed) for seed in range(4))
    found = duplicates(
        [
            *(look(anatomy(seed), f"alone{seed}", patient=f"X{seed}") for seed in range(10, 40)),
            look(a, "a1", "P1", "train", "ill"),
            look(a, "a2", "P1", "train", "ill"),
            look(b, "b1", "P2", "train", "ill"),
            look(jpeg(b, 0.7), "b2", "P3", "train", "ill"),
            look(c, "c1", "P4", "train", "ill"),
            look(jpeg(c), "c2", "P5", "test", "normal"),
            look(d, "d1", "P6"),
            look(d, "d2", ""),
        ]
    )
    assert [(group.kind, group.where, group.labels_differ, paths(group)) for group in found.groups] == [
        ("near", "across splits", True, ["c1", "c2"]),
        ("near", "across patients", False, ["b1", "b2"]),
        ("exact", "patient unknown", False, ["d1", "d2"]),
        ("exact", "within one patient", False, ["a1", "a2"]),
    ]
    assert found.counts() == {
        "exact": {"patient unknown": 1, "within one patient": 1},
        "near": {"across splits": 1, "across patients": 1},
    }
    assert all(0.99 <= group.correlation <= 1 for group in found.groups)
    assert (found.compared, found.flat) == (38, 0)


def test_mirrored_and_inverted_ones_are_named_and_not_counted_as_the_same() -> None:
    a, b = anatomy(0), anatomy(1)
    found = duplicates([look(a, "a"), look(a[:, ::-1], "mirror"), look(b, "b"), look(1 - b, "negative")])
    assert [(group.kind, paths(group)) for group in found.groups] == [
        ("mirrored", ["a", "mirror"]),
        ("inverted", ["b", "negative"]),
    ]


def test_a_near_group_names_every_exact_copy_in_it() -> None:
    a = anatomy(0)
    found = duplicates([look(a, "1"), look(a, "2"), look(jpeg(a), "3")])
    assert [(group.kind, paths(group)) for group in found.groups] == [("exact", ["1", "2"]), ("near", ["1", "2", "3"])]


def test_different_anatomy_with_one_outline_is_not_a_copy() -> None:
    """A shared bright outline makes averages alike; the fine structure tells them apart."""
    outline = gaussian_filter(np.pad(np.ones((64, 64)), 32), 6)
    several = [np.clip(outline * 0.9 + 0.02 * gaussian_filter(np.random.default_rng(i).normal(size=(128, 128)), 2) * 6,
                       0, 1).astype(np.float32) for i in range(6)]  # fmt: skip
    looks = [look(picture, str(i)) for i, picture in enumerate(several)]
    vectors = np.stack([one.thumbnail for one in looks if one.thumbnail is not None])
    assert (vectors @ vectors.T).min() > 0.99
    assert duplicates(looks).groups == ()


def test_volumes_are_compared_with_volumes_of_their_shape_only() -> None:
    shown = thumbnail(anatomy(0))
    looks = [
        Look(member=Member(path=str(i)), digest=str(i), group=shape, thumbnail=shown)
        for i, shape in enumerate([(), (30, 9, 9), (31, 9, 9), (30, 9, 9)])
    ]
    assert [paths(group) for group in duplicates(looks).groups] == [["1", "3"]]


def test_pictures_without_contrast_are_counted_and_not_compared() -> None:
    blank = np.zeros((20, 20), np.float32)
    found = duplicates([look(blank, "1"), look(blank, "2"), look(anatomy(0), "3")])
    assert found == Duplicates(compared=1, flat=2)


@pytest.mark.parametrize("block", [1, 3, 7, 1000])
def test_groups_do_not_depend_on_blocks_or_order(monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    pictures: Sequence[tuple[np.ndarray, str]] = [
        (anatomy(seed) if copy == 0 else jpeg(anatomy(seed), 1 - 0.1 * copy), f"{seed}{copy}")
        for seed in range(4)
        for copy in range(3)
    ]
    expected = {frozenset(f"{seed}{copy}" for copy in range(3)) for seed in range(4)}
    monkeypatch.setattr(module, "_BLOCK", block)
    for order in (range(12), np.random.default_rng(block).permutation(12)):
        found = duplicates([look(*pictures[i]) for i in order])
        assert {frozenset(paths(group)) for group in found.groups} == expected


def test_a_thousand_copies_are_one_group() -> None:
    generator = np.random.default_rng(0)
    base = anatomy(0, SIDE)
    looks = [look(base + generator.normal(0, 0.002, base.shape).astype(np.float32), str(i)) for i in range(1000)]
    (group,) = duplicates(looks).groups
    assert len(group.members) == 1000


def test_the_table_is_inert_and_names_no_patient() -> None:
    a = anatomy(0)
    hostile = ["=cmd|' /C calc'!A0", "+1", "@x\x1b[31m", "<script>"]
    found = duplicates([look(a, name, patient=f"SECRET{i // 2}", label=name) for i, name in enumerate(hostile)])
    text = duplicates_csv(found).decode()
    assert "SECRET" not in text
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["patient_in_group"] for row in rows] == ["1", "1", "2", "2"]
    assert {row["labels_differ"] for row in rows} == {"True"}
    for row in rows:
        assert all(cell.isprintable() and not cell.startswith(("=", "+", "-", "@")) for cell in row.values())


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("cohort", "groups"),
    [
        pytest.param(
            "kermany_cxr",
            {"exact": {"across patients": 1, "within one patient": 20}},
            marks=pytest.mark.slow,
        ),
        ("nih_cxr", {"exact": {"within one patient": 1}}),
        ("brain_mri", {"exact": {"patient unknown": 22}, "near": {"patient unknown": 17}}),
    ],
)
def test_copies_in_real_cohorts(cohort: str, groups: dict[str, dict[str, int]]) -> None:
    """Files with equal bytes are found, none across the split; no two patients are taken for one by likeness."""
    data = os.environ.get("MEDTRANSFER_DATA")
    if not data:
        pytest.skip("MEDTRANSFER_DATA is not set")
    place = Path(data) / "cohorts" / cohort
    found = inspect_place(place).duplicates
    by_bytes: dict[bytes, set[str]] = defaultdict(set)
    for file in (place / "images").rglob("*"):
        by_bytes[hashlib.sha256(file.read_bytes()).digest()].add(str(file.relative_to(place)))
    exact = [{member.path for member in group.members} for group in found.groups if group.kind == "exact"]
    for same in by_bytes.values():
        assert len(same) == 1 or any(same <= group for group in exact)
    assert found.counts() == groups
