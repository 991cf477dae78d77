"""Failures of containers, blobs and archives."""

from __future__ import annotations

import random
from functools import partial
from typing import Any

from tests.sandbox.failures.scenarios import (
    NO_ERROR,
    REFUSED,
    error_message,
    export_error,
    import_error,
    transfer_archive,
)
from tests.sandbox.failures.table import BothClouds, Scenario, failure
from tests.sandbox.faults import control
from tests.sandbox.transfer.side import SandboxSide, until

_BLOBS = "Blobs and archives"
_CORRUPT = "The archive in blob '…' is corrupt: "

failure(
    _BLOBS,
    "The container does not exist (export)",
    "set the pipeline's URI to a missing container",
    REFUSED + "404 (ContainerNotFound)",
)(lambda clouds: _in_no_container(clouds.source, "export"))
failure(
    _BLOBS,
    "The container does not exist (import)",
    "set an import pipeline's URI to a missing container",
    REFUSED + "404 (ContainerNotFound)",
)(lambda clouds: _in_no_container(clouds.target, "import"))


def _in_no_container(side: SandboxSide, kind: str) -> str:
    letters = "rawl" if kind == "export" else "rl"
    token, uri = side.sas("nowhere", letters), f"{side.blob_url}/nowhere"
    pipeline = side.pipeline(kind, "out", token=token, uri=uri)
    artifacts = (BothClouds.IMAGE,) if kind == "export" else ()
    return error_message(side.run(pipeline, BothClouds.ARCHIVE, *artifacts))


failure(
    _BLOBS,
    "The blob of an import does not exist",
    "name a missing blob in the run",
    REFUSED + "404 (BlobNotFound)",
)(partial(import_error, blob="Good"))


@failure(
    _BLOBS,
    "The blob of an export already exists",
    "export twice to one blob without the option OverwriteBlobs",
    "The blob 'twice' already exists. Set the option OverwriteBlobs or use another name.",
)
def _existing_blob(clouds: BothClouds) -> str:
    assert export_error(clouds, blob="twice", options=("OverwriteBlobs",)) == NO_ERROR
    return export_error(clouds, blob="twice")


@failure(
    _BLOBS,
    "The blob of an export already exists, and `existing` is `skip`",
    "`fault choose source existing skip`, then export twice to one blob",
    "The blob 'twice' already exists and was skipped.",
)
def _skipped_blob(clouds: BothClouds) -> str:
    assert export_error(clouds, blob="twice", options=("OverwriteBlobs",)) == NO_ERROR
    with control.choice(clouds.source.paths, "source", "existing", "skip"):
        return export_error(clouds, blob="twice")


@failure(
    _BLOBS,
    "A tag already exists with other content",
    "push another image under the tag, then import without the option OverwriteTags",
    "Tags already exist in registry 'contosotarget' with another digest: 'fail/clash:1'. Set the option "
    "OverwriteTags to replace them.",
)
def _existing_tag(clouds: BothClouds) -> str:
    transfer_archive(clouds, "clash", "fail/clash:1")
    clouds.target.image("fail/clash", "1")
    return import_error(clouds, blob="clash")


def _with_bytes(change: Any, **more: Any) -> Scenario:
    def run(clouds: BothClouds) -> str:
        body = transfer_archive(clouds, "spoilt", "fail/spoilt:1")
        clouds.target.put_blob(BothClouds.INTO, "spoilt", change(body), **more)
        return import_error(clouds, blob="spoilt")

    return run


def _flipped(body: bytes, part: bytes) -> bytes:
    """The same bytes with one bit changed in the middle of a part."""
    at = body.index(part) + len(part) // 2
    return body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :]


failure(
    _BLOBS,
    "A byte of a layer was changed in transit",
    "upload the archive with one byte changed and a matching Content-MD5",
    _CORRUPT + "content is missing or does not match its digest, for 'fail/spoilt:1'.",
)(_with_bytes(lambda body: _flipped(body, b"fail/spoilt 1 ")))
failure(
    _BLOBS,
    "A byte of a manifest was changed in transit",
    "upload the archive with one byte of a manifest changed",
    "The archive in blob 'spoilt' is corrupt. The content of sha256:… does not match its digest.",
)(_with_bytes(lambda body: _flipped(body, b'"schemaVersion": 2')))
failure(
    _BLOBS,
    "The archive is truncated",
    "upload its first half",
    _CORRUPT + "it ends too early.",
)(_with_bytes(lambda body: body[: len(body) // 2]))
failure(
    _BLOBS,
    "The blob is not an archive",
    "upload any other content",
    _CORRUPT + "it is not an archive of an export.",
)(_with_bytes(lambda body: b"x" * 2048))
failure(
    _BLOBS,
    "Bytes outside the images were changed",
    "append bytes to the archive and keep the old Content-MD5",
    _CORRUPT + "its bytes do not match its Content-MD5.",
)(lambda clouds: _kept_md5(clouds))


def _kept_md5(clouds: BothClouds) -> str:
    body = transfer_archive(clouds, "md5", "fail/md5:1")
    blob = clouds.target.container(BothClouds.INTO).get_blob_client("md5")
    settings = blob.get_blob_properties().content_settings
    clouds.target.put_blob(BothClouds.INTO, "md5", body + b"more")
    blob.set_http_headers(settings)
    return import_error(clouds, blob="md5")


@failure(
    _BLOBS,
    "The archive's digest differs from the run's `catalogDigest`",
    "set another archive's `catalogDigest` in the run's request",
    "The catalog digest of blob 'good' is sha256:…; the run requires sha256:00.",
)
def _other_catalog(clouds: BothClouds) -> str:
    pipeline = clouds.target.pipeline("import", clouds.INTO)
    return error_message(clouds.target.run(pipeline, clouds.ARCHIVE, catalogDigest="sha256:00"))


@failure(
    _BLOBS,
    "The blob is replaced during its import",
    "`fault set target storage --method GET --path /come/large --skip 1 --delay 2s`, upload during the delay",
    REFUSED + "412 (ConditionNotMet)",
)
def _replaced(clouds: BothClouds) -> str:
    body = _large_archive(clouds)
    pipeline = clouds.target.pipeline("import", BothClouds.INTO)
    slow = {"method": "GET", "path": "/come/large", "skip": 1, "delay": 1.5}
    with control.fault(clouds.target.paths, "target", "storage", **slow) as applied:
        run = clouds.target.start(pipeline, "large")
        until(applied, bool)
        clouds.target.put_blob(BothClouds.INTO, "large", body[::-1])
        return error_message(clouds.target.ended(run)["response"])


def _large_archive(clouds: BothClouds) -> bytes:
    """An archive that is larger than one request."""
    clouds.source.image("fail/large", "1", random.Random(1).randbytes(9 << 20))
    assert export_error(clouds, "fail/large:1", blob="large", options=("OverwriteBlobs",)) == NO_ERROR
    body = clouds.source.blob("out", "large")
    clouds.target.put_blob(BothClouds.INTO, "large", body)
    return body
