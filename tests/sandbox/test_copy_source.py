"""The storage of one cloud copies from the other's by URL, as Azure's client requests it."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from azure.core import MatchConditions
from azure.core.exceptions import HttpResponseError
from azure.storage.blob import (
    BlobBlock,
    BlobClient,
    BlobSasPermissions,
    BlobServiceClient,
    ContainerClient,
    generate_blob_sas,
)

from sandbox.cloud.cloud import ACCOUNTS, Cloud
from sandbox.cloud.definitions import CLOUDS
from sandbox.cloud.paths import Paths
from sandbox.storage import blobs
from tests.engine.existing import Existing
from tests.sandbox.faults.control import choice, fault
from tests.sandbox.here import refusal

CONTENT = b"what an export run wrote"
MD5 = hashlib.md5(CONTENT).digest()


@dataclass
class Pair:
    """A container in each cloud, and a blob in the first one."""

    paths: Paths
    containers: tuple[ContainerClient, ContainerClient]
    key: str
    """The key of the source's account."""

    def link(self, name: str = "blob", **changes: Any) -> str:
        """A URL that reads a blob of the source for an hour."""
        blob = self.containers[0].get_blob_client(name)
        given = {
            "permission": BlobSasPermissions(read=True),
            "expiry": datetime.now(UTC) + timedelta(hours=1),
        }
        token = generate_blob_sas(
            str(blob.account_name),
            blob.container_name,
            blob.blob_name,
            **{"account_key": self.key, **given, **changes},
        )
        return f"{blob.url}?{token}"

    def copy(self, link: str = "", **options: Any) -> BlobClient:
        """Put Blob From URL to a new name; no request is repeated."""
        blob = self.containers[1].get_blob_client(uuid.uuid4().hex)
        blob.upload_blob_from_url(link or self.link(), retry_total=0, **options)
        return blob

    def copied(self) -> list[bytes]:
        return [
            self.containers[1].download_blob(blob.name).readall() for blob in self.containers[1].list_blobs()
        ]


@pytest.fixture(scope="module")
def pair(paths: Paths) -> Iterator[Pair]:
    name, containers, keys = f"copies{uuid.uuid4().hex[:8]}", [], []
    for definition in CLOUDS:
        Existing.of(paths, definition, "copies").account(name, "images")
        cloud = Cloud(definition, paths)
        (account,) = (body for body in cloud.resources.of_type(ACCOUNTS) if body["name"] == name)
        keys.append(blobs.keys(cloud, account)[0])
        url = cloud.blob_url(name)
        service = BlobServiceClient(url, keys[-1], connection_verify=str(paths.authority))
        containers.append(service.get_container_client("images"))
        cloud.database.close()
    containers[0].upload_blob("blob", CONTENT)
    with choice(paths, "target", "other-cloud", "reachable"):
        yield Pair(paths, (containers[0], containers[1]), keys[0])


@pytest.fixture(autouse=True)
def _empty(pair: Pair) -> None:
    for blob in pair.containers[1].list_blobs():
        pair.containers[1].delete_blob(blob.name)


def test_a_blob_is_copied_with_its_md5_and_the_given_properties(pair: Pair) -> None:
    copied = pair.copy(source_content_md5=bytearray(MD5), metadata={"category": "x"}).get_blob_properties()
    assert pair.copied() == [CONTENT]
    assert (bytes(copied.content_settings.content_md5 or b""), copied.metadata) == (MD5, {"category": "x"})


def test_a_block_is_copied_from_a_range(pair: Pair) -> None:
    blob = pair.containers[1].get_blob_client("blocks")
    blob.stage_block_from_url("a", pair.link(), 5, 2)
    blob.stage_block_from_url("b", pair.link(), 0, 4)
    blob.commit_block_list([BlobBlock("a"), BlobBlock("b")])
    assert pair.copied() == [CONTENT[5:7] + CONTENT[:4]]


