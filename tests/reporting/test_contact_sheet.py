from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from medtransfer.reporting.contact_sheet import contact_sheet


def opened(png: bytes) -> np.ndarray:
    image = Image.open(io.BytesIO(png))
    assert image.format == "PNG"
    return np.asarray(image)


def test_one_tile_a_picture_in_rows() -> None:
    pictures = [np.full((40, 40), 1.0) for _ in range(7)]
    sheet = opened(contact_sheet(pictures, [f"case {i}" for i in range(7)], columns=3, tile=50))
    assert sheet.shape == (12 + 3 * (50 + 32), 12 + 3 * 62, 3)
    assert (sheet == 255).all(axis=2).sum() == 7 * 50 * 50


def test_proportions_and_colour_are_kept() -> None:
    red = np.zeros((20, 40, 3), dtype=np.float32)
    red[..., 0] = 1
    sheet = opened(contact_sheet([red], ["wide"], tile=100))
    where = np.argwhere((sheet == (255, 0, 0)).all(axis=2))
    assert tuple(np.ptp(where, axis=0) + 1) == (50, 100)


def test_same_pictures_same_bytes() -> None:
    pictures = [np.random.default_rng(0).random((30, 20))]
    assert contact_sheet(pictures, ["a"]) == contact_sheet(pictures, ["a"])


def test_captions_stay_in_their_tile_whatever_they_are() -> None:
    dark = [np.zeros((8, 8)), np.zeros((8, 8))]
    sheet = opened(contact_sheet(dark, ["W" * 5000, ""], columns=2, tile=60))
    alone = opened(contact_sheet(dark, ["", ""], columns=2, tile=60))
    changed = np.argwhere((sheet != alone).any(axis=2))
    assert changed[:, 1].max() <= 12 + 60
    assert contact_sheet(dark, ["\x1b[2J\n", "肺炎"])


def test_letters_stand_at_their_edges_and_can_be_read_on_black_and_on_white() -> None:
    for shade in (0.0, 1.0):
        picture = [np.full((8, 8), shade)]
        bare = opened(contact_sheet(picture, [""], tile=100))
        for i, (row, column) in enumerate([(0, 1), (1, 2), (2, 1), (1, 0)]):
            letters = tuple("A" if i == j else "" for j in range(4))
            marked = opened(contact_sheet(picture, [""], letters=[letters], tile=100))  # pyright: ignore[reportArgumentType]
            where = np.argwhere((marked != bare).any(axis=2)) - 12
            assert len(where)
            centre = where.mean(axis=0)
            assert (centre // (100 / 3)).tolist() == [row, column]
            values = marked[tuple((where + 12).T)].astype(int).sum(axis=1)
            assert values.max() - values.min() > 400, "bright letters with a dark outline"


def test_places_stand_on_a_line_of_their_own() -> None:
    dark = [np.zeros((8, 8))]
    bare, placed = (opened(contact_sheet(dark, ["name"], places=[place], tile=100)) for place in ("", "slice 12 of 30"))
    assert placed.shape[0] > bare.shape[0]
    assert (placed[: bare.shape[0] - 12] == bare[:-12]).mean() > 0.99
    assert (placed[bare.shape[0] - 12 :] > 100).any()


def test_a_long_caption_keeps_its_beginning_and_its_end() -> None:
    names = ["study-000000000000000000000000001.dcm", "study-000000000000000000000000002.dcm"]
    one, two = (opened(contact_sheet([np.zeros((4, 4))], [name], tile=100)) for name in names)
    assert (one != two).any()


@pytest.mark.parametrize(
    "picture",
    [
        np.zeros((4, 4), dtype=np.uint8),
        np.zeros((4, 4, 4)),
        np.zeros((0, 4)),
        np.full((4, 4), 1.5),
        np.full((4, 4), -0.1),
        np.full((4, 4), np.nan),
    ],
)
def test_what_is_no_picture_is_refused(picture: np.ndarray) -> None:
    with pytest.raises(ValueError, match="picture 0"):
        contact_sheet([picture], ["x"])


def test_captions_must_match() -> None:
    with pytest.raises(ValueError, match="1 pictures, 2 captions"):
        contact_sheet([np.zeros((2, 2))], ["a", "b"])
    with pytest.raises(ValueError, match="1 pictures, 1 captions, 0 places, 2 sets"):
        contact_sheet([np.zeros((2, 2))], ["a"], letters=[("", "", "", "")] * 2)
    with pytest.raises(ValueError, match="0 pictures"):
        contact_sheet([], [])
