"""unpack and pack survive any disk."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pyrage
import pytest

from acr_transfer.__main__ import main
from acr_transfer.copy import blocks
from acr_transfer.disk import unpack  # noqa: F401 - the worker imports it once
from acr_transfer.model.documents.handover import Handover
from acr_transfer.model.documents.json_document import checksum_of
from tests.fuzz.campaign import Campaign
from tests.fuzz.hostile_storage import World, open_world
from tests.fuzz.limits import LONG, Finding

pytestmark = pytest.mark.servers
KEY = pyrage.x25519.Identity.generate()
NAMES = ("a", "dir/b", "c")
VALUES: tuple[Any, ...] = (
    None,
    True,
    -1,
    0,
    7,
    2**63,
    2**70,
    1.5,
    "",
    "x",
    "../../private/evil",
    "parts/../../evil",
    "\ud800",
    "é\x00\n\x1b[2J",
    "x" * 1_000_000,
    [],
    {},
    [[[[]]]] * 100,
)
BAD_NAMES = (
    "../private/evil",
    "x/../../private/evil2",
    "/private/evil",
    "//private/evil",
    "..",
    ".",
    "a/..",
    "a/./b",
    "a//b",
    "a\\..\\..\\private",
    "a\x00b",
    "a\nb",
    "a\r\nx-ms-meta-a: b",
    "%2e%2e/private/evil",
    "..%2fprivate%2fevil",
    "%2e%2e%2fprivate",
    "a?comp=blocklist",
    "a#b",
    "a;b",
    "a b",
    "é",
    "~",
    "a\u2028b",
    "a" * 1025,
    "a/" * 300 + "a",
    "a.",
    "\ufffe",
    "$root",
)


def command(arguments: Sequence[str]) -> int:
    """The command with small blocks."""
    blocks.BLOCK_SIZE = 8 * 1024
    return main(arguments)


Damage = Callable[[Path], None]


def _changed(change: Callable[[Any], object]) -> Damage:
    """Change the manifest, and write it with the checksum that fits."""

    def damage(disk: Path) -> None:
        manifest = json.loads((disk / "pack.json").read_text())
        change(manifest)
        with contextlib.suppress(UnicodeEncodeError, RecursionError):
            manifest["checksum"] = checksum_of(manifest)
        (disk / "pack.json").write_text(json.dumps(manifest))

    return damage


def _at(manifest: Any, *path: str | int) -> Any:
    for step in path:
        manifest = manifest[step]
    return manifest


def _set(path: tuple[str | int, ...], value: Any) -> Damage:
    return _changed(lambda manifest: _at(manifest, *path[:-1]).__setitem__(path[-1], value))


def _places(manifest: Any) -> Iterator[tuple[str | int, ...]]:
    part = ("blobs", 0, "parts", 0)
    yield from [(key,) for key in manifest]
    yield from [("blobs", 0, key) for key in manifest["blobs"][0]]
    yield from [(*part, key) for key in _at(manifest, *part)]
    yield from [("blobs", 0), part, (*part, "blocks", 0), ("blobs", 0, "metadata", "category")]


def _part(disk: Path, number: int = 0) -> Path:
    return sorted((disk / "parts").iterdir())[number]


def _file(change: Callable[[Path], object], name: str = "") -> Damage:
    return lambda disk: (change(disk / name if name else _part(disk)), None)[1]


def _replaced(make: Callable[[Path], object], name: str = "") -> Damage:
    def damage(disk: Path) -> None:
        path = disk / name if name else _part(disk)
        if path.is_dir():
            path.rename(disk / "moved")
        else:
            path.unlink(missing_ok=True)
        make(path)

    return damage


def _truncated(path: Path, size: int) -> None:
    with path.open("r+b") as file:
        file.truncate(size)


def _huge(block: int) -> Damage:
    """A sparse part of a tebibyte, and a manifest that states its size."""

    def change(manifest: Any) -> None:
        blob = manifest["blobs"][0]
        length = 2**40
        part = {**blob["parts"][0], "length": length, "size": length}
        part["blocks"] = ["0" * 64] * -(-length // block)
        blob |= {"size": length, "blockSize": block, "parts": [part]}

    def damage(disk: Path) -> None:
        manifest = json.loads((disk / "pack.json").read_text())
        _truncated(disk / manifest["blobs"][0]["parts"][0]["file"], 2**40)
        _changed(change)(disk)

    return damage


def _swapped(disk: Path) -> None:
    one, other = _part(disk), _part(disk, 1)
    kept = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(kept)


def _parts(change: Callable[[list[Any]], object]) -> Damage:
    return _changed(lambda manifest: change(manifest["blobs"][0]["parts"]))


def _victim(path: Path) -> None:
    path.symlink_to(path.parents[2 if path.parent.name == "parts" else 1] / "victim/file")


SPECIAL: dict[str, Callable[[Path], object]] = {
    "link": _victim,
    "fifo": os.mkfifo,
    "zero": lambda path: path.symlink_to("/dev/zero"),
    "folder": Path.mkdir,
    "loop": lambda path: path.symlink_to(path),
}
FILES = ("", "pack.json", "handover.json", "SHA256SUMS", ".pack-journal", "parts")
DAMAGES: dict[str, Damage] = {
    "cut": _file(lambda path: _truncated(path, 100)),
    "emptied": _file(lambda path: _truncated(path, 0)),
    "grown": _file(lambda path: path.write_bytes(path.read_bytes() * 3)),
    "sparse": _file(lambda path: _truncated(path, 2**40)),
    "flipped": _file(
        lambda path: path.write_bytes(bytes([path.read_bytes()[0] ^ 1]) + path.read_bytes()[1:])
    ),
    "noise": _file(lambda path: path.write_bytes(os.urandom(path.stat().st_size))),
    "swapped": _swapped,
    "huge-block": _huge(2**40),
    "huge-blocks": _huge(100 * 2**20),
    "many-blocks": _huge(2**22),
    "reordered": _parts(list.reverse),
    "repeated": _parts(lambda parts: parts.append(parts[0])),
    "dropped": _parts(list.pop),
    "overlapping": _parts(lambda parts: parts[1].update(start=0)),
    "same-file": _parts(lambda parts: parts[1].update(file=parts[0]["file"])),
    "upper-case": _parts(lambda parts: parts[1].update(file=parts[0]["file"].replace("a-", "A-"))),
    "other-disk": _parts(lambda parts: parts[1].update(disk=9)),
    "odd-length": _parts(lambda parts: (parts[0].update(length=16383), parts[1].update(start=16383))),
    "no-length": _parts(lambda parts: parts.insert(0, {**parts[0], "length": 0, "blocks": []})),
    "repeated-blob": _changed(lambda manifest: manifest["blobs"].append(manifest["blobs"][0])),
    "encrypted": _changed(lambda manifest: manifest.update(encryption="age")),
    "plain": _changed(lambda manifest: manifest.update(encryption=None)),
    "deep": _file(lambda path: path.write_text("[" * 1_000_000), "pack.json"),
    "deep-key": _changed(lambda manifest: manifest.update(more=json.loads("[" * 900 + "]" * 900))),
    "long-line": _file(lambda path: path.write_bytes(b" " * 40_000_000), "pack.json"),
    "many-values": _file(lambda path: path.write_text("[" + "[]," * 9_000_000 + "[]]"), "pack.json"),
    "bytes": _file(lambda path: path.write_bytes(os.urandom(10_000)), "pack.json"),
    "sparse-manifest": _file(lambda path: _truncated(path, 2**40), "pack.json"),
    "metadata-name": _changed(lambda manifest: manifest["blobs"][0]["metadata"].update({"a\r\nb: c": "d"})),
    "metadata-value": _changed(lambda manifest: manifest["blobs"][0]["metadata"].update({"a": "d\r\nb: c"})),
    "much-metadata": _changed(
        lambda manifest: manifest["blobs"][0]["metadata"].update({f"a{n}": "x" * 8000 for n in range(1000)})
    ),
    "long-age": _file(lambda path: path.write_bytes(b"age-encryption.org/v1\n-> " + b"A" * 16_000)),
    "age-stanzas": _file(
        lambda path: path.write_bytes(b"age-encryption.org/v1\n" + b"-> X25519 AAAA\nAAAA\n" * 500_000)
    ),
    "age-scrypt": _file(
        lambda path: path.write_bytes(b"age-encryption.org/v1\n-> scrypt AAAA 40\nAAAA\n--- A\n")
    ),
}
JOURNAL_LINES: tuple[bytes, ...] = (
    b"\xff\xfe",
    b"[" * 1_000_000,
    b"{}",
    b'{"version": "0000000000000000", "readers": "", "part": {"file": "../../victim/file"}}',
    b"0" * 20_000_000,
    b"\n" * 100_000,
    b'{"version": "\\ud800"}',
)


def _journal(line: bytes) -> Damage:
    """The journal of an interrupted pack, with this line."""

    def damage(disk: Path) -> None:
        (disk / ".pack-journal").write_bytes(line + b"\n")
        (disk / "pack.json").unlink()

    return damage


def _cases(manifest: Any) -> dict[str, Damage]:
    """The damages that both commands meet, by name."""
    leaves = {
        f"{'.'.join(map(str, place))}={number}": _set(place, value)
        for place in _places(manifest)
        for number, value in enumerate(VALUES)
    }
    names = {f"name-{number}": _set(("blobs", 0, "name"), name) for number, name in enumerate(BAD_NAMES)}
    special = {
        f"{name or 'part'}-{kind}": _replaced(make, name) for name in FILES for kind, make in SPECIAL.items()
    }
    return {**DAMAGES, **names, **special, **leaves}


def _journals() -> dict[str, Damage]:
    return {f"journal-{number}": _journal(line) for number, line in enumerate(JOURNAL_LINES)}


def _chosen(cases: dict[str, Damage], stride: int) -> dict[str, Damage]:
    """One case of so many, and those that found a fault once."""
    known = {"name-0", "name-1", "name-10", "part-link", "parts-link", "huge-block", "deep", "same-file"}
    return {name: case for n, (name, case) in enumerate(cases.items()) if n % stride == 0 or name in known}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with open_world(tmp_path_factory.mktemp("world"), "tests.fuzz.test_packs") as found:
        yield found


@pytest.fixture(scope="module", params=["plain", "encrypted"])
def disk(request: pytest.FixtureRequest, world: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished pack of three blobs, in parts of two blocks."""
    root = tmp_path_factory.mktemp(request.param)
    blobs = [{"name": name, "artifacts": ["a:1"]} for name in NAMES]
    Handover.of("source.example", f"https://{world.host}/source/transfer", blobs).write(
        root / "handover.json"
    )
    (root / "key").write_text(str(KEY))
    outcome = world.worker.call(
        "tests.fuzz.test_packs:command", _pack(root / "disk", root), environment=world.environment
    )
    assert outcome.code == 0, outcome
    return root / "disk"


