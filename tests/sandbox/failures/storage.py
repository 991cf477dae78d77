"""Failures of storage: its network, SAS tokens, roles, and a service that is busy."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from sandbox.arm.roles import BLOB_READER
from sandbox.faults import control
from tests.sandbox.failures.playing import (
    LOST,
    NO_ERROR,
    REFUSED,
    at,
    exported,
    imported,
    run_with,
    said,
    while_faulty,
)
from tests.sandbox.failures.table import BothClouds, failure
from tests.sandbox.transfer.side import MODES_VERSION, Json, SandboxSide, until

_STORAGE = "Storage: network, token, role"
_PAST = timedelta(hours=-1)


def _faulty(world: BothClouds) -> str:
    """An export into a blob whose name a fault can know beforehand."""
    return exported(world, blob="faulty", options=("OverwriteBlobs",))


@failure(
    _STORAGE,
    "The SAS token has expired",
    "a token with `se` in the past",
    REFUSED + "403 (AuthenticationFailed)",
)
def _expired(world: BothClouds) -> str:
    sas = world.source.sas("out", "rawl", expiry=datetime.now(UTC) + _PAST)
    return exported(world, token=sas)


@failure(
    _STORAGE,
    "The SAS token expires while the run works",
    "`fault set source storage --path comp=block --delay 2s`, start the run, `fault clock source 2h`",
    REFUSED + "403 (AuthenticationFailed)",
)
def _expires_meanwhile(world: BothClouds) -> str:
    source = world.source
    pipeline = source.pipeline("export", "out")
    with control.fault(source.places, "source", "storage", path="comp=block&", delay=1) as played:
        run = source.start(pipeline, pipeline, world.IMAGE)
        until(played, bool)
        with control.clock(source.places, "source", 7200):
            return said(source.ended(run)["response"])


@failure(
    _STORAGE,
    "The SAS token is not valid yet (a clock that is wrong)",
    "a token with `st` in the future, or `fault clock target 2h --back`",
    REFUSED + "403 (AuthenticationFailed)",
)
def _too_early(world: BothClouds) -> str:
    start = datetime.now(UTC) - timedelta(minutes=15)
    sas = world.target.sas(world.INTO, "rl", start=start)
    with at(world.target, -7200):
        return imported(world, token=sas)


for _letters, _lacks in (("awl", "read"), ("rwl", "add"), ("ral", "write"), ("raw", "list")):
    failure(
        _STORAGE,
        f"The export's SAS token lacks the {_lacks} right",
        f"a token with `sp={_letters}`",
        (
            "Failed to access storage.  Status: 403 (AuthorizationPermissionMismatch).  The SAS token lacks "
            "the add right: an export needs read, add, write and list."
            if _lacks == "add"
            else REFUSED + "403 (AuthorizationPermissionMismatch)"
        ),
    )(partial(exported, letters=_letters))
for _letters, _lacks in (("ld", "read"), ("rd", "list")):
    failure(
        _STORAGE,
        f"The import's SAS token lacks the {_lacks} right",
        f"a token with `sp={_letters}`",
        REFUSED + "403 (AuthorizationPermissionMismatch)",
    )(partial(imported, letters=_letters))
failure(
    _STORAGE,
    "The import's SAS token lacks the delete right: the tags are there, the blob stays",
    "`sp=rl`, and the option DeleteSourceBlobOnSuccess",
    "The source blob was not deleted. " + REFUSED + "403 (AuthorizationPermissionMismatch)",
)(lambda world: imported(world, "DeleteSourceBlobOnSuccess", letters="rl"))
failure(
    _STORAGE,
    "A token for https alone is used over http",
    "a container's address with `http://` in the pipeline",
    REFUSED + "400 (AccountRequiresHttps)",
)(lambda world: exported(world, uri=f"{world.source.blob_url}/out".replace("https:", "http:")))
failure(
    _STORAGE,
    "The SAS token is for another container",
    "a token of another container in the secret",
    REFUSED + "403 (…)",
)(lambda world: exported(world, token=world.source.sas("elsewhere", "rawl")))
failure(
    _STORAGE,
    "The account's SAS token is not for objects",
    "an account SAS with `srt=c`; it takes `srt=sco`",
    REFUSED + "403 (AuthorizationResourceTypeMismatch)",
)(lambda world: imported(world, token=world.target.account_sas("rdl", "c")))
failure(
    _STORAGE,
    "The secret holds no SAS token",
    "anything else in the secret",
    REFUSED + "403 (…)",
)(lambda world: exported(world, token="not-a-token"))


@failure(
    _STORAGE,
    "The account's key was made anew since the token was signed",
    "`az storage account keys renew`, or POST `regenerateKey`",
    REFUSED + "403 (AuthenticationFailed)",
)
def _rotated(world: BothClouds) -> str:
    pipeline = world.target.pipeline("import", world.INTO, token=world.target.sas(world.INTO, "rl", key=1))
    account = world.target.provider("Storage", "storageAccounts", world.target.account)
    world.target.arm("POST", f"{account}/regenerateKey", {"keyName": "key2"})
    return said(world.target.run(pipeline, world.ARCHIVE))


for _how, _properties in (
    ("`publicNetworkAccess: Disabled` on the account", {"publicNetworkAccess": "Disabled"}),
    ("`networkAcls.defaultAction: Deny` on the account", {"networkAcls": {"defaultAction": "Deny"}}),
    ("`allowSharedKeyAccess: false` on the account", {"allowSharedKeyAccess": False}),
):
    _shared = "allowSharedKeyAccess" in _properties

    def _account_is(world: BothClouds, properties: dict[str, Any] = _properties) -> str:
        pipeline = world.source.pipeline("export", "out")
        world.source.put_account(**properties)
        try:
            return said(world.source.run(pipeline, pipeline, world.IMAGE))
        finally:
            world.source.put_account()

    failure(
        _STORAGE,
        "Shared keys are off on the account" if _shared else f"The account's network is closed: {_how}",
        _how,
        REFUSED + ("403 (KeyBasedAuthenticationNotPermitted)" if _shared else "403 (AuthorizationFailure)"),
    )(_account_is)
failure(
    _STORAGE,
    "A firewall stands before storage",
    "`fault set source storage --firewall`",
    REFUSED + "403 (AuthorizationFailure)",
)(while_faulty("storage", _faulty, path="out*faulty", firewall=True))


@failure(
    _STORAGE,
    "ManagedIdentity, and the identity has no role",
    "a pipeline with `storageAccessMode: ManagedIdentity` and no role assignment",
    REFUSED + "403 (AuthorizationPermissionMismatch)",
)
def _no_role(world: BothClouds) -> str:
    return said(run_with(world.source, "export", MODES_VERSION, storageAccessMode="ManagedIdentity"))


@failure(
    _STORAGE,
    "ManagedIdentity, and the identity may only read: an export cannot write",
    "the role Storage Blob Data ArchiveReader",
    REFUSED + "403 (AuthorizationPermissionMismatch)",
)
def _reader_exports(world: BothClouds) -> str:
    return said(_as_reader(world.source, "export"))


@failure(
    _STORAGE,
    "ManagedIdentity, and the identity may only read: an import cannot remove its blob",
    "the role Storage Blob Data ArchiveReader, and the option DeleteSourceBlobOnSuccess",
    "The source blob was not deleted. " + REFUSED + "403 (AuthorizationPermissionMismatch)",
)
def _reader_deletes(world: BothClouds) -> str:
    return said(_as_reader(world.target, "import", "DeleteSourceBlobOnSuccess"))


def _as_reader(side: SandboxSide, kind: str, *options: str) -> Json:
    container = "out" if kind == "export" else BothClouds.INTO
    name = side.pipeline(kind, container)
    place = {
        "type": "AzureStorageBlobContainer",
        "uri": f"{side.blob_url}/{container}",
        "storageAccessMode": "ManagedIdentity",
    }
    body = side.put_pipeline(kind, name, place, options, version=MODES_VERSION)
    side.assign(body["identity"]["principalId"], BLOB_READER)
    artifacts = (BothClouds.IMAGE,) if kind == "export" else ()
    return side.run(name, name if kind == "export" else BothClouds.ARCHIVE, *artifacts)


for _status, _code in ((500, "InternalError"), (503, "ServerBusy"), (429, "TooManyRequests")):
    failure(
        _STORAGE,
        f"Storage answers {_status}, for longer than three tries",
        f"`fault set source storage --status {_status} --code {_code}`",
        REFUSED + f"{_status} ({_code})",
    )(while_faulty("storage", _faulty, path="out*faulty", status=_status, code=_code, retry_after=0))
failure(
    _STORAGE,
    "Storage is busy twice",
    "`fault set source storage --status 503 --retry-after 0 --times 2`",
    NO_ERROR,
)(while_faulty("storage", _faulty, path="out*faulty", status=503, retry_after=0, times=2))
failure(
    _STORAGE,
    "Storage loses connections",
    "`fault set target storage --cut before`",
    LOST,
)(while_faulty("storage", imported, "target", path="come*good", cut="before"))
failure(
    _STORAGE,
    "Storage is slow",
    "`fault set source storage --delay 1s`",
    NO_ERROR,
)(while_faulty("storage", _faulty, path="out*faulty", delay=0.3))
failure(
    _STORAGE,
    "The account is not there",
    "a container's address where nothing answers",
    LOST,
)(lambda world: exported(world, uri="https://localhost:1/account/out"))
