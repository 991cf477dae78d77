"""The reader of files: regular files up to a limit, and one clear reason for every other file."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from acr_transfer import file_reader
from acr_transfer.file_reader import TextFileError, is_missing, open_regular, read_text
from acr_transfer.model.documents.lock import Lock


def refused(path: Path, limit: int = 100) -> str:
    with pytest.raises(TextFileError) as raised:
        read_text(path, "lock", "create it again", limit=limit)
    message = str(raised.value)
    assert message.startswith(f"The lock {path} cannot be read: ")
    assert message.endswith(".\nFix: create it again")
    return message


def test_only_a_regular_file_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(tmp_path / "pipe")
    monkeypatch.chdir(tmp_path)
    listening = socket.socket(socket.AF_UNIX)
    listening.bind("socket")
    (tmp_path / "link").symlink_to("pipe")
    for name in ("pipe", "link"):
        assert "it is a pipe, not a regular file" in refused(tmp_path / name)
    assert "it is a socket, not a regular file" in refused(tmp_path / "socket")
    listening.close()
    assert "it is a directory, not a regular file" in refused(tmp_path)
    assert "it is a device, not a regular file" in refused(Path("/dev/zero"))
    assert "No such file or directory" in refused(tmp_path / "missing")
    assert "null byte" in refused(tmp_path / "a\0b")


def test_only_a_path_that_leads_to_nothing_is_missing(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("nowhere")
    assert is_missing(tmp_path / "nope")
    for path in (tmp_path, tmp_path / "link", Path("x" * 5000), Path("a\0b")):
        assert not is_missing(path)


def test_a_file_that_takes_anothers_place_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkfifo(tmp_path / "pipe")
    regular = tmp_path / "regular"
    regular.touch()
    status = regular.stat()
    monkeypatch.setattr(Path, "stat", lambda _: status)
    with pytest.raises(ValueError, match="it is a pipe"):
        open_regular(tmp_path / "pipe")


def test_the_limit_counts_before_anything_is_read(tmp_path: Path) -> None:
    path = tmp_path / "large"
    path.write_text("x" * 2048)
    assert read_text(path, "lock", limit=2048) == "x" * 2048
    assert "it has more than 1 KiB, the limit" in refused(path, limit=2047)
    with path.open("wb") as file:
        file.truncate(1 << 40)
    assert "it has more than 32,768 KiB" in refused(path, limit=file_reader.DOCUMENT_BYTES)
    path.write_text("\U0001f600" + "x" * 2000)
    assert "the limit" in refused(path, limit=2048)
    path.write_text("\u20ac" + "x" * 2000)
    assert len(read_text(path, "lock", limit=2048)) == 2001
    # Files of /proc state no size.
    assert "the limit" in refused(Path("/proc/self/environ"), limit=5)


def test_text_holds_no_nul(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"a\0b")
    assert "it holds NUL characters, so it is not text" in refused(path)
    path.write_bytes(b"\xff\xfea")
    assert "neither UTF-8 nor UTF-16" in refused(path)
    path.write_bytes(b"\xef\xbb\xbfa\r\nb\rc")
    assert read_text(path, "lock", limit=100) == "a\nb\nc"


SHAPES = {
    "empty objects": '{"schema": 1, "artifacts": [' + "{}, " * 330_000 + "{}]}",
    "wide characters": '{"schema": 1, "note": "\u20ac' + "a" * (file_reader.DOCUMENT_BYTES - 40) + '"}',
}


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak is read from /proc")
@pytest.mark.parametrize("shape", SHAPES)
def test_the_largest_documents_take_less_than_512_mebibytes(tmp_path: Path, shape: str) -> None:
    path = tmp_path / "lock.json"
    path.write_text(SHAPES[shape])
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from acr_transfer.model.documents.lock import Lock\n"
        "from acr_transfer.model.errors import ModelError\n"
        "try:\n    Lock.read(Path(sys.argv[1]))\nexcept ModelError as error:\n    print(str(error)[:2000])\n"
        # `ru_maxrss` would include the memory of the process that started this one.
        "status = Path('/proc/self/status').read_text().split()\n"
        "print(int(status[status.index('VmHWM:') + 1]) // 1024)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(path)], check=True, capture_output=True, text=True
    )
    *said, peak = done.stdout.splitlines()
    assert said[0].startswith(f"The lock {path} ")
    assert int(peak) < 512


def test_a_lock_of_20_000_indexes_is_read(tmp_path: Path) -> None:
    child = {"digest": f"sha256:{'1' * 64}", "mediaType": "m" * 50, "size": 5, "platform": "linux/amd64"}
    entry = {
        "digest": f"sha256:{'2' * 64}",
        "mediaType": "m" * 50,
        "size": 123456789,
        "children": [child] * 4,
        "referrers": [f"sha256:{'3' * 64}"],
    }
    found = Lock.create(
        registry="a.example",
        artifacts=[entry | {"reference": f"team/project/app{n:05}:1.0.0"} for n in range(20_000)],
    )
    found.write(tmp_path / "lock.json")
    assert len(Lock.read(tmp_path / "lock.json").artifacts) == 20_000
