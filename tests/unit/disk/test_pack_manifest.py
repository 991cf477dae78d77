"""A pack manifest describes one pack, whose blocks fit into memory and whose properties fit into headers."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from acr_transfer.model.documents.json_document import DocumentError, checksum_of
from acr_transfer.model.documents.pack_manifest import PackManifest

HASH = "0" * 64


def _part(number: int, start: int, length: int, block: int = 8) -> dict[str, Any]:
    blocks = [HASH] * -(-length // block)
    place = {"file": f"parts/a.{number:04}", "disk": 1, "start": start}
    return {**place, "length": length, "size": length, "sha256": HASH, "blocks": blocks}


MANIFEST: dict[str, Any] = {
    "schema": 1,
    "disks": 1,
    "encryption": None,
    "blobs": [
        {
            "name": "a",
            "size": 20,
            "contentMd5": f"{'A' * 22}==",
            "sha256": HASH,
            "etag": '"0x1"',
            "contentType": None,
            "metadata": {"category": "acr-transfer-blob"},
            "blockSize": 8,
            "parts": [_part(1, 0, 16), _part(2, 16, 4)],
        }
    ],
}


def _read(change: Callable[[Any], object]) -> PackManifest:
    manifest = copy.deepcopy(MANIFEST)
    change(manifest)
    return PackManifest.parse(json.dumps({**manifest, "checksum": checksum_of(manifest)}))


def _blob(**changes: Any) -> Callable[[Any], object]:
    return lambda manifest: manifest["blobs"][0].update(changes)


def _of_part(**changes: Any) -> Callable[[Any], object]:
    return lambda manifest: manifest["blobs"][0]["parts"][1].update(changes)


def test_a_manifest_of_pack_is_read() -> None:
    assert _read(lambda _: None).blobs[0].size == 20


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda manifest: manifest["blobs"].clear(), "expected a list of at least 1"),
        (lambda manifest: manifest["blobs"].append(manifest["blobs"][0]), "repeats .*a"),
        (_of_part(file="parts/A.0001"), "repeats parts/a.0001"),
        (_of_part(start=8), "does not continue the part before it"),
        (_of_part(disk=2), "on disk 2 of 1"),
        (_of_part(size=5), "whose size does not fit the encryption"),
        (lambda manifest: manifest.update(encryption="age"), "whose size does not fit the encryption"),
        (_blob(parts=[_part(1, 0, 12), _part(2, 12, 8)]), "does not continue the part before it"),
        (_blob(blockSize=100 * 2**20 + 1), "expected 1 to 104857600 bytes"),
        (
            _blob(size=50_001, blockSize=1, parts=[_part(1, 0, 50_001, 1)]),
            "50001 blocks; a blob has at most 50000",
        ),
        (_blob(metadata={"a": "b\r\nx-ms-c: d"}), "printable characters of ASCII"),
        (_blob(metadata={"a\r\nb": "c"}), "a letter or '_'"),
        (_blob(contentType="text/plain\n"), "printable characters of ASCII"),
        (_blob(contentMd5=f"{'é' * 22}=="), "16 bytes in base64"),
        (_blob(name="../private/evil"), "in parts joined by single '/'"),
        (_of_part(file="parts/../x"), "the name of a file in parts/"),
        (_of_part(length="4"), "expected a number of bytes"),
    ],
)
def test_a_manifest_of_another_kind_is_refused(change: Callable[[Any], object], words: str) -> None:
    with pytest.raises(DocumentError, match=words):
        _read(change)
