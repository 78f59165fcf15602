"""Nothing of a weight file is ever executed, and whatever is wrong with it is said in our words."""

from __future__ import annotations

import io
import json
import os
import pickle
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from torch import nn

from medtransfer.core.errors import WeightsError
from medtransfer.models.weights import load as weights_module
from medtransfer.models.weights.load import load_weights

if TYPE_CHECKING:
    from collections.abc import Callable

    from medtransfer.models.backbone import Backbone

    State = dict[str, torch.Tensor]
    Refused = Callable[..., WeightsError]
    WriteWeights = Callable[..., Path]
    WriteSidecar = Callable[..., Path]

PICKLE_PROTOCOL = pytest.mark.filterwarnings("ignore:Detected pickle protocol:UserWarning")
"""torch says so of files that are then refused, or where a damaged byte stands for the protocol."""


class Hostile:
    """Makes a folder as soon as something unpickles it."""

    def __init__(self, canary: Path) -> None:
        self.canary = canary

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.canary),)


def _legacy(content: object) -> bytes:
    buffer = io.BytesIO()
    torch.save(content, buffer, _use_new_zipfile_serialization=False)
    return buffer.getvalue()


def _zipped(content: object) -> bytes:
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()


@PICKLE_PROTOCOL
@pytest.mark.parametrize("write", [pickle.dumps, _legacy, _zipped])
@pytest.mark.parametrize("inside", [False, True])
def test_nothing_in_a_file_is_executed(
    toy: Callable[[], Backbone],
    toy_state: State,
    tmp_path: Path,
    write: Callable[[object], bytes],
    inside: bool,
    refused: Refused,
    weight_file: WriteWeights,
) -> None:
    canary = tmp_path / "canary"
    hostile = Hostile(canary)
    content = write({**toy_state, "extra": hostile} if inside else hostile)
    if write is pickle.dumps and not inside:
        pickle.loads(content)
        assert canary.is_dir(), "the file would do harm if it were unpickled"
        canary.rmdir()
    error = refused(toy(), weight_file(content))
    assert error.code == "BadWeights"
    assert not canary.exists()


@pytest.mark.parametrize("write", [_legacy, _zipped])
def test_a_pickled_module_is_never_opened(
    toy: Callable[[], Backbone], write: Callable[[object], bytes], refused: Refused, weight_file: WriteWeights
) -> None:
    assert refused(toy(), weight_file(write(nn.Linear(2, 2)))).code == "BadWeights"


@pytest.mark.parametrize(
    "content",
    [
        {"state_dict": {"stem.weight": torch.ones(2)}},
        {"stem.weight": [1.0, 2.0]},
        {0: torch.ones(2)},
        [torch.ones(2)],
        torch.ones(2),
        3,
    ],
)
def test_something_other_than_a_state_dict_is_refused(
    toy: Callable[[], Backbone], content: object, refused: Refused, weight_file: WriteWeights
) -> None:
    assert refused(toy(), weight_file(content)).code == "BadWeights"


@PICKLE_PROTOCOL
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00" * 64,
        b"PK\x03\x04 and no more",
        b"<!DOCTYPE html><html>404</html>",
        b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 46830571\n",
        b"\x80\x02",
        b"\x80\x04\x95\xff\xff\xff\xff\xff\xff\xff\x7f.",
        np.random.default_rng(0).bytes(512),
    ],
    ids=["empty", "zeros", "zip", "html", "lfs", "pickle", "frame", "noise"],
)
def test_junk_is_refused(
    toy: Callable[[], Backbone], content: bytes, refused: Refused, weight_file: WriteWeights
) -> None:
    assert refused(toy(), weight_file(content)).code == ("Truncated" if content.startswith(b"PK") else "BadWeights")


