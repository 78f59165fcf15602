"""Laws of the picture loader: the pixels that were saved, turned as EXIF says, or one typed error."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image
from reading import finding, loading

from medtransfer.core.config.data import ReadConfig
from medtransfer.core.errors import ReadError
from medtransfer.data.found import Item
from medtransfer.data.loaders import raster

if TYPE_CHECKING:
    from pathlib import Path

    from medtransfer.data.scan import Scan

GREY = np.arange(16 * 12, dtype=np.uint8).reshape(16, 12)
COLOUR = np.stack([GREY, GREY[::-1], np.full_like(GREY, 7)], axis=-1)


def save(path: Path, pixels: np.ndarray | Image.Image, **options: object) -> Path:
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    image.save(path, **options)  # type: ignore[arg-type]
    return path


def read_one(path: Path) -> Scan:
    (item,) = finding(raster, path).items
    return loading(raster, item)


def code_of(path: Path) -> str:
    found = finding(raster, path)
    if found.failed:
        (failure,) = found.failed
        return failure.error.code
    try:
        loading(raster, Item(paths=(path,), loader="raster"))
    except ReadError as error:
        return error.code if error.path == str(path) else "ErrorWithoutPath"
    return ""


@pytest.mark.parametrize("suffix", ["png", "tif"])
@pytest.mark.parametrize(("pixels", "highest"), [(GREY, 255), (COLOUR, 255), (GREY.astype(np.uint16) * 300, 65535)])
def test_lossless_formats_give_back_what_was_saved(
    tmp_path: Path, suffix: str, pixels: np.ndarray, highest: int
) -> None:
    scan = read_one(save(tmp_path / f"a.{suffix}", pixels))
    np.testing.assert_array_equal(scan.voxels, pixels)
    assert scan.voxels.dtype == pixels.dtype
    assert scan.presentation.stored_range == (0, highest)
    assert (scan.affine, scan.modality, scan.notes) == (None, "OT", ())


def test_every_mode_of_a_grey_picture_is_the_same_grey_picture(tmp_path: Path) -> None:
    grey = Image.fromarray(GREY)
    for mode in ("L", "LA", "RGB", "RGBA", "P"):
        scan = read_one(save(tmp_path / f"{mode}.png", grey.convert(mode)))
        np.testing.assert_array_equal(scan.voxels, GREY, err_msg=mode)


def test_one_bit_becomes_black_and_white(tmp_path: Path) -> None:
    scan = read_one(save(tmp_path / "a.png", Image.fromarray(GREY > 90)))
    np.testing.assert_array_equal(scan.voxels, np.where(GREY > 90, 255, 0))


def test_a_grey_jpeg_stored_as_rgb_is_grey(tmp_path: Path) -> None:
    path = save(tmp_path / "a.jpg", np.repeat(GREY[..., np.newaxis], 3, axis=-1), quality=95)
    assert read_one(path).voxels.shape == GREY.shape


def test_transparency_lies_over_black_and_is_noted(tmp_path: Path) -> None:
    alpha = np.where(GREY < 50, 0, 255).astype(np.uint8)
    scan = read_one(save(tmp_path / "a.png", np.dstack([COLOUR, alpha])))
    np.testing.assert_array_equal(scan.voxels, np.where((GREY < 50)[..., np.newaxis], 0, COLOUR))
    assert scan.notes == ("TransparencyOverBlack",)


@pytest.mark.parametrize(("orientation", "turns"), [(1, 0), (3, 2), (6, 3), (8, 1)])
def test_exif_orientation_is_applied(tmp_path: Path, orientation: int, turns: int) -> None:
    """Orientation 6: turn the stored picture a quarter clockwise to see it right."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    scan = read_one(save(tmp_path / "a.png", GREY, exif=exif))
    np.testing.assert_array_equal(scan.voxels, np.rot90(GREY, turns))


@pytest.mark.parametrize("depth", [8, 16])
def test_white_is_zero_is_shown_the_right_way_round(tmp_path: Path, depth: int) -> None:
    """Pillow turns 8-bit values itself and leaves 16-bit ones as they are."""
    pixels = GREY if depth == 8 else GREY.astype(np.uint16) * 256
    scan = read_one(save(tmp_path / "a.tif", pixels, tiffinfo={262: 0}))
    shown = scan.voxels.astype(int)
    if scan.presentation.inverted:
        shown = scan.presentation.stored_range[1] - shown
    raw_is_bright_when_low = shown[0, 0] > shown[-1, -1]
    assert scan.presentation.inverted is (depth == 16)
    assert raw_is_bright_when_low or depth == 8


