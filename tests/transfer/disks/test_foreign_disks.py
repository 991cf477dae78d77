"""pack neither follows nor changes anything on a disk that it did not write, and believes only hashes."""

from __future__ import annotations

import json
import os
import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyrage
import pytest

from acr_transfer.copy.result import Outcome
from acr_transfer.disk import keys
from acr_transfer.disk.layout import read_manifest, source_blob
from acr_transfer.errors import CopyError, DiskError, InputError
from acr_transfer.file_writer import open_folder
from acr_transfer.model.documents.json_document import checksum_of
from tests.transfer.disks.disk_transfer import BLOCK, DiskTransfer, checked, readers

Export = Callable[..., bytes]
ONE, OTHER = pyrage.x25519.Identity.generate(), pyrage.x25519.Identity.generate()
FILES = ("handover.json", "pack.json", "SHA256SUMS", ".pack-journal")


def snapshot(folder: Path) -> dict[str, bytes | str]:
    """Every file and link below a folder."""
    return {
        str(path.relative_to(folder)): str(path.readlink()) if path.is_symlink() else path.read_bytes()
        for path in folder.rglob("*")
        if path.is_symlink() or path.is_file()
    }


@pytest.mark.parametrize("name", [*FILES, *(f"{name}.partial" for name in FILES), "parts", "parts/x.partial"])
@pytest.mark.parametrize("before", ["empty", "finished"])
def test_pack_writes_to_no_file_that_a_link_names(
    name: str, before: str, export: Export, transfer: DiskTransfer, tmp_path: Path
) -> None:
    disk, elsewhere = tmp_path / "disk", tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "victim").write_text("precious")
    (elsewhere / "film.partial").write_text("half of a film")
    export("batch1", os.urandom(BLOCK))
    if before == "finished":
        transfer.pack(disk)
        export("batch1", os.urandom(BLOCK))
    planted = disk / name
    planted.parent.mkdir(parents=True, exist_ok=True)
    if name == "parts" and planted.exists():
        planted.rename(disk / "moved")
    planted.unlink(missing_ok=True)
    planted.symlink_to(elsewhere if name == "parts" else elsewhere / "victim")
    others = snapshot(elsewhere)
    if name in (*FILES, "parts"):
        with pytest.raises(InputError, match=re.escape(str(planted))):
            transfer.pack(disk)
    else:
        transfer.pack(disk)
        assert checked(disk)
    assert snapshot(elsewhere) == others
    assert planted.is_symlink()


@pytest.mark.parametrize("fails", [False, True])
@pytest.mark.parametrize("file", FILES[:3])
def test_pack_keeps_the_files_of_the_user(
    file: str, fails: bool, export: Export, transfer: DiskTransfer, tmp_path: Path
) -> None:
    export("batch1", b"content")
    (tmp_path / file).write_text(json.dumps({"mine": True}))
    (tmp_path / "notes.txt").write_text("mine too")
    before = snapshot(tmp_path)
    with pytest.raises(InputError, match=r"Name another folder, for instance `acr-transfer pack") as refused:
        transfer.pack(tmp_path, names=("missing",) if fails else ("batch1",))
    assert snapshot(tmp_path) == before
    # The command of the message works.
    (command,) = re.findall(r"`acr-transfer (pack [^`]+)`", str(refused.value))
    transfer.pack(Path(shlex.split(command)[1]))
    assert {name: before[name] for name in before} == {
        name: content for name, content in snapshot(tmp_path).items() if name in before
    }


def test_a_failed_pack_keeps_the_hand_over_of_the_pack_before(
    export: Export, transfer: DiskTransfer, tmp_path: Path
) -> None:
    export("batch1", b"content")
    transfer.pack(tmp_path)
    handover = (tmp_path / "handover.json").read_bytes()
    export("batch1", b"other", md5=b"0" * 16)
    with pytest.raises(CopyError, match="hash differs"):
        transfer.pack(tmp_path)
    assert (tmp_path / "handover.json").read_bytes() == handover
    assert not (tmp_path / "pack.json").exists()


