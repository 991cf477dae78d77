"""Cases of the rules about SAS tokens and the secrets that hold them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from tests.policy.tables import UNKNOWN, Resource, Table, absent, bad, good, other, unknown

SECRET = "azure-native:keyvault:Secret"
KEY = "azure-native:keyvault:Key"
SIGNATURE = "c2VjcmV0IHNpZ25hdHVyZSB0aGF0IG5vYm9keSBzZWVz"
NOW = datetime.now(UTC).replace(microsecond=0)
SOON = NOW + timedelta(days=3)


def stamp(time: datetime) -> str:
    return f"{time:%Y-%m-%dT%H:%M:%SZ}"


def token(mark: str = "?", **fields: str | None) -> str:
    """A container's token for an export; None removes a field."""
    usual: dict[str, str | None] = {"sp": "rawl", "spr": "https", "sr": "c", "se": stamp(SOON)}
    said = {name: value for name, value in {**usual, **fields}.items() if value is not None}
    return mark + urlencode({**said, "sv": "2025-01-05", "sig": SIGNATURE})


def tags(direction: str = "export", sp: str | None = None, expiry: str | None = None) -> dict[str, str]:
    every = {"direction": direction, "sp": sp, "expiry": expiry}
    return {f"acr-transfer-{name}": value for name, value in every.items() if value}


def secret(
    value: str | None = None, tagged: Any = None, expires: Any = None, type: str = SECRET, **properties: Any
) -> Resource:
    held = {"value": value, "attributes": {"expires": expires}, **properties}
    return Resource(type, {"secretName": "sas", "properties": held, "tags": tagged}, "secret")


TAGGED = tags()
FOR_IMPORT = tags("import")
PLAIN = "just a password"
EXPIRY = SOON.timestamp()

