"""Cases of the rules about storage: an account or container by itself, then as pipelines use it."""

from __future__ import annotations

from typing import Any

from tests.policy.tables import UNKNOWN, Resource, Table, absent, bad, good, other, unknown

ACCOUNT = "azure-native:storage:StorageAccount"
CONTAINER = "azure-native:storage:BlobContainer"
QUEUE = "azure-native:storage:Queue"
BLOBS = "azure-native:storage:BlobServiceProperties"
LIFECYCLE = "azure-native:storage:ManagementPolicy"
EXPORT = "azure-native:containerregistry:ExportPipeline"
IMPORT = "azure-native:containerregistry:ImportPipeline"
URL = "https://transfers.blob.core.windows.net/transfer"
ELSEWHERE = "https://elsewhere.blob.core.windows.net/transfer"


def account_inputs(type: str = ACCOUNT, **props: Any) -> Resource:
    return Resource(type, {"accountName": "transfers", **props}, "account")


def container_inputs(type: str = CONTAINER, **props: Any) -> Resource:
    return Resource(type, {"containerName": "transfer", **props}, "container")


def period(value: str, **props: Any) -> Resource:
    return account_inputs(sasPolicy={"sasExpirationPeriod": value}, **props)


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
    "storage-https-only": [
        good(account_inputs(enableHttpsTrafficOnly=True)),
        bad(account_inputs(enableHttpsTrafficOnly=False), finds=["transfers accepts requests over HTTP"]),
        unknown(account_inputs(enableHttpsTrafficOnly=UNKNOWN)),
        absent(account_inputs()),
        other(account_inputs(QUEUE, enableHttpsTrafficOnly=False)),
    ],
    "storage-min-tls": [
        good(account_inputs(minimumTlsVersion="TLS1_2")),
        good(account_inputs(minimumTlsVersion="tls1_3")),
        bad(
            account_inputs(minimumTlsVersion="TLS1_1"),
            finds=["transfers accepts old TLS versions: its minimum is 'TLS1_1'"],
        ),
        unknown(account_inputs(minimumTlsVersion=UNKNOWN)),
        absent(account_inputs(), finds=["its minimum is not set"]),
        other(account_inputs(QUEUE, minimumTlsVersion="TLS1_0")),
    ],
    "storage-no-public-blobs": [
        good(account_inputs(allowBlobPublicAccess=False)),
        bad(
            account_inputs(allowBlobPublicAccess=True),
            finds=["Containers of account transfers can be made public"],
        ),
        unknown(account_inputs(allowBlobPublicAccess=UNKNOWN)),
        absent(account_inputs(), finds=["can be made public"]),
        other(account_inputs(QUEUE, allowBlobPublicAccess=True)),
    ],
    "storage-container-private": [
        good(container_inputs(publicAccess="None")),
        bad(container_inputs(publicAccess="Blob"), finds=["Anyone can read container transfer"]),
        unknown(container_inputs(publicAccess=UNKNOWN)),
        absent(container_inputs()),
        other(container_inputs(QUEUE, publicAccess="Blob")),
    ],
    "storage-sas-period": [
        good(period("07.00:00:00")),
        good(period("99.00:00:00", allowSharedKeyAccess=False)),
        good(period("30.00:00:00"), maxDays=30.0),
        bad(period("07.00:00:01"), finds=["The upper bound is 7.00001 days"]),
        bad(
            period("6.25:60:60", allowSharedKeyAccess=True), finds=["on the life of SAS tokens of transfers"]
        ),
        bad(period("a week"), finds=["There is no upper bound"]),
        bad(period("01.00:00:01"), finds=["the limit is 1 days."], maxDays=1.0),
        unknown(account_inputs(sasPolicy=UNKNOWN)),
        absent(
            account_inputs(),
            finds=["There is no upper bound on the life of SAS tokens of transfers; the limit is 7 days"],
        ),
        other(account_inputs(QUEUE)),
    ],
    "storage-trusted-bypass": [
        good(account_inputs(networkRuleSet={"defaultAction": "Deny", "bypass": "Logging, AzureServices"})),
        good(account_inputs(networkRuleSet={"defaultAction": "Allow", "bypass": "None"})),
        bad(
            account_inputs(networkRuleSet={"defaultAction": "deny", "bypass": "Logging"}),
            finds=["blocks trusted"],
        ),
        unknown(account_inputs(networkRuleSet={"defaultAction": UNKNOWN, "bypass": "None"})),
        unknown(account_inputs(networkRuleSet={"defaultAction": "Deny", "bypass": UNKNOWN})),
        absent(account_inputs(networkRuleSet={"defaultAction": "Deny"})),
        other(account_inputs(QUEUE, networkRuleSet={"defaultAction": "Deny", "bypass": "None"})),
    ],
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
