"""Failures of storage: network, SAS tokens, roles, and a busy service."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from sandbox.arm.roles import BLOB_READER
from tests.sandbox.failures.scenarios import (
    LOST,
    NO_ERROR,
    REFUSED,
    error_message,
    export_error,
    import_error,
    run_with_container,
    shifted_clock,
    with_fault,
)
from tests.sandbox.failures.table import BothClouds, failure
from tests.sandbox.faults import control
from tests.sandbox.transfer.side import MODES_VERSION, Json, SandboxSide, until

_STORAGE = "Storage: network, SAS token, role"
_PAST = timedelta(hours=-1)


def _faulty(clouds: BothClouds) -> str:
    """Export to a blob whose name is known to the fault."""
    return export_error(clouds, blob="faulty", options=("OverwriteBlobs",))


@failure(
    _STORAGE,
    "The SAS token has expired",
    "use a SAS token with `se` in the past",
    REFUSED + "403 (AuthenticationFailed)",
)
def _expired(clouds: BothClouds) -> str:
    sas = clouds.source.sas("out", "rawl", expiry=datetime.now(UTC) + _PAST)
    return export_error(clouds, token=sas)


@failure(
    _STORAGE,
    "The SAS token expires during the run",
    "`fault set source storage --path comp=block --delay 2s`, start the run, `fault clock source 2h`",
    REFUSED + "403 (AuthenticationFailed)",
)
def _expires_during_run(clouds: BothClouds) -> str:
    source = clouds.source
    pipeline = source.pipeline("export", "out")
    with control.fault(source.paths, "source", "storage", path="comp=block&", delay=1) as applied:
        run = source.start(pipeline, pipeline, clouds.IMAGE)
        until(applied, bool)
        with control.clock(source.paths, "source", 7200):
            return error_message(source.ended(run)["response"])


@failure(
    _STORAGE,
    "The SAS token is not valid yet (a clock is wrong)",
    "use a SAS token with `st` in the future, or `fault clock target 2h --back`",
    REFUSED + "403 (AuthenticationFailed)",
)
def _too_early(clouds: BothClouds) -> str:
    start = datetime.now(UTC) - timedelta(minutes=15)
    sas = clouds.target.sas(clouds.INTO, "rl", start=start)
    with shifted_clock(clouds.target, -7200):
        return import_error(clouds, token=sas)


for _letters, _lacks in (("awl", "read"), ("rwl", "add"), ("ral", "write"), ("raw", "list")):
    failure(
        _STORAGE,
        f"The export's SAS token lacks the {_lacks} permission",
        f"use a SAS token with `sp={_letters}`",
        (
            "Failed to access storage.  Status: 403 (AuthorizationPermissionMismatch).  The SAS token lacks "
            "the add permission: an export needs read, add, write and list."
            if _lacks == "add"
            else REFUSED + "403 (AuthorizationPermissionMismatch)"
        ),
    )(partial(export_error, letters=_letters))
for _letters, _lacks in (("ld", "read"), ("rd", "list")):
    failure(
        _STORAGE,
        f"The import's SAS token lacks the {_lacks} permission",
        f"use a SAS token with `sp={_letters}`",
        REFUSED + "403 (AuthorizationPermissionMismatch)",
    )(partial(import_error, letters=_letters))
failure(
    _STORAGE,
    "The import's SAS token lacks the delete permission: the tags are imported, the blob remains",
    "use a SAS token with `sp=rl`, and the option DeleteSourceBlobOnSuccess",
    "The source blob was not deleted. " + REFUSED + "403 (AuthorizationPermissionMismatch)",
)(lambda clouds: import_error(clouds, "DeleteSourceBlobOnSuccess", letters="rl"))
failure(
    _STORAGE,
    "The pipeline's URI uses http",
    "set an `http://` container URI in the pipeline",
    REFUSED + "400 (AccountRequiresHttps)",
)(lambda clouds: export_error(clouds, uri=f"{clouds.source.blob_url}/out".replace("https:", "http:")))
failure(
    _STORAGE,
    "The SAS token is for another container",
    "store another container's SAS token in the secret",
    REFUSED + "403 (…)",
)(lambda clouds: export_error(clouds, token=clouds.source.sas("elsewhere", "rawl")))
failure(
    _STORAGE,
    "The SAS token is for HTTP only",
    "use a SAS token with `spr=http`",
    REFUSED + "403 (AuthorizationProtocolMismatch)",
)(lambda clouds: export_error(clouds, token=clouds.source.sas("out", "rawl", protocol="http")))
failure(
    _STORAGE,
    "The SAS token is that of an account",
    "use an account SAS with `srt=sco`; `fault choose target account-sas accept` ends it",
    "Failed to access storage.  Status: 403 (AuthorizationPermissionMismatch).  The SAS token is that of an "
    "account: a pipeline needs the SAS token of a container.",
)(lambda clouds: import_error(clouds, token=clouds.target.account_sas("rdl", "sco")))


@failure(
    _STORAGE,
    "The account SAS does not cover objects, and `account-sas` is `accept`",
    "`fault choose target account-sas accept`, then use an account SAS with `srt=c` instead of `srt=sco`",
    REFUSED + "403 (AuthorizationResourceTypeMismatch)",
)
def _without_objects(clouds: BothClouds) -> str:
    with control.choice(clouds.target.paths, "target", "account-sas", "accept"):
        return import_error(clouds, token=clouds.target.account_sas("rdl", "c"))


failure(
    _STORAGE,
    "The secret is not a SAS token",
    "store any other text in the secret",
    REFUSED + "403 (…)",
)(lambda clouds: export_error(clouds, token="not-a-token"))


@failure(
    _STORAGE,
    "The account key was regenerated after the SAS token was signed",
    "`az storage account keys renew`, or POST `regenerateKey`",
    REFUSED + "403 (AuthenticationFailed)",
)
def _rotated(clouds: BothClouds) -> str:
    pipeline = clouds.target.pipeline(
        "import", clouds.INTO, token=clouds.target.sas(clouds.INTO, "rl", key=1)
    )
    account = clouds.target.provider("Storage", "storageAccounts", clouds.target.account)
    clouds.target.arm("POST", f"{account}/regenerateKey", {"keyName": "key2"})
    return error_message(clouds.target.run(pipeline, clouds.ARCHIVE))


for _how, _properties in (
    ("`publicNetworkAccess: Disabled`", {"publicNetworkAccess": "Disabled"}),
    ("`networkAcls.defaultAction: Deny`", {"networkAcls": {"defaultAction": "Deny"}}),
    (
        "`networkAcls.defaultAction: Deny` with an entry in `ipRules`, which admits people only",
        {"networkAcls": {"defaultAction": "Deny", "ipRules": [{"value": "127.0.0.1"}]}},
    ),
    ("`allowSharedKeyAccess: false`", {"allowSharedKeyAccess": False}),
):
    _shared = "allowSharedKeyAccess" in _properties

    def _account_is(clouds: BothClouds, properties: dict[str, Any] = _properties) -> str:
        pipeline = clouds.source.pipeline("export", "out")
        clouds.source.put_account(**properties)
        try:
            return error_message(clouds.source.run(pipeline, pipeline, clouds.IMAGE))
        finally:
            clouds.source.put_account()

    failure(
        _STORAGE,
        "The account does not allow shared keys" if _shared else f"The account's firewall is closed: {_how}",
        f"set {_how} on the account",
        REFUSED + ("403 (KeyBasedAuthenticationNotPermitted)" if _shared else "403 (AuthorizationFailure)"),
    )(_account_is)
failure(
    _STORAGE,
    "A firewall blocks storage",
    "`fault set source storage --firewall`",
    REFUSED + "403 (AuthorizationFailure)",
)(with_fault("storage", _faulty, path="out*faulty", firewall=True))


@failure(
    _STORAGE,
    "ManagedIdentity: the identity has no role",
    "create a pipeline with `storageAccessMode: ManagedIdentity` and no role assignment",
    REFUSED + "403 (AuthorizationPermissionMismatch)",
)
def _no_role(clouds: BothClouds) -> str:
    return error_message(
        run_with_container(clouds.source, "export", MODES_VERSION, storageAccessMode="ManagedIdentity")
    )


@failure(
    _STORAGE,
    "ManagedIdentity: the identity of an export can only read",
    "assign the role Storage Blob Data Reader",
    REFUSED + "403 (AuthorizationPermissionMismatch)",
)
def _reader_exports(clouds: BothClouds) -> str:
    return error_message(_as_reader(clouds.source, "export"))


@failure(
    _STORAGE,
    "ManagedIdentity: the identity of an import can only read, so the blob remains",
    "assign the role Storage Blob Data Reader; set the option DeleteSourceBlobOnSuccess",
    "The source blob was not deleted. " + REFUSED + "403 (AuthorizationPermissionMismatch)",
)
def _reader_deletes(clouds: BothClouds) -> str:
    return error_message(_as_reader(clouds.target, "import", "DeleteSourceBlobOnSuccess"))


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
        f"Storage returns {_status} for more than three attempts",
        f"`fault set source storage --status {_status} --code {_code}`",
        REFUSED + f"{_status} ({_code})",
    )(with_fault("storage", _faulty, path="out*faulty", status=_status, code=_code, retry_after=0))
failure(
    _STORAGE,
    "Storage returns 503 twice",
    "`fault set source storage --status 503 --retry-after 0 --times 2`",
    NO_ERROR,
)(with_fault("storage", _faulty, path="out*faulty", status=503, retry_after=0, times=2))
failure(
    _STORAGE,
    "The connection to storage is lost",
    "`fault set target storage --cut before`",
    LOST,
)(with_fault("storage", import_error, "target", path="come*good", cut="before"))
failure(
    _STORAGE,
    "Storage is slow",
    "`fault set source storage --delay 1s`",
    NO_ERROR,
)(with_fault("storage", _faulty, path="out*faulty", delay=0.3))
failure(
    _STORAGE,
    "The account does not exist",
    "set a container URI without a server",
    LOST,
)(lambda clouds: export_error(clouds, uri="https://localhost:1/account/out"))
