"""Laws of pixel reading: the values that were written, or pydicom's own, bit for bit; or one typed error."""

from __future__ import annotations

import os
import struct
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import imagecodecs
import numpy as np
import pydicom
import pytest
from hypothesis import given as drawn
from hypothesis import settings as trials
from hypothesis import strategies as st
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.pixels import apply_color_lut
from pydicom.uid import UID

from medtransfer.core.config.data import ReadConfig
from medtransfer.core.errors import ReadError
from medtransfer.data.dicom.pixels import available_syntaxes, pixel_source, stored_values
from medtransfer.data.dicom.source import PixelSource
from medtransfer.data.dicom.stream import stream_facts

LITTLE, BIG = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"
RLE, JPEG, JPEG_12 = "1.2.840.10008.1.2.5", "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51"
JPEG_LOSSLESS, JPEG_LS, JPEG_2000 = (f"1.2.840.10008.1.2.4.{number}" for number in (70, 80, 90))
UNDEFINED = 0xFFFFFFFF

GREY = (np.arange(24 * 20, dtype=np.uint16) * 8).reshape(24, 20)


def item(content: bytes, tag: bytes = b"\xfe\xff\x00\xe0") -> bytes:
    return tag + struct.pack("<I", len(content)) + content


def encapsulated(*fragments: bytes, table: bytes = b"", end: bool = True) -> bytes:
    last = item(b"", b"\xfe\xff\xdd\xe0") if end else b""
    return item(table) + b"".join(item(fragment + b"\0" * (len(fragment) % 2)) for fragment in fragments) + last


def source(path: Path, value: bytes, **said: Any) -> PixelSource:
    """A file that holds nothing but the value of its pixel data."""
    path.write_bytes(value)
    facts = {
        "syntax": LITTLE,
        "keyword": "PixelData",
        "offset": 0,
        "held": len(value),
        "rows": 24,
        "columns": 20,
        "samples": 1,
        "allocated": 16,
        "stored": 16,
        "signed": False,
        "photometric": "MONOCHROME2",
        "planar": 0,
        "frames": 1,
        **said,
    }
    length = len(value) if facts["syntax"] in {LITTLE, BIG} else UNDEFINED
    return PixelSource(path=path, length=length, **facts)


def read(made: PixelSource, notes: list[str] | None = None) -> np.ndarray:
    frames = [made.at(frame) for frame in range(made.frames)]
    return stored_values(frames, settings=ReadConfig(), notes=[] if notes is None else notes)


def code_of(made: PixelSource) -> str:
    with pytest.raises(ReadError) as caught:
        read(made)
    assert caught.value.path == str(made.path)
    return caught.value.code


def jls(values: np.ndarray) -> bytes:
    return bytes(imagecodecs.jpegls_encode(values))


def j2k(values: np.ndarray) -> bytes:
    return bytes(imagecodecs.jpeg2k_encode(values, level=0, reversible=True, codecformat="j2k"))


def header_of(path: Path) -> SimpleNamespace | None:
    """What the header reader says of a file of pydicom's; None where it has no pixels or no syntax."""
    dataset = pydicom.dcmread(path, force=True)
    names = [name for name in ("PixelData", "FloatPixelData", "DoubleFloatPixelData") if name in dataset]
    syntax = dataset.file_meta.get("TransferSyntaxUID") if hasattr(dataset, "file_meta") else None
    if not names or syntax is None:
        return None
    element = dataset[names[0]]
    at = -1 if syntax == "1.2.840.10008.1.2.1.99" else int(element.file_tell or 0)
    return SimpleNamespace(
        dataset=dataset,
        syntax=str(syntax),
        pixel_keyword=names[0],
        pixel_length=UNDEFINED if element.is_undefined_length else len(element.value),
        pixel_offset=at,
        held=path.stat().st_size - max(at, 0),
        notes=(),
    )


def pydicoms_values(dataset: Dataset, syntax: str) -> np.ndarray:
    values = dataset.pixel_array
    if dataset.PhotometricInterpretation == "PALETTE COLOR":
        values = apply_color_lut(values, dataset)[..., :3]
        if syntax == BIG and values.dtype.itemsize == 2:  # pydicom takes these words for little endian
            values = values.byteswap()
    return values