def test_a_source_hand_over_in_the_folder_of_a_pack_is_kept(
    export: Export, transfer: DiskTransfer, tmp_path: Path
) -> None:
    export("batch1", b"content")
    transfer.pack(tmp_path)
    document = json.loads((tmp_path / "handover.json").read_text())
    for blob in document["blobs"]:
        del blob["sha256"], blob["size"], blob["contentMd5"]
    document["checksum"] = checksum_of(document)
    (tmp_path / "handover.json").write_text(json.dumps(document))
    before = snapshot(tmp_path)
    with pytest.raises(InputError, match=r"handover\.json"):
        transfer.pack(tmp_path)
    assert snapshot(tmp_path) == before


def test_foreign_files_among_the_parts_are_left_alone(
    export: Export, transfer: DiskTransfer, tmp_path: Path
) -> None:
    export("batch1", b"content")
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts/film.partial").write_text("half of a film")
    transfer.pack(tmp_path)
    assert (tmp_path / "parts/film.partial").read_text() == "half of a film"


def test_a_folder_that_is_named_twice_is_refused(
    export: Export, transfer: DiskTransfer, tmp_path: Path
) -> None:
    export("batch1", b"content")
    (tmp_path / "link").symlink_to(tmp_path)
    with pytest.raises(InputError, match="named twice"):
        transfer.pack(tmp_path, tmp_path / "link")
    assert snapshot(tmp_path) == {"link": str(tmp_path)}


def test_two_packs_do_not_write_to_one_folder(export: Export, transfer: DiskTransfer, tmp_path: Path) -> None:
    export("batch1", b"content")
    with open_folder(tmp_path) as other:
        other.lock()
        with pytest.raises(DiskError, match="another process is writing to this folder"):
            transfer.pack(tmp_path)
        assert snapshot(tmp_path) == {}
    transfer.pack(tmp_path)


@pytest.mark.parametrize("made", ["symlink", "fifo", "folder"])
def test_a_part_that_is_not_a_regular_file_is_neither_read_nor_replaced(
    made: str, export: Export, transfer: DiskTransfer, tmp_path: Path
) -> None:
    disk, victim = tmp_path / "disk", tmp_path / "victim"
    victim.write_text("precious")
    export("batch1", os.urandom(3 * BLOCK))
    part = disk / transfer.pack(disk).blobs[0].parts[0].file
    part.rename(tmp_path / "part")
    match made:
        case "symlink":
            part.symlink_to(tmp_path / "part")
        case "fifo":
            os.mkfifo(part)
        case "folder":
            part.mkdir()
    with pytest.raises(CopyError, match=rf"{re.escape(part.name)}' is (a symbolic link|not a regular file)"):
        transfer.unpack(disk)
    assert transfer.visible() == []
    with pytest.raises(DiskError, match=r"is (a symbolic link|not a regular file); remove it"):
        transfer.pack(disk)
    assert (tmp_path / "part").stat().st_size == 3 * BLOCK


@pytest.mark.parametrize("name", ["pack.json", "parts"])
def test_unpack_follows_no_link_on_the_disk(
    name: str, export: Export, transfer: DiskTransfer, tmp_path: Path
) -> None:
    disk = tmp_path / "disk"
    export("batch1", b"content")
    transfer.pack(disk)
    (disk / name).rename(tmp_path / "moved")
    (disk / name).symlink_to(tmp_path / "moved")
    with pytest.raises(DiskError, match=r"is a symbolic link|is not a folder"):
        transfer.unpack(disk)
    assert transfer.visible() == []