@pytest.mark.parametrize("write", [_legacy, _zipped])
@pytest.mark.parametrize("share", [0.3, 0.7, 0.99])
def test_a_file_cut_short_is_called_so_even_where_its_digest_is_that_of_the_rest(
    toy: Callable[[], Backbone],
    toy_state: State,
    write: Callable[[object], bytes],
    share: float,
    refused: Refused,
    weight_file: WriteWeights,
) -> None:
    content = write(toy_state)
    content = content[: int(share * len(content))]
    error = refused(toy(), weight_file(content))
    assert error.code == "Truncated"
    assert f"{len(content):,} bytes" in error.message


@PICKLE_PROTOCOL
@pytest.mark.parametrize("write", [_legacy, _zipped])
def test_a_damaged_file_with_its_own_digest_is_loaded_or_refused_and_nothing_else(
    toy: Callable[[], Backbone], toy_state: State, write: Callable[[object], bytes], weight_file: WriteWeights
) -> None:
    """The digest only says that the file is the one the sidecar means; parsing must hold on its own."""
    whole = write(toy_state)
    generator = np.random.default_rng(0)
    refused = 0
    for _ in range(60):
        content = bytearray(whole)
        for place in generator.integers(0, len(content), size=generator.integers(1, 4)):
            content[place] = generator.integers(0, 256)
        if generator.random() < 0.2:
            content = content[: generator.integers(0, len(content))]
        file = weight_file(bytes(content))
        try:
            load_weights(toy(), str(file), name="toy")
        except WeightsError:
            refused += 1
    assert refused > 5


@pytest.mark.parametrize(
    "odd",
    [
        torch.zeros(1).expand(10**6, 10**7),
        torch.empty(3, device="meta"),
        torch.eye(3).to_sparse(),
        torch.zeros(3, dtype=torch.complex128),
    ],
    ids=["forty terabytes", "no data", "sparse", "complex"],
)
@pytest.mark.parametrize("key", ["body.weight", "fc.weight"])
def test_tensors_that_are_not_stored_number_by_number_are_refused_in_the_head_too(
    toy: Callable[[], Backbone],
    toy_state: State,
    odd: torch.Tensor,
    key: str,
    refused: Refused,
    weight_file: WriteWeights,
) -> None:
    file = weight_file({**toy_state, key: odd})
    assert file.stat().st_size < 20_000
    error = refused(toy(), file)
    assert error.code == "NotPlain"
    assert key in error.message


def test_a_small_file_that_unfolds_is_refused_before_it_does(
    toy: Callable[[], Backbone], toy_state: State, refused: Refused, weight_file: WriteWeights
) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(_zipped(toy_state))) as whole, zipfile.ZipFile(packed, "w") as archive:
        for member in whole.namelist():
            archive.writestr(member, whole.read(member), zipfile.ZIP_DEFLATED)
    error = refused(toy(), weight_file(packed.getvalue()))
    assert (error.code, "packed" in error.message) == ("BadWeights", True)


def test_a_header_of_a_million_tensors_is_refused_unread(
    toy: Callable[[], Backbone], refused: Refused, weight_file: WriteWeights
) -> None:
    names = {f"t{index:07}": {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]} for index in range(300_000)}
    header = json.dumps(names).encode()
    error = refused(toy(), weight_file(len(header).to_bytes(8, "little") + header))
    assert (error.code, "names its tensors" in error.message) == ("BadWeights", True)


def test_a_files_names_are_shown_and_not_obeyed(
    toy: Callable[[], Backbone], toy_state: State, refused: Refused, weight_file: WriteWeights
) -> None:
    said = str(refused(toy(), weight_file({**toy_state, "\x1b[2J" + "A" * 10_000: torch.ones(1)})))
    assert "\\x1b[2JAAA" in said
    assert "\x1b" not in said
    assert len(said) < 1_000


def test_weights_are_opened_in_the_safe_way_only() -> None:
    source = Path(weights_module.__file__).read_text(encoding="utf-8")
    assert source.count("torch.load(path") == 1
    assert "weights_only=False" not in source