def differences(files: list[Path]) -> tuple[int, list[str]]:
    """How many files have the values that pydicom has, and the names of those that have others."""
    same, other = 0, []
    for path in files:
        try:
            header = header_of(path)
            wanted = None if header is None else pydicoms_values(header.dataset, header.syntax)
        except Exception:  # noqa: BLE001 - a file that pydicom cannot decode says nothing about us
            continue
        if header is None or wanted is None:
            continue
        first = pixel_source(header, path)  # type: ignore[arg-type]
        values = read(first)
        values = values[0] if first.frames == 1 else values
        equal = values.shape == wanted.shape and values.dtype == wanted.dtype.newbyteorder("=")
        if equal and np.array_equal(values, wanted, equal_nan=values.dtype.kind == "f"):
            same += 1
        else:
            other.append(path.name)
    return same, other


@pytest.mark.filterwarnings("ignore")  # pydicom's, about its own damaged files
def test_pydicoms_own_files_have_pydicoms_values() -> None:
    files = sorted(Path(pydicom.__file__).parent.joinpath("data/test_files").rglob("*.dcm"))
    same, other = differences(files)
    assert other == []
    assert same >= 40


@pytest.mark.real_data
@pytest.mark.filterwarnings("ignore")
def test_real_files_have_pydicoms_values() -> None:
    if "MEDTRANSFER_DATA" not in os.environ:
        pytest.skip("MEDTRANSFER_DATA does not say where the real data lie")
    same, other = differences(sorted(Path(os.environ["MEDTRANSFER_DATA"], "scans/pydicom_data").glob("*.dcm")))
    assert other == []
    assert same >= 60


@pytest.mark.real_data
@pytest.mark.filterwarnings("ignore")
def test_lossless_copies_have_the_values_of_their_originals() -> None:
    if "MEDTRANSFER_DATA" not in os.environ:
        pytest.skip("MEDTRANSFER_DATA does not say where the real data lie")
    folder = Path(os.environ["MEDTRANSFER_DATA"], "scans/pydicom_data")
    pairs = [(path, path.with_name(path.name.replace("J2KR", "UNCR"))) for path in sorted(folder.glob("*_J2KR.dcm"))]
    pairs = [pair for pair in pairs if pair[1].is_file()]
    assert pairs
    for compressed, plain in pairs:
        one, other = (read(pixel_source(header_of(path), path)) for path in (compressed, plain))
        np.testing.assert_array_equal(one, other, err_msg=compressed.name)


@trials(deadline=None, max_examples=60)
@drawn(
    stored=st.integers(1, 16),
    signed=st.booleans(),
    syntax=st.sampled_from([LITTLE, BIG]),
    seed=st.integers(0, 2**16),
)
def test_unused_bits_never_count(
    tmp_path_factory: pytest.TempPathFactory, stored: int, signed: bool, syntax: str, seed: int
) -> None:
    """Whatever stands above `BitsStored`: the value is that of the low bits, with their sign."""
    path = tmp_path_factory.mktemp("bits") / "a"
    words = np.random.default_rng(seed).integers(0, 2**16, (24, 20)).astype(np.uint16)
    value = words.astype(">u2" if syntax == BIG else "<u2").tobytes()
    (values,) = read(source(path, value, syntax=syntax, stored=stored, signed=signed))
    wanted = words.astype(np.int64) % 2**stored
    if signed:
        wanted -= (wanted >= 2 ** (stored - 1)) * 2**stored
    np.testing.assert_array_equal(values, wanted)
    assert values.dtype == (np.int16 if signed else np.uint16)


def test_one_bit_frames_need_not_begin_with_a_byte(tmp_path: Path) -> None:
    bits = np.random.default_rng(0).integers(0, 2, (3, 5, 5)).astype(np.uint8)
    value = np.packbits(bits.reshape(-1), bitorder="little").tobytes()
    made = source(tmp_path / "a", value, rows=5, columns=5, allocated=1, stored=1, frames=3)
    np.testing.assert_array_equal(read(made), bits)


