"""Failures of containers, blobs and what is in them."""

from __future__ import annotations

import random
from functools import partial
from typing import Any

from sandbox.faults import control
from tests.sandbox.failures.playing import (
    NO_ERROR,
    REFUSED,
    arrive,
    exported,
    imported,
    said,
)
from tests.sandbox.failures.table import BothClouds, Play, failure
from tests.sandbox.transfer.side import SandboxSide, until

_BLOBS = "Blobs and archives"
_CORRUPT = "The archive in blob '…' is corrupt: "

failure(
    _BLOBS,
    "The container is not there (export)",
    "a container that nobody made in the pipeline's address",
    REFUSED + "404 (ContainerNotFound)",
)(lambda world: _in_no_container(world.source, "export"))
failure(
    _BLOBS,
    "The container is not there (import)",
    "the same in an import pipeline",
    REFUSED + "404 (ContainerNotFound)",
)(lambda world: _in_no_container(world.target, "import"))


def _in_no_container(side: SandboxSide, kind: str) -> str:
    letters = "rawl" if kind == "export" else "rl"
    token, uri = side.sas("nowhere", letters), f"{side.blob_url}/nowhere"
    pipeline = side.pipeline(kind, "out", token=token, uri=uri)
    artifacts = (BothClouds.IMAGE,) if kind == "export" else ()
    return said(side.run(pipeline, BothClouds.ARCHIVE, *artifacts))


failure(
    _BLOBS,
    "The blob of an import is not there, or is spelled otherwise",
    "the name of a blob that nobody wrote",
    REFUSED + "404 (BlobNotFound)",
)(partial(imported, blob="Good"))


@failure(
    _BLOBS,
    "The blob of an export is there, and the pipeline may not overwrite",
    "two exports into one blob without the option OverwriteBlobs",
    "The blob 'twice' already exists. Set the option OverwriteBlobs or use another name.",
)
def _existing_blob(world: BothClouds) -> str:
    assert exported(world, blob="twice", options=("OverwriteBlobs",)) == NO_ERROR
    return exported(world, blob="twice")


@failure(
    _BLOBS,
    "The same, where the other choice is set: the blob is left alone",
    "`fault choose source existing skip`",
    "The blob 'twice' already exists and was left alone.",
)
def _skipped_blob(world: BothClouds) -> str:
    assert exported(world, blob="twice", options=("OverwriteBlobs",)) == NO_ERROR
    with control.choice(world.source.places, "source", "existing", "skip"):
        return exported(world, blob="twice")


@failure(
    _BLOBS,
    "A tag is there with other content, and the pipeline may not overwrite",
    "push another image under the tag, then import without the option OverwriteTags",
    "Tags already exist in registry 'contosotarget' with another digest: 'fail/clash:1'. Set the option "
    "OverwriteTags to replace them.",
)
def _existing_tag(world: BothClouds) -> str:
    arrive(world, "clash", "fail/clash:1")
    world.target.image("fail/clash", "1")
    return imported(world, blob="clash")


def _with_bytes(change: Any, **more: Any) -> Play:
    def run(world: BothClouds) -> str:
        body = arrive(world, "spoilt", "fail/spoilt:1")
        world.target.put_blob(BothClouds.INTO, "spoilt", change(body), **more)
        return imported(world, blob="spoilt")

    return run


def _flipped(body: bytes, part: bytes) -> bytes:
    """The same with one bit changed in the middle of a part that is found in it."""
    at = body.index(part) + len(part) // 2
    return body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :]


failure(
    _BLOBS,
    "A byte of a layer was changed on the way",
    "upload the archive with one byte changed; the trigger's marks may fit",
    _CORRUPT + "content is missing or does not match its digest, for 'fail/spoilt:1'.",
)(_with_bytes(lambda body: _flipped(body, b"fail/spoilt 1 ")))
failure(
    _BLOBS,
    "A byte of a manifest was changed on the way",
    "the same within a manifest",
    "The archive in blob 'spoilt' is corrupt. The content of sha256:… does not match its digest.",
)(_with_bytes(lambda body: _flipped(body, b'"schemaVersion": 2')))
failure(
    _BLOBS,
    "The archive was cut short",
    "upload its first half",
    _CORRUPT + "it ends too early.",
)(_with_bytes(lambda body: body[: len(body) // 2]))
failure(
    _BLOBS,
    "The blob is no archive",
    "upload anything else",
    _CORRUPT + "it is no archive of an export.",
)(_with_bytes(lambda body: b"x" * 2048))
failure(
    _BLOBS,
    "Bytes were changed that belong to no image",
    "append bytes to the archive and keep the old Content-MD5",
    _CORRUPT + "its bytes do not match its Content-MD5.",
)(lambda world: _kept_md5(world))


def _kept_md5(world: BothClouds) -> str:
    body = arrive(world, "md5", "fail/md5:1")
    blob = world.target.container(BothClouds.INTO).get_blob_client("md5")
    settings = blob.get_blob_properties().content_settings
    world.target.put_blob(BothClouds.INTO, "md5", body + b"more")
    blob.set_http_headers(settings)
    return imported(world, blob="md5")


@failure(
    _BLOBS,
    "The archive has another digest than the run says",
    "`catalogDigest` of another archive in the run's request",
    "The catalog digest of blob 'good' is sha256:…, not sha256:00 as the run says.",
)
def _other_catalog(world: BothClouds) -> str:
    pipeline = world.target.pipeline("import", world.INTO)
    return said(world.target.run(pipeline, world.ARCHIVE, catalogDigest="sha256:00"))


@failure(
    _BLOBS,
    "The blob is replaced while it is imported",
    "`fault set target storage --method GET --path /come/large --skip 1 --delay 2s`, upload meanwhile",
    REFUSED + "412 (ConditionNotMet)",
)
def _replaced(world: BothClouds) -> str:
    body = _large_archive(world)
    pipeline = world.target.pipeline("import", BothClouds.INTO)
    slow = {"method": "GET", "path": "/come/large", "skip": 1, "delay": 1.5}
    with control.fault(world.target.places, "target", "storage", **slow) as played:
        run = world.target.start(pipeline, "large")
        until(played, bool)
        world.target.put_blob(BothClouds.INTO, "large", body[::-1])
        return said(world.target.ended(run)["response"])


def _large_archive(world: BothClouds) -> bytes:
    """An archive that takes more than one request."""
    world.source.image("fail/large", "1", random.Random(1).randbytes(9 << 20))
    assert exported(world, "fail/large:1", blob="large", options=("OverwriteBlobs",)) == NO_ERROR
    body = world.source.blob("out", "large")
    world.target.put_blob(BothClouds.INTO, "large", body)
    return body