CASES: Table = {
    "sas-question-mark": [
        good(secret(token())),
        good(secret(PLAIN)),
        bad(secret(token("")), finds=["Secret sas: ACR Transfer expects exactly one '?' before the token"]),
        bad(secret(token("??")), finds=["Secret sas"]),
        bad(secret("anything", TAGGED), finds=["Secret sas"]),
        unknown(secret(UNKNOWN, tags(sp="rawl", expiry=stamp(SOON)))),
        unknown(Resource(SECRET, {"properties": UNKNOWN, "tags": TAGGED})),
        absent(secret()),
        absent(secret(None, TAGGED)),
        other(secret(token(""), type=KEY)),
    ],
    "sas-permissions": [
        good(secret(token(), TAGGED)),
        good(secret(token(sp="lwar"), tags("Export"))),
        good(secret(token(sp="rl"), FOR_IMPORT)),
        good(secret(token(sp="rdl"), tags("import", "rld"))),
        good(secret(token(sp="rdl"), FOR_IMPORT)),
        good(secret(token(sp="rl"))),
        good(secret(PLAIN)),
        bad(
            secret(token(sp="racwdl"), TAGGED),
            finds=["The SAS token of secret sas has excess permissions: c, d."],
        ),
        bad(secret(token(sp="rw"), TAGGED), finds=["The SAS token of secret sas lacks: a, l."]),
        bad(secret(token(sp="rwd"), TAGGED), finds=["has excess permissions: d and lacks: a, l."]),
        bad(secret(token(sp="rld"), tags("import", "rl")), finds=["has excess permissions: d."]),
        bad(secret(token(), FOR_IMPORT), finds=["has excess permissions: a, w."]),
        bad(secret(token(sp="rl"), TAGGED), finds=["lacks: a, w."]),
        bad(secret(token(sp="rlx")), finds=["has excess permissions: x."]),
        bad(secret(token(sp=None), FOR_IMPORT), finds=["lacks: l, r."]),
        bad(secret("[secret]", tags(sp="rawdl", expiry=stamp(SOON))), finds=["has excess permissions: d."]),
        unknown(secret(UNKNOWN, tags(sp="rawl", expiry=stamp(SOON)))),
        unknown(secret(UNKNOWN, tags(sp="rwl", expiry=stamp(SOON))), finds=["lacks: a."]),
        unknown(secret(UNKNOWN, TAGGED)),
        absent(secret()),
        other(secret(token(sp="racwdl"), TAGGED, type=KEY)),
    ],
    "sas-https-only": [
        good(secret(token())),
        good(secret(PLAIN)),
        bad(secret(token(spr="https,http")), finds=["The SAS token of secret sas is valid over HTTP"]),
        bad(secret(token(spr=None)), finds=["valid over HTTP"]),
        unknown(secret(UNKNOWN, tags(sp="rawl", expiry=stamp(SOON)))),
        absent(secret()),
        other(secret(token(spr=None), type=KEY)),
    ],
    "sas-container-scope": [
        good(secret(token())),
        good(secret(token(sr=None, ss="b", srt="sco")), allowAccountSas=True),
        good(secret(PLAIN)),
        bad(secret(token(sr="b")), finds=["The SAS token of secret sas is not a container SAS"]),
        bad(secret(token(sr=None)), finds=["is not a container SAS"]),
        bad(secret(token(sr="b")), finds=["is not a container SAS"], allowAccountSas=True),
        bad(
            secret(token(sr=None, ss="b", srt="sco")),
            finds=["The SAS token of secret sas opens the whole account"],
        ),
        unknown(secret(UNKNOWN, tags(sp="rawl", expiry=stamp(SOON)))),
        absent(secret()),
        other(secret(token(sr="b"), type=KEY)),
    ],
    "sas-lifetime": [
        good(secret(token())),
        good(secret(token(se=f"{SOON:%Y-%m-%d}"))),
        good(secret(token(st=stamp(NOW - timedelta(days=3))))),
        good(secret(token(se=stamp(NOW + timedelta(days=20)))), maxDays=30.0),
        good(secret(token(se=stamp(NOW + timedelta(days=20)), st=stamp(NOW + timedelta(days=15))))),
        good(secret(PLAIN)),
        bad(
            secret(token(se="2020-01-01T00:00:00Z")),
            finds=["SAS token sas expired at 2020-01-01T00:00:00Z"],
        ),
        bad(secret(token(se=None)), finds=["SAS token sas has no expiry"]),
        bad(secret(token(se="9999-12-31T23:00:00-10:00")), finds=["SAS token sas has no expiry"]),
        bad(secret(token(se="when it ends")), finds=["SAS token sas has no expiry"]),
        bad(
            secret(token(se="2999-01-01T02:00:00+02:00", st="2998-12-22T00:00:00Z")),
            finds=[
                "SAS token sas expires at 2999-01-01T00:00:00Z: its life is 10.0 days, and the limit is 7."
            ],
        ),
        bad(secret(token()), finds=["the limit is 2."], maxDays=2.0),
        unknown(secret(UNKNOWN, tags(sp="rawl", expiry=stamp(SOON)))),
        unknown(secret(UNKNOWN, TAGGED)),
        unknown(secret(UNKNOWN, tags(sp="rawl"))),
        unknown(secret(UNKNOWN, tags(sp="rawl", expiry="2020-01-01T00:00:00Z")), finds=["expired at"]),
        absent(secret()),
        other(secret(token(se=None), type=KEY)),
    ],
    "sas-expires-soon": [
        good(secret(token())),
        good(secret(token(se="2020-01-01T00:00:00Z"))),
        good(secret(token(se=stamp(NOW + timedelta(hours=20)))), minDays=0.5),
        good(secret(PLAIN)),
        bad(secret(token(se=stamp(NOW + timedelta(hours=20)))), finds=["SAS token sas expires in "]),
        bad(secret(token()), finds=["h; a run may outlive it"], minDays=4.0),
        unknown(secret(UNKNOWN, TAGGED)),
        unknown(secret(UNKNOWN, tags(sp="rawl", expiry=stamp(SOON)))),
        absent(secret()),
        other(secret(token(se=stamp(NOW + timedelta(hours=20))), type=KEY)),
    ],
    "secret-expiry": [
        good(secret(token(), TAGGED, EXPIRY)),
        good(secret(token(), TAGGED, EXPIRY - 299)),
        good(secret(PLAIN)),
        bad(secret(token()), finds=["Secret sas has no expiry"]),
        bad(
            secret(token(), TAGGED, EXPIRY + 60),
            finds=[f"expires after its SAS token, which expires at {stamp(SOON)}"],
        ),
        bad(secret(token(), TAGGED, 1e30), finds=["expires after its SAS"]),
        bad(secret(token(), TAGGED, EXPIRY - 600), finds=["Secret sas expires before its SAS"]),
        bad(
            secret(UNKNOWN, tags(sp="rawl", expiry=stamp(SOON)), EXPIRY + 60), finds=["expires after its SAS"]
        ),
        unknown(secret(token(), TAGGED, UNKNOWN)),
        unknown(secret(UNKNOWN, TAGGED, EXPIRY)),
        absent(secret(None, TAGGED), finds=["Secret sas has no expiry"]),
        other(secret(token(), type=KEY)),
    ],
    "secret-readable": [
        good(secret(token(), attributes={"enabled": True})),
        good(secret(token(), attributes={"notBefore": NOW.timestamp() - 60})),
        good(secret(PLAIN, attributes={"enabled": False})),
        bad(secret(token(), attributes={"enabled": False}), finds=["Secret sas is disabled"]),
        bad(secret(UNKNOWN, TAGGED, attributes={"enabled": False}), finds=["Secret sas is disabled"]),
        bad(
            secret(token(), attributes={"notBefore": NOW.timestamp() + 7_200}),
            finds=["Secret sas is valid in "],
        ),
        unknown(secret(token(), attributes={"enabled": UNKNOWN, "notBefore": UNKNOWN})),
        unknown(secret(token(), attributes=UNKNOWN)),
        absent(secret(token())),
        other(secret(token(), type=KEY, attributes={"enabled": False})),
    ],
    "secret-content-type": [
        good(secret(token(), contentType="application/x-azure-sas")),
        good(secret(PLAIN)),
        bad(secret(token(), TAGGED), finds=["Secret sas has no content type"]),
        bad(secret(token()), finds=["Secret sas has no content type"]),
        unknown(secret(token(), contentType=UNKNOWN)),
        absent(secret(None, TAGGED), finds=["has no content type"]),
        other(secret(token(), type=KEY)),
    ],
    "no-account-key": [
        good(secret(token())),
        good(secret(PLAIN)),
        bad(
            secret("AccountName=transfers;AccountKey=abc"),
            finds=["Secret sas holds an account key instead of a SAS token"],
        ),
        bad(secret("Endpoint=x;SharedAccessKey=abc"), finds=["Secret sas holds an account key"]),
        unknown(secret(UNKNOWN)),
        absent(secret()),
        other(secret("AccountKey=abc", type=KEY)),
    ],
}
