"""The receipt: it grows with each proof, and belongs to one target."""

from __future__ import annotations

from pathlib import Path

import pytest

from acr_transfer.model.documents.receipt import ProvedArtifact, Receipt
from acr_transfer.model.errors import ModelError

DIGEST = f"sha256:{1:064x}"
NOW = "2026-11-24T00:00:00Z"


def proved(*references: str) -> list[ProvedArtifact]:
    return [ProvedArtifact(reference=name, digest=DIGEST, proved_at=NOW) for name in references]


def test_a_receipt_grows_and_loses_what_is_not_right_any_more(tmp_path: Path) -> None:
    path = tmp_path / "receipt.json"
    Receipt.read_or_create(path, "host:1").after_proof(proved("b:1", "a:1"), []).write(path)
    assert [one.reference for one in Receipt.read(path).artifacts] == ["a:1", "b:1"]
    Receipt.read_or_create(path, "host:1").after_proof(proved("c:1", "b:1"), ["a:1"]).write(path)
    assert Receipt.read(path).digests == {"b:1": DIGEST, "c:1": DIGEST}


def test_a_receipt_of_another_target_is_refused(tmp_path: Path) -> None:
    Receipt.of("host:1").write(tmp_path / "receipt.json")
    with pytest.raises(ModelError, match="belongs to the registry host:1, this proof to host:2"):
        Receipt.read_or_create(tmp_path / "receipt.json", "host:2")