def test_contents_count_and_not_the_suffix(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", GREY).rename(tmp_path / "a.jpg")
    assert read_one(path).notes == ("SuffixConflict: the content is PNG",)
    bare = path.rename(tmp_path / "picture")
    np.testing.assert_array_equal(read_one(bare).voxels, GREY)


def test_dicom_files_are_left_to_their_own_loader(tmp_path: Path) -> None:
    dual = b"II*\0" + bytes(124) + b"DICM" + bytes(100)
    (tmp_path / "dual.tif").write_bytes(dual)
    save(tmp_path / "a.png", GREY).rename(tmp_path / "renamed.dcm")
    found = finding(raster, tmp_path)
    assert (found.items, found.failed, found.excluded) == ((), (), ())


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "EmptyFile"),
        (b"<html><body>Not found</body></html>", "WrongFormat"),
        (b"PK\x03\x04" + bytes(100), "WrongFormat"),
        (b"plain words", "WrongFormat"),
        (b"\x89PNG\r\n\x1a\n" + bytes(60), "Truncated"),
    ],
)
def test_wrong_content_is_named(tmp_path: Path, content: bytes, code: str) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(content)
    assert code_of(path) == code


@pytest.mark.parametrize("suffix", ["png", "jpg", "tif"])
def test_cut_anywhere_a_picture_is_typed_or_read_right(tmp_path: Path, suffix: str) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (48, 48), dtype=np.uint8)
    path = save(tmp_path / f"a.{suffix}", noise)
    whole, content = read_one(path).voxels, path.read_bytes()
    codes = set()
    for cut in range(1, len(content), 61):
        path.write_bytes(content[:cut])
        code = code_of(path)
        codes.add(code)
        if not code:
            np.testing.assert_array_equal(read_one(path).voxels, whole)
    assert "Truncated" in codes
    assert codes <= {"Truncated", "WrongFormat", "Corrupt", ""}


def test_a_flipped_byte_in_a_png_is_corrupt(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", GREY)
    content = bytearray(path.read_bytes())
    content[content.index(b"IDAT") + 8] ^= 0xFF
    path.write_bytes(content)
    assert code_of(path) == "Corrupt"


def test_bombs_are_refused_before_decoding(tmp_path: Path) -> None:
    """60 bytes that claim 100,000 × 100,000 pixels."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", 100_000, 100_000, 8, 0, 0, 0, 0)
    path = tmp_path / "a.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b""))
    assert code_of(path) == "SizeLimit"
    (item,) = finding(raster, save(tmp_path / "b.png", GREY)).items
    with pytest.raises(ReadError, match="16 pixels, the limit is 100") as caught:
        raster.load(item, settings=ReadConfig(), max_pixels=100)
    assert caught.value.code == "SizeLimit"


def test_the_memory_limit_counts_bytes(tmp_path: Path) -> None:
    (item,) = finding(raster, save(tmp_path / "a.png", COLOUR)).items
    with pytest.raises(ReadError, match="576 bytes of pixels, the limit is 500") as caught:
        loading(raster, item, max_bytes=500)
    assert (caught.value.code, caught.value.path) == ("SizeLimit", str(item.path))


def test_a_picture_in_an_archive_is_the_same_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = save(tmp_path / "a.png", COLOUR).read_bytes()
    monkeypatch.setattr(raster, "opened", lambda _: BytesIO(content))
    inside = Item(paths=(tmp_path / "a.zip" / "a.png",), loader="raster")
    np.testing.assert_array_equal(loading(raster, inside).voxels, COLOUR)


def test_several_pages_are_refused(tmp_path: Path) -> None:
    page = Image.fromarray(GREY)
    path = save(tmp_path / "a.tif", page, save_all=True, append_images=[page])
    assert code_of(path) == "MultiFrame"


def test_colour_modes_without_a_plain_meaning_are_refused(tmp_path: Path) -> None:
    assert code_of(save(tmp_path / "a.jpg", Image.fromarray(COLOUR).convert("CMYK"))) == "BadPixels"