def test_packed_twelve_bit_words(tmp_path: Path) -> None:
    """Two words a three bytes, low bits first: 0x123 and 0x456 are 23 61 45."""
    value = bytes.fromhex("236145") * 3
    made = source(tmp_path / "a", value, rows=1, columns=3, allocated=12, stored=12, frames=2)
    np.testing.assert_array_equal(read(made).reshape(-1), [0x123, 0x456] * 3)


def test_planes_of_colour_become_pixels_of_colour(tmp_path: Path) -> None:
    colours = np.random.default_rng(0).integers(0, 256, (2, 24, 20, 3)).astype(np.uint8)
    said = {"samples": 3, "allocated": 8, "stored": 8, "photometric": "RGB", "frames": 2}
    by_pixel = source(tmp_path / "a", colours.tobytes(), planar=0, **said)
    by_plane = source(tmp_path / "b", np.moveaxis(colours, -1, 1).tobytes(), planar=1, **said)
    for made in (by_pixel, by_plane):
        np.testing.assert_array_equal(read(made), colours)


def test_signed_and_unsigned_slices_share_a_type_that_holds_both(tmp_path: Path) -> None:
    high = np.full((24, 20), 60_000, np.uint16)
    low = np.full((24, 20), -1_000, np.int16)
    planes = [source(tmp_path / "a", high.tobytes()), source(tmp_path / "b", low.tobytes(), signed=True)]
    values = stored_values(planes, settings=ReadConfig(), notes=[])
    np.testing.assert_array_equal(values, [high, low])


@pytest.mark.parametrize(("syntax", "encode"), [(JPEG_LS, jls), (JPEG_2000, j2k)])
def test_a_compressed_series_is_the_series(tmp_path: Path, syntax: str, encode: Any) -> None:
    series = np.stack([np.roll(GREY, turn) for turn in range(20)])
    planes = [
        source(tmp_path / f"{number}", encapsulated(encode(plane)), syntax=syntax)
        for number, plane in enumerate(series)
    ]
    np.testing.assert_array_equal(stored_values(planes, settings=ReadConfig(), notes=[]), series)


def test_compressed_and_plain_slices_may_mix(tmp_path: Path) -> None:
    planes = [
        source(tmp_path / "a", encapsulated(jls(GREY)), syntax=JPEG_LS),
        source(tmp_path / "b", GREY.tobytes()),
        source(tmp_path / "c", encapsulated(j2k(GREY)), syntax=JPEG_2000),
    ]
    values = stored_values(planes, settings=ReadConfig(), notes=[])
    np.testing.assert_array_equal(values, [GREY] * 3)


def test_twelve_bit_jpeg_is_decoded(tmp_path: Path) -> None:
    stream = bytes(imagecodecs.jpeg8_encode(GREY, level=100, bitspersample=12))
    made = source(tmp_path / "a", encapsulated(stream), syntax=JPEG_12, stored=12)
    assert np.abs(read(made)[0].astype(int) - GREY).max() <= 16


def test_lossless_jpeg_is_decoded(tmp_path: Path) -> None:
    stream = bytes(imagecodecs.jpeg8_encode(GREY, lossless=True, bitspersample=16))
    np.testing.assert_array_equal(read(source(tmp_path / "a", encapsulated(stream), syntax=JPEG_LOSSLESS))[0], GREY)


def test_jpeg_colour_with_an_adobe_marker_is_converted_once(tmp_path: Path) -> None:
    colours = np.zeros((24, 20, 3), np.uint8) + np.array([200, 40, 90], np.uint8)
    stream = BytesIO()
    Image.fromarray(colours).save(stream, "JPEG", quality=98, subsampling=0)
    said = {"syntax": JPEG, "samples": 3, "allocated": 8, "stored": 8, "photometric": "YBR_FULL_422"}
    plain = stream.getvalue()
    adobe = plain[:2] + b"\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00\x01" + plain[2:]
    for number, content in enumerate((plain, adobe)):
        made = source(tmp_path / f"{number}", encapsulated(content), **said)
        assert np.abs(read(made)[0].astype(int) - colours).max() <= 4


