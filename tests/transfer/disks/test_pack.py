"""pack and unpack copy blobs with disks, in checked parts, without a connection to the source."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyrage
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from acr_transfer.copy import blocks
from acr_transfer.copy.result import Outcome
from acr_transfer.disk import folder, keys, part_file
from acr_transfer.disk.folder import Disk
from acr_transfer.disk.layout import MANIFEST, part_name
from acr_transfer.errors import CopyError, DiskError, InputError
from acr_transfer.model.documents.json_document import checksum_of
from acr_transfer.model.documents.pack_manifest import PackManifest
from acr_transfer.model.errors import ModelError
from tests import leak_scan
from tests.transfer.disks.disk_transfer import BLOCK, DiskTransfer, checked, readers
from tests.transfer.two_clouds import Clouds, two_clouds

Export = Callable[..., bytes]
KEY = pyrage.x25519.Identity.generate()
READERS = readers(KEY)


@pytest.mark.parametrize("recipients", [(), READERS], ids=["plain", "encrypted"])
def test_packed_blobs_arrive_with_content_and_properties(
    recipients: tuple[Any, ...], export: Export, transfer: DiskTransfer, tmp_path: Path
) -> None:
    content = export("some/b:1", os.urandom(10 * BLOCK + 5), madeBy="exportPipeline")
    empty = export("empty", b"")
    transfer.pack(tmp_path, names=("some/b:1", "empty"), recipients=recipients)
    assert checked(tmp_path)
    assert len(list((tmp_path / "parts").iterdir())) == 3
    identities = (KEY,) if recipients else ()
    assert [blob.outcome for blob in transfer.unpack(tmp_path, keys=identities)] == [Outcome.COPIED] * 2
    assert (transfer.arrived("some/b:1"), transfer.arrived("empty")) == (content, empty)
    there = transfer.target.get_blob_client("some/b:1").get_blob_properties()
    assert there.metadata == {"category": blocks.CATEGORY, "madeBy": "exportPipeline"}
    assert bytes(there.content_settings.content_md5 or b"") == hashlib.md5(content).digest()
    assert [blob.outcome for blob in transfer.unpack(tmp_path, keys=identities)] == [Outcome.PRESENT] * 2


def test_the_hand_over_of_a_pack_has_sizes_and_hashes(
    export: Export, transfer: DiskTransfer, tmp_path: Path
) -> None:
    content = export("batch1", os.urandom(BLOCK + 1))
    transfer.pack(tmp_path)
    handover = json.loads((tmp_path / "handover.json").read_text())
    (blob,) = handover["blobs"]
    assert (blob["size"], blob["sha256"]) == (len(content), hashlib.sha256(content).hexdigest())
    assert (blob["more"], handover["note"]) == ("kept", "kept too")
    assert handover["checksum"] == checksum_of(handover)


def test_an_encrypted_disk_shows_no_content_and_needs_the_key(
    export: Export, transfer: DiskTransfer, tmp_path: Path
) -> None:
    content = export("batch1", b"a plain secret" * 20_000)
    transfer.pack(tmp_path, recipients=READERS)
    for file in (tmp_path / "parts").iterdir():
        assert b"a plain secret" not in file.read_bytes()
    with pytest.raises(InputError, match="is encrypted: pass your key with --identity"):
        transfer.unpack(tmp_path)
    other = pyrage.x25519.Identity.generate()
    assert "was not encrypted for any key" in str(transfer.unpack(tmp_path, keys=(other,))[0].error)
    first = min((tmp_path / "parts").iterdir())
    assert pyrage.decrypt(first.read_bytes(), [KEY]) == content[: 4 * BLOCK]


def test_a_pack_on_several_disks_may_arrive_disk_by_disk(
    export: Export, transfer: DiskTransfer, tmp_path: Path
) -> None:
    content = export("batch1", os.urandom(10 * BLOCK))
    one, two = tmp_path / "one", tmp_path / "two"
    room = {one: 5 * BLOCK + folder._RESERVE, two: 100 * BLOCK + folder._RESERVE}
    # Both folders are on one file system, so the free space is simulated.
    done = _on_two_devices(transfer, one, two, room)
    assert {part.disk for part in done.blobs[0].parts} == {1, 2}
    assert checked(one)
    assert checked(two)
    (half,) = transfer.unpack(two)
    missing = done.blobs[0].parts[0].file
    assert f"not found: {missing} of disk 1" in str(half.error)
    assert transfer.visible() == []
    shutil.rmtree(two / "parts")
    (rest,) = transfer.unpack(one)
    assert rest.outcome is Outcome.COPIED
    assert rest.sent == 4 * BLOCK
    assert transfer.arrived() == content


def _on_two_devices(transfer: DiskTransfer, one: Path, two: Path, room: dict[Path, int]) -> PackManifest:
    def placed(sizes: Any, chosen: Any) -> list[Disk]:
        left, found = dict(room), []
        for size in sizes:
            disk = next(disk for disk in chosen if left[disk.folder] - folder._RESERVE >= size)
            left[disk.folder] -= size
            found.append(disk)
        return found

    real = folder.assign_disks
    folder.assign_disks = placed  # type: ignore[assignment]
    try:
        return transfer.pack(one, two)
    finally:
        folder.assign_disks = real


def test_a_disk_too_small_is_named_before_anything_is_written(
    export: Export, transfer: DiskTransfer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    export("batch1", os.urandom(10 * BLOCK))
    monkeypatch.setattr(folder, "free_space", lambda _: 3 * BLOCK + folder._RESERVE)
    with pytest.raises(DiskError, match=r"the pack needs 640.0 KiB more(.|\n)*: 192.0 KiB free") as refused:
        transfer.pack(tmp_path / "disk")
    assert "Nothing was written" in str(refused.value)
    assert [path for path in (tmp_path / "disk").rglob("*") if path.is_file()] == []
    assert transfer.read == []


def test_two_folders_of_one_disk_share_its_space(
    export: Export, transfer: DiskTransfer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    export("batch1", os.urandom(10 * BLOCK))
    monkeypatch.setattr(folder, "free_space", lambda _: 6 * BLOCK + folder._RESERVE)
    with pytest.raises(DiskError, match="too much for"):
        transfer.pack(tmp_path / "a", tmp_path / "b")


def test_a_disk_that_fills_up_is_named_and_finished_parts_are_kept(
    export: Export, transfer: DiskTransfer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = export("batch1", os.urandom(10 * BLOCK))
    written = 0
    real = part_file.HashingFile.write

    def full(self: part_file.HashingFile, content: bytes) -> int:
        nonlocal written
        written += 1
        if written == 6:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(self, content)

    with monkeypatch.context() as patched:
        patched.setattr(part_file.HashingFile, "write", full)
        with pytest.raises(DiskError, match=r"No space left on device.*finished parts are kept"):
            transfer.pack(tmp_path)
    assert not list(tmp_path.rglob("*.partial"))
    assert not (tmp_path / "pack.json").exists()
    transfer.pack(tmp_path)
    assert sum(size for size, new in transfer.read if new) == 6 * BLOCK
    transfer.unpack(tmp_path)
    assert transfer.arrived() == content


def test_only_the_damaged_part_of_a_finished_pack_is_written_again(
    export: Export, transfer: DiskTransfer, tmp_path: Path
) -> None:
    export("batch1", os.urandom(10 * BLOCK))
    first = transfer.pack(tmp_path)
    assert transfer.pack(tmp_path) == first
    assert not any(new for _, new in transfer.read)
    part = tmp_path / first.blobs[0].parts[1].file
    part.write_bytes(bytes([part.read_bytes()[0] ^ 1]) + part.read_bytes()[1:])
    assert not checked(tmp_path)
    assert transfer.pack(tmp_path) == first
    assert sum(size for size, new in transfer.read if new) == 4 * BLOCK
    assert checked(tmp_path)


def test_a_changed_source_is_packed_again(export: Export, transfer: DiskTransfer, tmp_path: Path) -> None:
    export("batch1", os.urandom(10 * BLOCK))
    transfer.pack(tmp_path)
    content = export("batch1", os.urandom(9 * BLOCK))
    transfer.pack(tmp_path)
    transfer.unpack(tmp_path)
    assert transfer.arrived() == content


def test_a_source_whose_md5_is_not_that_of_its_bytes_is_not_packed(
    export: Export, transfer: DiskTransfer, tmp_path: Path
) -> None:
    export("batch1", b"content", md5=hashlib.md5(b"other").digest())
    with pytest.raises(CopyError, match="hash differs"):
        transfer.pack(tmp_path)
    assert not (tmp_path / "pack.json").exists()


@pytest.mark.parametrize("recipients", [(), READERS], ids=["plain", "encrypted"])
@pytest.mark.parametrize("damage", ["flipped", "cut", "grown", "gone", "swapped"])
def test_a_damaged_or_missing_part_is_named_and_nothing_wrong_is_visible(
    damage: str, recipients: tuple[Any, ...], export: Export, transfer: DiskTransfer, tmp_path: Path
) -> None:
    content = export("batch1", os.urandom(10 * BLOCK))
    done = transfer.pack(tmp_path, recipients=recipients)
    identities = (KEY,) if recipients else ()
    part = tmp_path / done.blobs[0].parts[1].file
    sound = part.read_bytes()
    match damage:
        case "flipped":
            middle = len(sound) // 2
            part.write_bytes(sound[:middle] + bytes([sound[middle] ^ 1]) + sound[middle + 1 :])
        case "cut":
            part.write_bytes(sound[:-1])
        case "grown":
            part.write_bytes(sound + b"x")
        case "gone":
            part.unlink()
        case "swapped":
            part.write_bytes((tmp_path / done.blobs[0].parts[0].file).read_bytes())
    try:
        (carried,) = transfer.unpack(tmp_path, keys=identities)
        output = str(carried.error)
    except CopyError as error:
        output = str(error)
    assert part.name in output
    assert transfer.visible() == []
    part.write_bytes(sound)
    (carried,) = transfer.unpack(tmp_path, keys=identities)
    assert carried.outcome is Outcome.COPIED
    assert transfer.arrived() == content


def test_folders_of_two_packs_are_refused(export: Export, transfer: DiskTransfer, tmp_path: Path) -> None:
    export("batch1", b"one")
    transfer.pack(tmp_path / "a")
    export("batch1", b"two")
    transfer.pack(tmp_path / "b")
    with pytest.raises(InputError, match="belong to different packs"):
        transfer.unpack(tmp_path / "a", tmp_path / "b")


def test_a_folder_without_a_pack_or_with_a_forged_one_is_refused(
    export: Export, transfer: DiskTransfer, tmp_path: Path
) -> None:
    with pytest.raises(ModelError, match=r"pack\.json cannot be read"):
        transfer.unpack(tmp_path)
    export("batch1", b"one")
    transfer.pack(tmp_path)
    index = json.loads((tmp_path / "pack.json").read_text())
    index["blobs"][0]["parts"][0]["file"] = "parts/../../../etc/passwd"
    index["checksum"] = checksum_of(index)
    (tmp_path / "pack.json").write_text(json.dumps(index))
    with pytest.raises(ModelError, match="expected the name of a file in parts/"):
        transfer.unpack(tmp_path)


@given(st.text(min_size=1, max_size=1024), st.text(min_size=1, max_size=1024))
def test_part_names_suit_every_file_system_and_differ_between_blobs(one: str, other: str) -> None:
    one, other = (name.encode("utf-8", "ignore").decode() or "x" for name in (one, other))
    name = part_name(one, 1)
    assert len(name.removeprefix("parts/").encode()) <= 200
    assert not set(name.removeprefix("parts/")) & set('/\\:*?"<>|\0')
    assert (name.lower() == part_name(other, 1).lower()) == (one == other)


@settings(max_examples=15, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(size=st.integers(0, 9 * BLOCK), part=st.integers(1, 12 * BLOCK), encrypted=st.booleans())
def test_any_size_in_parts_of_any_size_arrives(
    size: int, part: int, encrypted: bool, export: Export, transfer: DiskTransfer, tmp_path: Path
) -> None:
    folder = tmp_path / os.urandom(8).hex()
    content = export("batch1", os.urandom(size))
    done = transfer.pack(folder, part_size=part, recipients=READERS if encrypted else ())
    assert all(found.length <= max(part, BLOCK) for found in done.blobs[0].parts)
    assert PackManifest.read(folder / MANIFEST) == done
    transfer.unpack(folder, keys=(KEY,))
    assert transfer.arrived() == content
    assert checked(folder)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("nonsense", "a line is not a secret key of age"),
        ("# nothing", "holds no key"),
        ("-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n", "an SSH key must be ed25519 or RSA"),
    ],
)
def test_a_file_without_a_key_is_refused_without_showing_it(content: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "key").write_text(content)
    with pytest.raises(InputError, match=words) as refused:
        keys.identities([tmp_path / "key"])
    assert content not in str(refused.value)


@pytest.mark.parametrize("given_", [str(KEY), "age1nonsense"], ids=["secret", "nonsense"])
def test_an_invalid_recipient_is_refused_without_showing_a_secret_key(given_: str) -> None:
    with pytest.raises(InputError) as refused:
        keys.recipients([given_], [])
    assert str(KEY)[20:] not in str(refused.value)


@pytest.fixture(scope="module")
def clouds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clouds]:
    with two_clouds(tmp_path_factory.mktemp("clouds")) as found:
        yield found


def test_the_commands_transfer_blobs_with_a_folder_only(clouds: Clouds, tmp_path: Path) -> None:
    content = os.urandom(5 * BLOCK)
    handover = clouds.export(content)
    disk, key = tmp_path / "disk", tmp_path / "age-key.txt"
    key.write_text(f"# secret\n{KEY}\n")
    leak_scan.know("secret key of age", str(KEY))
    log_size = clouds.stores[0].log.stat().st_size
    code, output, _ = clouds.run(
        "pack",
        str(disk),
        "--handover",
        str(handover),
        "--part-size",
        "128K",
        "--recipient",
        str(KEY.to_public()),
    )
    assert (code, "encrypted" in output, "disk 1:" in output) == (0, True, True)
    assert clouds.stores[0].log.stat().st_size > log_size
    # Only the folder is transported.
    carried = tmp_path / "carried"
    shutil.copytree(disk, carried)
    shutil.rmtree(disk)
    handover.unlink()
    log_size = clouds.stores[0].log.stat().st_size
    target = f"{clouds.stores[1].url}/transfer"
    code, output, error = clouds.run(
        "unpack", str(carried), "--container-url", target, "--identity", str(key), "--json"
    )
    assert (code, json.loads(output)["blobs"][0]["outcome"]) == (0, "copied"), error
    assert clouds.container(1).download_blob(clouds.names[0]).readall() == content
    assert clouds.stores[0].log.stat().st_size == log_size
    assert [secret for secret in [*clouds.secrets(), str(KEY)] if secret in clouds.output] == []
