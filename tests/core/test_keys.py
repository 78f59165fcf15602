"""Laws of the key's file: made once, for its owner alone, outside the outputs, and never guessed at."""

from __future__ import annotations

import errno
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from medtransfer.core.errors import KeyFileError
from medtransfer.core.files import write_text, written_whole
from medtransfer.core.keys import Key, default_key_place, key_at, new_key, read_key

posix = pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def refused(code: str, path: Path, *outputs: Path) -> KeyFileError:
    with pytest.raises(KeyFileError) as caught:
        key_at(path, outputs=outputs)
    assert caught.value.code == code
    assert caught.value.path == str(path)
    assert caught.value.hint
    return caught.value


@posix
@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077])
def test_a_new_key_is_for_its_owner_alone(tmp_path: Path, mask: int) -> None:
    place = tmp_path / "new" / "inner" / "pseudonyms.key"
    before = os.umask(mask)
    try:
        key = new_key(place)
    finally:
        os.umask(before)
    assert (mode(place), mode(place.parent), mode(place.parent.parent)) == (0o600, 0o700, 0o700)
    assert read_key(place) == key
    assert len(key.secret) == 32
    assert new_key(tmp_path / "second.key") != key


def test_a_key_is_found_again_and_never_replaced(tmp_path: Path) -> None:
    place = tmp_path / "a.key"
    key, is_new = key_at(place)
    assert is_new
    assert key_at(place) == (key, False)
    with pytest.raises(KeyFileError) as caught:
        new_key(place)
    assert caught.value.code == "KeyExists"
    assert read_key(place) == key


def test_the_secret_is_not_printed_and_its_id_tells_keys_apart(tmp_path: Path) -> None:
    one, other = new_key(tmp_path / "1"), new_key(tmp_path / "2")
    assert one.secret.hex() not in repr(one) + str(one) + one.id
    assert str(one.secret) not in repr(one)
    assert one.id != other.id
    assert one.id == Key(one.secret).id
    assert len(one.id) == 16


@posix
@pytest.mark.parametrize("bits", [0o640, 0o604, 0o620, 0o610, 0o666])
def test_what_others_may_use_is_refused_with_the_cure(tmp_path: Path, bits: int) -> None:
    place = tmp_path / "a.key"
    new_key(place)
    place.chmod(bits)
    assert "chmod 600" in (refused("KeyExposed", place).hint or "")
    place.chmod(0o600)
    read_key(place)


@posix
def test_links_are_refused_when_read_and_when_written(tmp_path: Path) -> None:
    new_key(tmp_path / "real.key")
    (tmp_path / "link.key").symlink_to(tmp_path / "real.key")
    refused("KeyExposed", tmp_path / "link.key")
    (tmp_path / "dangling.key").symlink_to(tmp_path / "target")
    with pytest.raises(KeyFileError):
        new_key(tmp_path / "dangling.key")
    assert not (tmp_path / "target").exists()


def test_a_key_inside_the_outputs_is_refused_and_not_made(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (tmp_path / "alias").symlink_to(out)
    for place in (out / "a.key", out / "deep" / "a.key", tmp_path / "alias" / "a.key", out / ".." / "out" / "a.key"):
        refused("KeyInOutput", place, tmp_path / "elsewhere", out)
    assert list(out.iterdir()) == []
    key_at(tmp_path / "outside.key", outputs=[out])


@pytest.mark.parametrize("content", [b"", b"x" * 32, b"medtransfer-key-1 " + b"0" * 63, b"\0" * 200, b"{}"])
def test_anything_else_is_no_key(tmp_path: Path, content: bytes) -> None:
    place = tmp_path / "a.key"
    place.write_bytes(content)
    place.chmod(0o600)
    refused("BadKey", place)


def test_a_folder_is_no_key_and_a_missing_one_is_said(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir(mode=0o700)
    refused("BadKey", tmp_path / "folder")
    with pytest.raises(KeyFileError) as caught:
        read_key(tmp_path / "none.key")
    assert caught.value.code == "NotFound"
    (tmp_path / "file").write_text("")
    refused("KeyUnwritable", tmp_path / "file" / "a.key")


def test_the_default_place_follows_the_desktop(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "settings"))
    assert default_key_place() == tmp_path / "settings" / "medtransfer" / "pseudonyms.key"
    for ignored in ("", "relative"):
        monkeypatch.setenv("XDG_CONFIG_HOME", ignored)
        assert default_key_place() == tmp_path / ".config" / "medtransfer" / "pseudonyms.key"


@posix
def test_private_files_are_private_from_the_first_byte(tmp_path: Path) -> None:
    place = tmp_path / "new" / "table.csv"
    with written_whole(place, private=True) as temporary:
        assert mode(temporary) == 0o600
        temporary.write_text("who")
        assert mode(temporary) == 0o600
    assert (mode(place), mode(place.parent)) == (0o600, 0o700)
    write_text(place, "again")
    assert mode(place) == 0o666 & ~_umask()


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def test_runs_that_begin_together_share_one_whole_key(tmp_path: Path) -> None:
    for number in range(20):
        place = tmp_path / str(number) / "a.key"
        with ThreadPoolExecutor(8) as pool:
            found = list(pool.map(lambda _, place=place: key_at(place), range(8)))
        assert len({key.secret for key, _ in found}) == 1
        assert sum(is_new for _, is_new in found) == 1
        assert [path.name for path in place.parent.iterdir()] == ["a.key"]


@pytest.mark.parametrize("fault", [errno.EPERM, errno.ENOTSUP])
def test_a_file_system_without_hard_links_has_keys_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: int
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(fault, os.strerror(fault))

    monkeypatch.setattr(os, "link", refuse)
    key = new_key(tmp_path / "a.key")
    assert read_key(tmp_path / "a.key") == key
    with pytest.raises(KeyFileError, match="KeyExists"):
        new_key(tmp_path / "a.key")