def test_ten_thousand_fragments_are_one_frame(tmp_path: Path) -> None:
    values = np.random.default_rng(0).integers(0, 2**12, (160, 160)).astype(np.uint16)
    stream = jls(values)
    size = len(stream) // 10_000
    pieces = [stream[at : at + size] for at in range(0, 9_999 * size, size)] + [stream[9_999 * size :]]
    value = item(b"") + b"".join(map(item, pieces)) + item(b"", b"\xfe\xff\xdd\xe0")
    made = source(tmp_path / "a", value, syntax=JPEG_LS, rows=160, columns=160)
    np.testing.assert_array_equal(read(made)[0], values)


def test_a_wrong_offset_table_is_not_believed_where_fragments_tell(tmp_path: Path) -> None:
    streams = [jls(GREY), jls(GREY[::-1])]
    notes: list[str] = []
    made = source(tmp_path / "a", encapsulated(*streams, table=struct.pack("<2I", 0, 7)), syntax=JPEG_LS, frames=2)
    np.testing.assert_array_equal(read(made, notes), [GREY, GREY[::-1]])
    assert notes == ["OffsetTableIgnored: it contradicts the fragments"]


@pytest.mark.parametrize("extended", [False, True])
def test_an_offset_table_groups_fragments(tmp_path: Path, extended: bool) -> None:
    one, two = jls(GREY), jls(GREY[::-1])
    half = len(one) // 4 * 2
    pieces = (one[:half], one[half:], two)
    second = 8 + half + 8 + len(one) - half + len(one) % 2
    made = source(
        tmp_path / "a",
        encapsulated(*pieces, table=b"" if extended else struct.pack("<2I", 0, second)),
        syntax=JPEG_LS,
        frames=2,
        offsets=((0, len(one)), (second, len(two))) if extended else (),
    )
    notes: list[str] = []
    np.testing.assert_array_equal(read(made, notes), [GREY, GREY[::-1]])
    assert notes == []


def rle(*segments: bytes, starts: tuple[int, ...] | None = None) -> bytes:
    places = starts or tuple(64 + sum(map(len, segments[:number])) for number in range(len(segments)))
    return struct.pack("<16I", len(places), *places, *([0] * (15 - len(places)))) + b"".join(segments)


def test_rle_segments_hold_high_bytes_first(tmp_path: Path) -> None:
    """Two segments of 480 equal bytes: replicate runs of 128, 128, 128 and 96."""
    runs = [bytes([257 - count, byte]) for byte in (1, 2) for count in (128, 128, 128, 96)]
    stream = rle(b"".join(runs[:4]), b"".join(runs[4:]))
    values = read(source(tmp_path / "a", encapsulated(stream), syntax=RLE))
    np.testing.assert_array_equal(values, np.full((1, 24, 20), 0x0102))


@pytest.mark.parametrize(
    ("value", "said", "code"),
    [
        (encapsulated(rle(b"\x81\x01", starts=(64, 9_999))), {"syntax": RLE}, "Corrupt"),
        (encapsulated(rle(b"\x81\x01" * 8)), {"syntax": RLE}, "Corrupt"),
        (encapsulated(b"\x02\0\0\0"), {"syntax": RLE}, "Truncated"),
        (encapsulated(jls(GREY)), {"syntax": JPEG_LS, "rows": 25}, "Corrupt"),
        (encapsulated(jls(GREY)), {"syntax": JPEG_LS, "samples": 3, "photometric": "RGB"}, "Corrupt"),
        (encapsulated(jls(GREY)), {"syntax": JPEG_LS, "allocated": 8, "stored": 8}, "Corrupt"),
        (encapsulated(j2k(np.dstack([GREY] * 3))), {"syntax": JPEG_2000}, "Corrupt"),
        (encapsulated(GREY.tobytes()), {"syntax": JPEG_2000}, "Corrupt"),
        (encapsulated(jls(GREY)[:10]), {"syntax": JPEG_LS}, "Truncated"),
        (encapsulated(jls(GREY)[:200]), {"syntax": JPEG_LS}, "Corrupt"),
        (encapsulated(jls(GREY), end=False), {"syntax": JPEG_LS}, "Truncated"),
        (encapsulated(jls(GREY))[:100], {"syntax": JPEG_LS}, "Truncated"),
        (encapsulated(), {"syntax": JPEG_LS}, "Truncated"),
        (encapsulated(jls(GREY), jls(GREY)), {"syntax": JPEG_LS}, "ExtraPixels"),
        (encapsulated(jls(GREY)), {"syntax": JPEG_LS, "frames": 2}, "Truncated"),
        (encapsulated(b"\0" * 8, b"\0" * 8, b"\0" * 8), {"syntax": JPEG_LS, "frames": 2}, "Corrupt"),
        (b"\0" * 64, {"syntax": JPEG_LS}, "Corrupt"),
        (GREY.tobytes()[:-2], {}, "Truncated"),
        (GREY.tobytes(), {"frames": 2}, "Truncated"),
        (GREY.tobytes(), {"allocated": 24}, "BadPixels"),
        (b"", {"rows": 2**16, "columns": 2**16}, "SizeLimit"),
    ],
)
def test_damage_is_named(tmp_path: Path, value: bytes, said: dict[str, Any], code: str) -> None:
    assert code_of(source(tmp_path / "a", value, **said)) == code


