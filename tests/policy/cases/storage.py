"""Cases of the rules about a storage account or container by itself."""

from __future__ import annotations

from typing import Any

from tests.policy.tables import UNKNOWN, Resource, Table, absent, bad, good, other, unknown

ACCOUNT = "azure-native:storage:StorageAccount"
CONTAINER = "azure-native:storage:BlobContainer"
QUEUE = "azure-native:storage:Queue"


def account(type: str = ACCOUNT, **props: Any) -> Resource:
    return Resource(type, {"accountName": "transfers", **props}, "account")


def container(type: str = CONTAINER, **props: Any) -> Resource:
    return Resource(type, {"containerName": "transfer", **props}, "container")


def period(value: str, **props: Any) -> Resource:
    return account(sasPolicy={"sasExpirationPeriod": value}, **props)


CASES: Table = {
    "storage-https-only": [
        good(account(enableHttpsTrafficOnly=True)),
        bad(account(enableHttpsTrafficOnly=False), finds=["transfers accepts requests over HTTP"]),
        unknown(account(enableHttpsTrafficOnly=UNKNOWN)),
        absent(account()),
        other(account(QUEUE, enableHttpsTrafficOnly=False)),
    ],
    "storage-min-tls": [
        good(account(minimumTlsVersion="TLS1_2")),
        good(account(minimumTlsVersion="tls1_3")),
        bad(
            account(minimumTlsVersion="TLS1_1"),
            finds=["transfers accepts old TLS versions: its minimum is 'TLS1_1'"],
        ),
        unknown(account(minimumTlsVersion=UNKNOWN)),
        absent(account(), finds=["its minimum is not set"]),
        other(account(QUEUE, minimumTlsVersion="TLS1_0")),
    ],
    "storage-no-public-blobs": [
        good(account(allowBlobPublicAccess=False)),
        bad(
            account(allowBlobPublicAccess=True), finds=["Containers of account transfers can be made public"]
        ),
        unknown(account(allowBlobPublicAccess=UNKNOWN)),
        absent(account(), finds=["can be made public"]),
        other(account(QUEUE, allowBlobPublicAccess=True)),
    ],
    "storage-container-private": [
        good(container(publicAccess="None")),
        bad(container(publicAccess="Blob"), finds=["Anyone can read container transfer"]),
        unknown(container(publicAccess=UNKNOWN)),
        absent(container()),
        other(container(QUEUE, publicAccess="Blob")),
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
        unknown(account(sasPolicy=UNKNOWN)),
        absent(
            account(),
            finds=["There is no upper bound on the life of SAS tokens of transfers; the limit is 7 days"],
        ),
        other(account(QUEUE)),
    ],
    "storage-trusted-bypass": [
        good(account(networkRuleSet={"defaultAction": "Deny", "bypass": "Logging, AzureServices"})),
        good(account(networkRuleSet={"defaultAction": "Allow", "bypass": "None"})),
        bad(account(networkRuleSet={"defaultAction": "deny", "bypass": "Logging"}), finds=["blocks trusted"]),
        unknown(account(networkRuleSet={"defaultAction": UNKNOWN, "bypass": "None"})),
        unknown(account(networkRuleSet={"defaultAction": "Deny", "bypass": UNKNOWN})),
        absent(account(networkRuleSet={"defaultAction": "Deny"})),
        other(account(QUEUE, networkRuleSet={"defaultAction": "Deny", "bypass": "None"})),
    ],
}
