"""Cases of the rules about storage as pipelines use it."""

from __future__ import annotations

from typing import Any

from tests.policy.tables import UNKNOWN, Resource, Table, absent, bad, good, other, unknown

ACCOUNT = "azure-native:storage:StorageAccount"
CONTAINER = "azure-native:storage:BlobContainer"
BLOBS = "azure-native:storage:BlobServiceProperties"
LIFECYCLE = "azure-native:storage:ManagementPolicy"
QUEUE = "azure-native:storage:Queue"
EXPORT = "azure-native:containerregistry:ExportPipeline"
IMPORT = "azure-native:containerregistry:ImportPipeline"
URL = "https://transfers.blob.core.windows.net/transfer"
ELSEWHERE = "https://elsewhere.blob.core.windows.net/transfer"


def account(type: str = ACCOUNT, **props: Any) -> Resource:
    return Resource(type, {"name": "transfers", **props}, "account")


def container(name: str = "transfer", type: str = CONTAINER) -> Resource:
    return Resource(type, {"name": name}, name, {"accountName": ["account"]})


def export(
    uri: str = URL, mode: str | None = None, name: str = "out", behind: tuple[str, ...] = ()
) -> Resource:
    place = {"uri": uri, "storageAccessMode": mode}
    return Resource(EXPORT, {"name": name, "target": place}, name, {"target": behind} if behind else {})


def imports(uri: str = URL, *options: str, behind: tuple[str, ...] = ()) -> Resource:
    props = {"name": "in", "source": {"uri": uri}, "options": list(options)}
    return Resource(IMPORT, props, "in", {"source": behind} if behind else {})


def by_link(mode: str | None = None) -> Resource:
    """A pipeline of a preview, whose URL is still unknown."""
    return export(UNKNOWN, mode, behind=("account",))


def by_container() -> Resource:
    return export(UNKNOWN, behind=("transfer",))


def keeping(enabled: Any) -> Resource:
    return Resource(
        BLOBS, {"deleteRetentionPolicy": {"enabled": enabled}}, "blobs", {"accountName": ["account"]}
    )


def lifecycle(prefixes: Any = None, actions: Any = None, enabled: Any = True) -> Resource:
    after = {"baseBlob": {"delete": {"daysAfterModificationGreaterThan": 60}}} if actions is None else actions
    definition = {"actions": after, "filters": {"prefixMatch": prefixes}}
    policy = {"rules": [{"enabled": enabled, "definition": definition}]}
    return Resource(LIFECYCLE, {"policy": policy}, "lifecycle", {"accountName": ["account"]})


OTHERS_LIFECYCLE = Resource(LIFECYCLE, lifecycle().props, "lifecycle", {"accountName": ["another"]})
ANOTHER = Resource(ACCOUNT, {"name": "another"}, "another")
UNTOUCHED = {"baseBlob": {"tierToCool": {"daysAfterModificationGreaterThan": 60}}}
DENY: dict[str, Any] = {"networkRuleSet": {"defaultAction": "Deny"}}