@pytest.mark.parametrize("by", ["blob", "block"])
def test_a_changed_source_is_refused(by: str, pair: Pair) -> None:
    if by == "blob":
        condition: Any = {"source_etag": '"0x1"', "source_match_condition": MatchConditions.IfNotModified}
        assert refusal(lambda: pair.copy(**condition)) == "SourceConditionNotMet"
    else:
        blob = pair.containers[1].get_blob_client("blocks")
        headers = {"x-ms-source-if-match": '"0x1"'}
        assert (
            refusal(lambda: blob.stage_block_from_url("a", pair.link(), 0, 4, headers=headers))
            == "SourceConditionNotMet"
        )


def test_content_with_another_md5_is_refused_and_no_blob_exists(pair: Pair) -> None:
    path = "/images/blob"
    with fault(pair.paths, "source", "storage", method="GET", path=path, damage=True):
        assert refusal(lambda: pair.copy(source_content_md5=bytearray(MD5))) == "Md5Mismatch"
        assert pair.copied() == []
        pair.copy()
    assert pair.copied() == [bytes([CONTENT[0] ^ 1]) + CONTENT[1:]]


def test_only_x_ms_source_content_md5_is_compared(pair: Pair) -> None:
    pair.copy(headers={"x-ms-blob-content-md5": "AAAAAAAAAAAAAAAAAAAAAA=="})
    assert pair.copied() == [CONTENT]


def test_the_conditions_of_the_target_hold(pair: Pair) -> None:
    pair.containers[1].upload_blob("taken", b"theirs")
    taken = pair.containers[1].get_blob_client("taken")
    assert refusal(lambda: taken.upload_blob_from_url(pair.link())) == "BlobAlreadyExists"
    condition: Any = {"etag": '"0x1"', "match_condition": MatchConditions.IfNotModified}
    assert refusal(lambda: taken.upload_blob_from_url(pair.link(), **condition)) == "ConditionNotMet"
    assert pair.copied() == [b"theirs"]


REFUSED: dict[str, dict[str, Any]] = {
    "another key": {"account_key": "AAAA"},
    "an expired token": {"expiry": "2020-01-01T00:00:00Z"},
    "a token that writes": {"permission": BlobSasPermissions(write=True)},
}


@pytest.mark.parametrize("name", REFUSED)
def test_the_copy_source_needs_its_authorization(name: str, pair: Pair) -> None:
    assert _answer(pair, pair.link(**REFUSED[name])) == (403, "CannotVerifyCopySource")


def test_a_missing_blob_and_a_cloud_that_cannot_be_reached_are_not_found(pair: Pair) -> None:
    link = pair.link()
    assert _answer(pair, pair.link("nothing")) == (404, "CannotVerifyCopySource")
    assert _answer(pair, "https://localhost:1/elsewhere") == (404, "CannotVerifyCopySource")
    with choice(pair.paths, "target", "other-cloud", "unreachable"):
        assert _answer(pair, link) == (404, "CannotVerifyCopySource")


def test_a_closed_firewall_of_the_source_refuses_the_copy(pair: Pair) -> None:
    with fault(pair.paths, "source", "storage", firewall=True):
        assert _answer(pair, pair.link()) == (403, "CannotVerifyCopySource")


@pytest.mark.parametrize(("answer", "status"), [("conflict", 409), ("status", 503)])
def test_a_busy_source_has_the_chosen_status(answer: str, status: int, pair: Pair) -> None:
    with (
        choice(pair.paths, "target", "busy-copy-source", answer),
        fault(pair.paths, "source", "storage", status=503),
        pytest.raises(HttpResponseError) as failed,
    ):
        pair.copy()
    headers = cast(Any, failed.value.response).headers
    assert (failed.value.status_code, headers["x-ms-copy-source-error-code"]) == (status, "ServerBusy")


def test_a_source_that_ends_early_is_not_copied(pair: Pair) -> None:
    with fault(pair.paths, "source", "storage", method="GET", cut="after"):
        assert _answer(pair, pair.link()) == (500, "CannotVerifyCopySource")


def _answer(pair: Pair, link: str) -> tuple[int | None, str]:
    with pytest.raises(HttpResponseError) as failed:
        pair.copy(link)
    assert pair.copied() == []
    code = getattr(failed.value, "error_code", None)
    return failed.value.status_code, str(getattr(code, "value", code))
