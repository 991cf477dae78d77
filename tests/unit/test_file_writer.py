"""Files are written without following links, at once, and without touching anything else."""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from acr_transfer import file_writer
from acr_transfer.cli.log_file import open_log
from acr_transfer.errors import InputError
from acr_transfer.file_reader import TextFileError
from acr_transfer.file_writer import Folder, open_folder
from acr_transfer.model.text_files import write_file


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Folder]:
    with open_folder(tmp_path / "folder", create=True) as found:
        yield found


@pytest.fixture
def victim(tmp_path: Path) -> Iterator[Path]:
    """A file that must stay as it is."""
    path = tmp_path / "victim"
    path.write_text("precious")
    before = path.stat()
    yield path
    assert path.read_text() == "precious"
    assert path.stat().st_mtime_ns == before.st_mtime_ns


def _names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def _link(at: Path, victim: Path) -> None:
    at.symlink_to(victim)


def _link_to_nothing(at: Path, victim: Path) -> None:
    at.symlink_to(victim.with_name("new"))


def _queue(at: Path, victim: Path) -> None:
    os.mkfifo(at)


def _folder(at: Path, victim: Path) -> None:
    at.mkdir()


def _socket(at: Path, victim: Path) -> None:
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(at))


PLANTED = [_link, _link_to_nothing, _queue, _folder, _socket]


@pytest.mark.parametrize("plant", PLANTED)
def test_only_a_regular_file_is_written_read_or_removed(
    plant: Callable[[Path, Path], None], folder: Folder, victim: Path, tmp_path: Path
) -> None:
    plant(at := tmp_path / "folder/name", victim)
    for action in (folder.open_file, folder.append_to, folder.remove):
        with pytest.raises(OSError, match=r"'name' is (a symbolic link|not a regular file); remove it"):
            action("name")
    with pytest.raises(OSError, match="remove it"), folder.new_file("name"):
        pytest.fail("was opened")
    with pytest.raises(TextFileError, match=r"The page .* cannot be written: 'name' is"):
        write_file(at, b"content", "page")
    with pytest.raises(InputError, match="cannot be written: 'name' is"):
        open_log(at, [])
    assert _names(tmp_path / "folder") == ["name"]
    assert not (tmp_path / "new").exists()


def test_what_takes_the_name_during_the_writing_is_not_replaced(
    folder: Folder, victim: Path, tmp_path: Path
) -> None:
    at = tmp_path / "folder/name"

    def replaced_while_written() -> None:
        with folder.new_file("name") as file:
            file.write(b"content")
            at.symlink_to(victim)

    with pytest.raises(OSError, match="symbolic link"):
        replaced_while_written()
    assert _names(tmp_path / "folder") == ["name"]


def test_a_folder_inside_is_neither_a_link_nor_a_file(folder: Folder, victim: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "folder/parts").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "folder/file").write_bytes(b"")
    for name in ("parts", "file"):
        for create in (True, False):
            with (
                pytest.raises(OSError, match="is not a folder"),
                folder.inside(name, create=create),
            ):
                pytest.fail("was opened")
    assert _names(tmp_path / "elsewhere") == []


@pytest.mark.parametrize("name", ["../victim", "/etc/passwd", "..", ".", "", "a\0b", "parts/a"])
def test_a_name_holds_no_path(name: str, folder: Folder, victim: Path) -> None:
    for action in (folder.open_file, folder.append_to, folder.remove, folder.exists):
        with pytest.raises(OSError, match="is not the name of a file"):
            action(name)


def test_a_folder_that_is_replaced_by_a_link_gets_the_file(folder: Folder, tmp_path: Path) -> None:
    with folder.new_file("name") as file:
        file.write(b"content")
        (tmp_path / "folder").rename(tmp_path / "moved")
        (tmp_path / "elsewhere").mkdir()
        (tmp_path / "folder").symlink_to(tmp_path / "elsewhere")
    assert (tmp_path / "moved/name").read_bytes() == b"content"
    assert _names(tmp_path / "elsewhere") == []


def test_a_second_name_of_a_file_keeps_its_content(folder: Folder, victim: Path, tmp_path: Path) -> None:
    os.link(victim, tmp_path / "folder/name")
    with pytest.raises(OSError, match="with one name"):
        folder.append_to("name")
    with folder.new_file("name") as file:
        file.write(b"content")
    assert (tmp_path / "folder/name").read_bytes() == b"content"


def test_a_failed_file_leaves_the_earlier_one_and_nothing_else(folder: Folder, tmp_path: Path) -> None:
    file_writer.write_file(tmp_path / "folder/name", b"earlier")

    def fails() -> None:
        with folder.new_file("name") as file:
            file.write(b"half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fails()
    assert (tmp_path / "folder/name").read_bytes() == b"earlier"
    assert _names(tmp_path / "folder") == ["name"]


def test_unfinished_files_of_this_program_are_removed_and_no_others(
    folder: Folder, victim: Path, tmp_path: Path
) -> None:
    own = f".acr-transfer-{'0' * 32}.partial"
    for name in (own, "film.partial", ".acr-transfer-1.partial"):
        (tmp_path / "folder" / name).write_bytes(b"x")
    (tmp_path / "folder" / own.replace("0", "1")).symlink_to(victim)
    folder.remove_unfinished()
    assert folder.names() == sorted([own.replace("0", "1"), ".acr-transfer-1.partial", "film.partial"])


def test_permissions_follow_the_earlier_file_or_the_umask(tmp_path: Path) -> None:
    previous = os.umask(0o027)
    try:
        write_file(path := tmp_path / "file", b"one", "page")
        assert path.stat().st_mode & 0o777 == 0o640
        path.chmod(0o600)
        write_file(path, b"two", "page")
        assert path.stat().st_mode & 0o777 == 0o600
        file_writer.append_to(tmp_path / "log").close()
        assert (tmp_path / "log").stat().st_mode & 0o777 == 0o600
    finally:
        os.umask(previous)


def test_a_file_system_without_all_calls_is_written_to(
    folder: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some drivers of removable disks neither save folders nor lock them."""
    real = os.fsync

    def fsync(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "Invalid argument")
        real(descriptor)

    def flock(descriptor: int, operation: int) -> None:
        raise OSError(errno.ENOTSUP, "Operation not supported")

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(fcntl, "flock", flock)
    folder.lock()
    with folder.new_file("name") as file:
        file.write(b"content")
    assert (tmp_path / "folder/name").read_bytes() == b"content"


def test_a_folder_is_locked_once(folder: Folder, tmp_path: Path) -> None:
    folder.lock()
    with (
        open_folder(tmp_path / "folder") as other,
        pytest.raises(OSError, match="another process is writing"),
    ):
        other.lock()
