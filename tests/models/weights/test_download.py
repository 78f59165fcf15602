"""What is fetched is what its digest says, and what was cut off is resumed."""

from __future__ import annotations

import hashlib
import io
import os
import urllib.request
from email.message import Message
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from loopback import Site, serving

from medtransfer.core.errors import WeightsError
from medtransfer.models.weights import download
from medtransfer.models.weights.download import TRIES, fetch

CONTENT = bytes(range(256)) * 40
DIGEST = hashlib.sha256(CONTENT).hexdigest()


def refused(site: Site, path: Path, *, sha256: str = DIGEST, url: str = "", largest: int = 2**20) -> WeightsError:
    with pytest.raises(WeightsError) as caught:
        fetch(url or site.url(), path, sha256=sha256, largest=largest)
    assert caught.value.hint
    assert not path.exists()
    return caught.value


@pytest.mark.parametrize("digest", [DIGEST, DIGEST[:8], DIGEST.upper()])
@pytest.mark.parametrize("length", [True, False])
def test_a_file_arrives_whole_and_once(tmp_path: Path, digest: str, length: bool) -> None:
    target = tmp_path / "made" / "weights.pth"
    with serving(Site(CONTENT, length=length)) as site:
        assert fetch(site.url(), target, sha256=digest) == target
        fetch(site.url(), target, sha256=digest)
    assert target.read_bytes() == CONTENT
    assert site.asked == [""], "what is there already is not fetched again"
    assert list(target.parent.iterdir()) == [target]


def test_a_connection_that_is_cut_off_is_taken_up_again(tmp_path: Path) -> None:
    target = tmp_path / "weights.pth"
    with serving(Site(CONTENT, cuts=[1000, 0, 300])) as site:
        fetch(site.url(), target, sha256=DIGEST)
    assert target.read_bytes() == CONTENT
    assert site.asked == ["", "bytes=1000-", "bytes=1000-", "bytes=1300-"]


def test_the_next_call_goes_on_where_the_last_one_failed(tmp_path: Path) -> None:
    target = tmp_path / "weights.pth"
    with serving(Site(CONTENT, cuts=[1000] + [0] * (TRIES - 1))) as site:
        assert refused(site, target).code == "DownloadFailed"
        site.asked.clear()
        fetch(site.url(), target, sha256=DIGEST)
    assert target.read_bytes() == CONTENT
    assert site.asked == ["bytes=1000-"]


@settings(max_examples=25, deadline=None)
@given(cuts=st.lists(st.integers(0, len(CONTENT)), max_size=TRIES - 1), ranges=st.booleans())
def test_wherever_it_is_cut_off_the_bytes_are_the_same(
    tmp_path_factory: pytest.TempPathFactory, cuts: list[int], ranges: bool
) -> None:
    target = tmp_path_factory.mktemp("cut") / "weights.pth"
    with serving(Site(CONTENT, cuts=cuts, ranges=ranges)) as site:
        fetch(site.url(), target, sha256=DIGEST)
    assert target.read_bytes() == CONTENT


def test_a_part_that_is_whole_needs_only_its_name(tmp_path: Path) -> None:
    (tmp_path / f".{DIGEST}.part").write_bytes(CONTENT)
    with serving(Site(CONTENT)) as site:
        fetch(site.url(), tmp_path / "weights.pth", sha256=DIGEST)
    assert (tmp_path / "weights.pth").read_bytes() == CONTENT


def test_other_content_is_refused_and_removed(tmp_path: Path) -> None:
    with serving(Site(CONTENT[:-1] + b"?")) as site:
        assert refused(site, tmp_path / "weights.pth").code == "Altered"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("length", [True, False])
def test_a_body_that_is_too_long_is_cut_off(tmp_path: Path, length: bool) -> None:
    with serving(Site(CONTENT, length=length)) as site:
        assert refused(site, tmp_path / "weights.pth", largest=len(CONTENT) - 1).code == "TooLarge"
    assert list(tmp_path.iterdir()) == []


def test_another_file_in_its_place_is_left_alone(tmp_path: Path) -> None:
    target = tmp_path / "weights.pth"
    target.write_text("somebody's notes")
    with serving(Site(CONTENT)) as site, pytest.raises(WeightsError) as caught:
        fetch(site.url(), target, sha256=DIGEST)
    assert caught.value.code == "FileExists"
    assert (target.read_text(), site.asked) == ("somebody's notes", [])


def test_nobody_there_is_said_in_our_words(tmp_path: Path) -> None:
    with serving(Site(CONTENT)) as site:
        pass
    assert refused(site, tmp_path / "weights.pth").code == "DownloadFailed"


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/w.pth", "ftp://example.org/w.pth", "file:///etc/passwd", "/etc/passwd", "https://",
        "https://[bad/w.pth", "http://127.0.0.1.example.org/w.pth", "data:,x", "",
    ],
)  # fmt: skip
def test_only_https_is_fetched(tmp_path: Path, url: str) -> None:
    with pytest.raises(WeightsError) as caught:
        fetch(url, tmp_path / "weights.pth", sha256=DIGEST)
    assert caught.value.code == "BadAddress"


@pytest.mark.parametrize(
    ("target", "code"),
    [
        ("http://example.org/w.pth", "BadAddress"),
        ("ftp://127.0.0.1/w.pth", "BadAddress"),
        ("file:///etc/passwd", "DownloadFailed"),
    ],
)
def test_a_redirect_leads_to_no_other_kind_of_address(tmp_path: Path, target: str, code: str) -> None:
    with serving(Site(CONTENT, redirect=target)) as site:
        assert refused(site, tmp_path / "weights.pth").code == code


def test_a_page_out_there_leads_to_no_server_of_this_machine(tmp_path: Path) -> None:
    with serving(Site(CONTENT)) as site:
        request = urllib.request.Request("https://example.org/w.pth")
        follow = download._SafeRedirects().redirect_request
        with pytest.raises(WeightsError) as caught:
            follow(request, io.BytesIO(), 302, "", Message(), site.url())
        assert follow(request, io.BytesIO(), 302, "", Message(), "https://example.com/w.pth") is not None
    assert caught.value.code == "BadAddress"
    assert site.asked == []


@pytest.mark.parametrize("kind", ["link", "second name", "folder", "pipe"])
def test_what_others_put_in_the_way_of_a_download_is_left_alone(tmp_path: Path, kind: str) -> None:
    notes, part = tmp_path / "notes.txt", tmp_path / f".{DIGEST}.part"
    notes.write_text("somebody's notes")
    match kind:
        case "link":
            part.symlink_to(notes)
        case "second name":
            part.hardlink_to(notes)
        case "folder":
            part.mkdir()
        case _:
            os.mkfifo(part)
    with serving(Site(CONTENT)) as site:
        assert refused(site, tmp_path / "weights.pth").code == "FileExists"
    assert (notes.read_text(), site.asked) == ("somebody's notes", [])


@pytest.mark.parametrize("digest", ["", "abc", "g" * 64, DIGEST + "0"])
def test_without_a_digest_nothing_is_fetched(tmp_path: Path, digest: str) -> None:
    with serving(Site(CONTENT)) as site:
        assert refused(site, tmp_path / "weights.pth", sha256=digest).code == "BadDigest"
    assert site.asked == []