@pytest.mark.parametrize("interrupted", [False, True])
def test_other_recipients_get_every_part_again(
    interrupted: bool, export: Export, transfer: DiskTransfer, tmp_path: Path
) -> None:
    content = export("batch1", os.urandom(10 * BLOCK))
    transfer.pack(tmp_path, recipients=readers(ONE))
    if interrupted:
        _back_to_the_journal(tmp_path)
    transfer.pack(tmp_path, recipients=readers(OTHER))
    for part in (tmp_path / "parts").iterdir():
        with pytest.raises(pyrage.DecryptError):
            pyrage.decrypt(part.read_bytes(), [ONE])
    assert [each.outcome for each in transfer.unpack(tmp_path, keys=(OTHER,))] == [Outcome.COPIED]
    assert transfer.arrived() == content
    # The same recipients, in another order and once more, find their parts finished.
    transfer.pack(tmp_path, recipients=readers(OTHER, ONE))
    before = snapshot(tmp_path)
    transfer.pack(tmp_path, recipients=readers(ONE, OTHER, ONE))
    assert snapshot(tmp_path) == before


def _back_to_the_journal(disk: Path) -> None:
    """The state of a pack that was interrupted after its last part."""
    manifest = json.loads((disk / "pack.json").read_text())
    (blob,) = read_manifest(disk).blobs
    lines = [
        json.dumps(
            {"version": source_blob(blob).version, "readers": manifest.get("readers", ""), "part": part}
        )
        for part in manifest["blobs"][0]["parts"]
    ]
    (disk / ".pack-journal").write_text("\n".join(lines) + "\n")
    for name in ("pack.json", "SHA256SUMS"):
        (disk / name).unlink()


@pytest.mark.parametrize(
    "damage",
    [
        b"\xff\xfe not text",
        b'{"version": 1, "part": []}',
        b'{"part": {"file": 5, "length": "x"}}',
        b"[" * 100_000,
        b"0" * 9_000_000,
        b'{"version": "\\ud800"}',
        b"",
    ],
    ids=["bytes", "types", "part", "deep", "long", "surrogate", "blank"],
)
def test_a_damaged_journal_costs_its_parts_only_and_is_reported(
    damage: bytes, export: Export, transfer: DiskTransfer, tmp_path: Path
) -> None:
    export("batch1", os.urandom(10 * BLOCK))
    transfer.pack(tmp_path)
    _back_to_the_journal(tmp_path)
    lines = (tmp_path / ".pack-journal").read_bytes().splitlines()
    (tmp_path / ".pack-journal").write_bytes(b"\n".join([lines[0], damage, *lines[2:]]) + b"\n")
    transfer.pack(tmp_path)
    assert sum(size for size, new in transfer.read if new) == 4 * BLOCK
    assert "of the journal cannot be read; their parts are written again" in transfer.remarks[0]
    assert checked(tmp_path)


@pytest.mark.parametrize("encrypted", [False, True])
def test_hashes_that_the_disk_states_are_compared_with_the_content(
    encrypted: bool, export: Export, transfer: DiskTransfer, tmp_path: Path
) -> None:
    content = export("batch1", os.urandom(10 * BLOCK))
    options: dict[str, Any] = {"recipients": readers(ONE)} if encrypted else {}
    transfer.pack(tmp_path, **options)
    manifest = json.loads((tmp_path / "pack.json").read_text())
    manifest["blobs"][0]["parts"][1]["blocks"][0] = "0" * 64
    manifest["checksum"] = checksum_of(manifest)
    (tmp_path / "pack.json").write_text(json.dumps(manifest))
    with pytest.raises(CopyError, match="It was removed; run again"):
        transfer.pack(tmp_path, **options)
    transfer.pack(tmp_path, **options)
    transfer.unpack(tmp_path, keys=(ONE,))
    assert transfer.arrived() == content


@pytest.mark.parametrize("text", ["", "# only a comment\n", "\n\n"])
def test_a_file_without_public_keys_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "keys").write_text(text)
    with pytest.raises(InputError, match="holds no key, so nothing would be encrypted"):
        keys.recipients([str(ONE.to_public())], [tmp_path / "keys"])


def test_each_identity_file_holds_a_key(tmp_path: Path) -> None:
    (tmp_path / "good").write_text(str(ONE))
    (tmp_path / "empty").write_text("# nothing\n")
    with pytest.raises(InputError, match="empty holds no key"):
        keys.identities([tmp_path / "good", tmp_path / "empty"])