def _pack(disk: Path, root: Path) -> list[str]:
    recipient = ["--recipient", str(KEY.to_public())] if root.name.startswith("encrypted") else []
    return ["pack", str(disk), "--part-size", "16K", "--handover", str(root / "handover.json"), *recipient]


def _state(folder: Path) -> dict[str, tuple[int, int, int]]:
    """Kind, size and time of everything in a folder."""
    return {
        str(path.relative_to(folder)): (status.st_mode, status.st_size, status.st_mtime_ns)
        for path in folder.rglob("*")
        for status in [path.lstat()]
    }


@pytest.mark.parametrize("name", ["unpack", "pack"])
def test_any_disk_ends_in_one_line(
    name: str, campaign: Campaign, world: World, disk: Path, tmp_path: Path
) -> None:
    cases = _cases(json.loads((disk / "pack.json").read_text()))
    found = cases if name == "unpack" else {**cases, **_journals()}
    is_first = name == "unpack" and disk.parent.name.startswith("plain")
    stride = 1 if LONG and is_first else 5 if LONG else 90
    for case, damage in _chosen(found, stride).items():
        place = tmp_path / case.replace("/", "_")
        shutil.copytree(disk, place / "disk")
        (place / "victim").mkdir()
        (place / "victim/file").write_text("precious")
        damage(place / "disk")
        _play(f"{name}: {disk.parent.name}: {case}", name, place, disk.parent, campaign, world)
        shutil.rmtree(place)
    assert campaign.found == []


def _play(case: str, name: str, place: Path, root: Path, campaign: Campaign, world: World) -> None:
    url = f"https://{world.host}/target/transfer"
    unpacking = ["unpack", str(place / "disk"), "--container-url", url, "--identity", str(root / "key")]
    line = unpacking if name == "unpack" else _pack(place / "disk", root)
    untouched = place if name == "unpack" else place / "victim"
    before = _state(untouched)
    world.requests.clear()
    outcome = world.worker.call("tests.fuzz.test_packs:command", line, environment=world.environment)
    inside = all(path.startswith("/target/transfer/") for path in world.requests.written)
    findings = [] if inside and _state(untouched) == before else [Finding.WRITE_OUTSIDE]
    findings += [Finding.MESSAGE] * ("\x1b" in outcome.output or "internal error" in outcome.output)
    findings += [Finding.SECRET] * (str(KEY) in outcome.output)
    campaign.record(case, outcome, *findings)
