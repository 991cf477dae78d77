"""Good documents, for property tests."""

from __future__ import annotations

import base64
from typing import Any

from hypothesis import strategies as st


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _with_its_digest(entry: dict[str, Any]) -> dict[str, Any]:
    digest = str(entry["reference"]).partition("@")[2]
    return {**entry, "digest": digest} if digest else entry


hexes = st.text("0123456789abcdef", min_size=64, max_size=64)
digests = hexes.map("sha256:{}".format)
texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)
names = st.lists(st.text("abc.-ä", max_size=6).map("{}x".format), min_size=1, max_size=3).map("/".join)
sizes = st.integers(0, 1 << 50)
tagged = st.from_regex(
    r"[a-z0-9]{1,8}(/[a-z0-9]{1,4}(__|\.|-{1,2})[a-z]){0,2}:[A-Za-z0-9_]{1,9}", fullmatch=True
)
references = tagged | st.builds("app@{}".format, digests)
_manifests = st.fixed_dictionaries(
    {"digest": digests, "mediaType": texts, "size": sizes}, optional={"platform": texts}
)
_entries = st.fixed_dictionaries(
    {
        "reference": references,
        "digest": digests,
        "mediaType": texts,
        "size": sizes,
        "children": st.lists(_manifests, max_size=2),
        "referrers": st.lists(digests, max_size=2),
    },
    optional={"artifactType": texts, "subject": digests, "later": texts},
).map(_with_its_digest)
entries = st.lists(_entries, max_size=2, unique_by=lambda one: one["reference"])
_blobs = st.fixed_dictionaries(
    {"name": names, "artifacts": st.lists(references, min_size=1, max_size=2)},
    optional={
        "size": sizes,
        "contentMd5": st.binary(min_size=16, max_size=16).map(_base64),
        "sha256": hexes,
    },
)
hosts = st.sampled_from(["images.example", "127.0.0.1:5000"])
_urls = st.sampled_from(["https://a.example/transfer", "https://[::1]:1/a/$root"])
handovers = st.fixed_dictionaries(
    {
        "schema": st.just(1),
        "source": st.fixed_dictionaries({"loginServer": hosts, "containerUrl": _urls}),
        "blobs": st.lists(_blobs, max_size=2, unique_by=lambda one: one["name"]),
        "artifacts": entries,
        "checksum": digests,
    },
    optional={"more": texts},
)
locks = st.fixed_dictionaries(
    {"schema": st.just(1), "registry": hosts, "artifacts": entries, "checksum": digests},
    optional={"more": texts},
)
receipts = st.fixed_dictionaries(
    {
        "schema": st.just(1),
        "registry": hosts,
        "artifacts": st.lists(
            st.fixed_dictionaries({"reference": references, "digest": digests, "provedAt": texts}), max_size=2
        ),
        "checksum": digests,
    }
)