CASES: Table = {
    "storage-shared-key-for-sas": [
        good(account(allowSharedKeyAccess=True), export()),
        good(account(allowSharedKeyAccess=False), export(mode="ManagedIdentity")),
        good(account(allowSharedKeyAccess=False), export(ELSEWHERE)),
        bad(
            account(allowSharedKeyAccess=False),
            export(),
            finds=["SAS tokens of account transfers cannot work"],
        ),
        bad(
            account(allowSharedKeyAccess=False),
            export(mode="sastoken"),
            imports(),
            finds=["shared key access is off"],
        ),
        bad(account(allowSharedKeyAccess=False), by_link(), finds=["shared key access is off"]),
        bad(
            account(allowSharedKeyAccess=False),
            container(),
            by_container(),
            finds=["shared key access is off"],
        ),
        unknown(account(allowSharedKeyAccess=UNKNOWN), export()),
        unknown(account(allowSharedKeyAccess=False), export(mode=UNKNOWN)),
        absent(account(), export()),
        other(account(QUEUE, allowSharedKeyAccess=False), export()),
    ],
    "storage-shared-key-off": [
        good(account(allowSharedKeyAccess=False), export(mode="ManagedIdentity")),
        good(account(), export(mode="ManagedIdentity"), imports()),
        good(account()),
        bad(
            account(allowSharedKeyAccess=True),
            export(mode="ManagedIdentity"),
            finds=["No pipeline uses a SAS token of account transfers"],
        ),
        unknown(account(allowSharedKeyAccess=UNKNOWN), export(mode="ManagedIdentity")),
        unknown(account(), export(mode=UNKNOWN)),
        absent(
            account(), by_link("ManagedIdentity"), finds=["No pipeline uses a SAS token of account transfers"]
        ),
        other(account(QUEUE), export(mode="ManagedIdentity")),
    ],
    "storage-reachable": [
        good(account(publicNetworkAccess="Enabled"), export()),
        good(account(publicNetworkAccess="Disabled")),
        bad(
            account(publicNetworkAccess="Disabled"),
            export(mode="ManagedIdentity"),
            finds=["The public endpoint of account transfers is off"],
        ),
        bad(
            account(publicNetworkAccess="disabled"),
            export(),
            finds=["The public endpoint of account transfers is off"],
        ),
        unknown(account(publicNetworkAccess=UNKNOWN), export()),
        absent(account(), export()),
        other(account(QUEUE, publicNetworkAccess="Disabled"), export()),
    ],
    "storage-firewall-review": [
        good(account(networkRuleSet={"defaultAction": "Allow"}), export()),
        good(account(**DENY)),
        bad(
            account(**DENY),
            export(mode="ManagedIdentity"),
            finds=["The firewall of account transfers may refuse"],
        ),
        bad(account(**DENY), export(), finds=["The firewall of account transfers may refuse"]),
        unknown(account(networkRuleSet=UNKNOWN), export()),
        absent(account(), export()),
        other(account(QUEUE, **DENY), export()),
    ],
    "storage-soft-delete": [
        good(account(), keeping(True)),
        bad(account(), keeping(False), finds=["A blob deleted from account transfers cannot be restored"]),
        bad(account(), ANOTHER, keeping(True), finds=["A blob deleted from account another"]),
        unknown(account(), keeping(UNKNOWN)),
        absent(account(), finds=["A blob deleted from account transfers"]),
        other(account(QUEUE)),
    ],
    "storage-cleanup": [
        good(account(), container(), export(), lifecycle(["transfer/"])),
        good(account(), container(), export(), lifecycle(["other/", "trans"])),
        good(account(), container(), export(), lifecycle([])),
        good(account(), container(), export(), lifecycle()),
        good(account(), container(), export(), imports(URL, "DeleteSourceBlobOnSuccess")),
        good(account(), container(), export(ELSEWHERE.replace("transfer", "another"))),
        bad(
            account(),
            container(),
            by_container(),
            finds=["Exported images stay in container transfer forever"],
        ),
        bad(account(), container(), export(), lifecycle(["other/"]), finds=["stay in container transfer"]),
        bad(
            account(),
            container(),
            export(),
            lifecycle(["transfer-two/"]),
            finds=["stay in container transfer"],
        ),
        bad(
            account(),
            container(),
            export(),
            lifecycle(actions=UNTOUCHED),
            finds=["stay in container transfer"],
        ),
        bad(account(), container(), export(), lifecycle(enabled=False), finds=["stay in container transfer"]),
        bad(
            account(),
            ANOTHER,
            container(),
            export(),
            imports(),
            OTHERS_LIFECYCLE,
            finds=["Exported images stay in container transfer"],
        ),
        unknown(account(), container(), export(), imports(URL, UNKNOWN)),
        unknown(account(), container(), export(), lifecycle(UNKNOWN)),
        unknown(account(), container(), export(), lifecycle([UNKNOWN])),
        absent(
            account(), container(), export(), finds=["Exported images stay in container transfer forever"]
        ),
        other(account(), container(type=QUEUE), export()),
    ],
    "container-per-pipeline": [
        good(export(), export(ELSEWHERE, name="second")),
        good(export()),
        good(
            account(),
            container(),
            container("second"),
            by_container(),
            export(UNKNOWN, name="two", behind=("second",)),
        ),
        bad(export(), export(URL.upper() + "/", name="second"), finds=["out and second share one container"]),
        bad(export(), imports(), finds=["out and in share one container"]),
        bad(
            account(),
            container(),
            by_container(),
            imports(UNKNOWN, behind=("transfer",)),
            finds=["out and in share"],
        ),
        unknown(export(UNKNOWN), export(UNKNOWN, name="second")),
        absent(Resource(EXPORT, {}, "one"), Resource(EXPORT, {}, "two")),
        other(export(), Resource("azure-native:containerregistry:Registry", export().props, "registry")),
    ],
}
