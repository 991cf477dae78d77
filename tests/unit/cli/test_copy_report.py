"""The result of hop and unpack as a table."""

from __future__ import annotations

from azure.storage.blob import ContentSettings

from acr_transfer.cli.copy_report import copy_table
from acr_transfer.copy.blocks import SourceBlob
from acr_transfer.copy.result import CopyResult, Outcome


def source_blob(size: int, name: str) -> SourceBlob:
    return SourceBlob(name=name, size=size, md5=b"", etag="e", metadata={}, settings=ContentSettings())


def test_the_result_of_hop_is_a_table() -> None:
    carried = [
        CopyResult(blob=source_blob(2048, name="b1"), outcome=Outcome.COPIED, sent=2048),
        CopyResult(blob=source_blob(1, name="batch2"), outcome=Outcome.PRESENT),
    ]
    assert copy_table(carried, 1.25).splitlines() == [
        "blob       size  outcome",
        "b1      2.0 KiB  copied",
        "batch2      1 B  already there",
        "1 copied, 1 already there: 2.0 KiB in 1.2 s",
    ]