def test_planes_of_different_shape_are_refused_by_the_odd_one(tmp_path: Path) -> None:
    planes = [source(tmp_path / "a", GREY.tobytes()), source(tmp_path / "b", GREY.tobytes(), rows=20, columns=24)]
    with pytest.raises(ReadError, match="planes of shape") as caught:
        stored_values(planes, settings=ReadConfig(), notes=[])
    assert (caught.value.code, caught.value.path) == ("BadPixels", str(tmp_path / "b"))


def test_an_error_names_the_frame(tmp_path: Path) -> None:
    made = source(tmp_path / "a", encapsulated(jls(GREY), jls(GREY[:5])), syntax=JPEG_LS, frames=2)
    with pytest.raises(ReadError, match="a: frame 2: header says"):
        read(made)


@pytest.mark.parametrize("entries", [200, 256, 1024])
@pytest.mark.parametrize("syntax", [LITTLE, BIG])
def test_palettes_of_any_length(tmp_path: Path, entries: int, syntax: str) -> None:
    """Indices outside the table take its ends."""
    rng = np.random.default_rng(0)
    tables = rng.integers(0, 2**16, (entries, 3)).astype(np.uint16)
    order = ">" if syntax == BIG else "<"
    indices = rng.integers(0, 2**11, (24, 20)).astype(np.uint16)
    path = tmp_path / "a"
    path.write_bytes(indices.astype(f"{order}u2").tobytes())
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = UID(syntax)
    dataset.Rows, dataset.Columns, dataset.SamplesPerPixel = 24, 20, 1
    dataset.BitsAllocated = dataset.BitsStored = 16
    dataset.PixelRepresentation, dataset.PhotometricInterpretation = 0, "PALETTE COLOR"
    for column, colour in enumerate(("Red", "Green", "Blue")):
        setattr(dataset, f"{colour}PaletteColorLookupTableDescriptor", [entries, 5, 16])
        setattr(dataset, f"{colour}PaletteColorLookupTableData", tables[:, column].astype(f"{order}u2").tobytes())
    header = SimpleNamespace(
        dataset=dataset, syntax=syntax, pixel_keyword="PixelData", pixel_length=960, pixel_offset=0, held=960
    )
    made = pixel_source(header, path)  # type: ignore[arg-type]
    wanted = tables[np.clip(indices.astype(int) - 5, 0, entries - 1)]
    np.testing.assert_array_equal(read(made)[0], wanted)
    assert made.photometric_now == "RGB"


@pytest.mark.parametrize(("encode", "bits"), [(jls, 16), (j2k, 16)])
def test_a_code_stream_declares_its_shape(encode: Any, bits: int) -> None:
    facts = stream_facts(encode(GREY))
    assert (facts.rows, facts.columns, facts.components) == (24, 20, 1)
    assert 12 <= facts.precision <= bits


def test_every_syntax_has_its_decoder_installed() -> None:
    assert all(available_syntaxes().values())
    assert len(available_syntaxes()) == 16
