"""Rules about storage accounts and containers by themselves."""

import re
from collections.abc import Iterator

from pulumi_policy import Severity

from policy.framework.properties import MISSING, UNKNOWN, is_other, shown, text
from policy.framework.resource_types import BLOB_CONTAINER, STORAGE_ACCOUNT
from policy.framework.resources import ResourceView, Violation
from policy.framework.rule import Control, ResourceRule
from policy.framework.settings import RuleSetting

_PERIOD = re.compile(r"(\d+)\.(\d{1,2}):(\d{2}):(\d{2})")


@ResourceRule(
    types=(STORAGE_ACCOUNT,),
    remedy={"enableHttpsTrafficOnly": True},
    severity=Severity.HIGH,
    control=Control.IN_TRANSIT,
    fix="Set `enableHttpsTrafficOnly` to true.",
    url="https://learn.microsoft.com/azure/storage/common/storage-require-secure-transfer",
)
def storage_https_only(account: ResourceView) -> Iterator[Violation]:
    """Over HTTP, anyone on the network path can read a SAS token and use it."""
    if account.peek("enableHttpsTrafficOnly") is False:
        yield account.violation(f"Account {account} accepts requests over HTTP.")


@ResourceRule(
    types=(STORAGE_ACCOUNT,),
    remedy={"minimumTlsVersion": "TLS1_2"},
    severity=Severity.HIGH,
    control=Control.IN_TRANSIT,
    fix="Set `minimumTlsVersion` to TLS1_2.",
    url="https://learn.microsoft.com/azure/storage/common/transport-layer-security-configure-minimum-version",
)
def storage_min_tls(account: ResourceView) -> Iterator[Violation]:
    """TLS versions before 1.2 are insecure, and azure-native sets TLS 1.0 by default."""
    version = account.peek("minimumTlsVersion")
    if is_other(version, "TLS1_2", "TLS1_3"):
        yield account.violation(
            f"Account {account} accepts old TLS versions: its minimum is {shown(version)}."
        )


@ResourceRule(
    types=(STORAGE_ACCOUNT,),
    remedy={"allowBlobPublicAccess": False},
    severity=Severity.CRITICAL,
    control=Control.LEAST_PRIVILEGE,
    fix="Set `allowBlobPublicAccess` to false; by default an account may allow public access.",
    url="https://learn.microsoft.com/azure/storage/blobs/anonymous-read-access-prevent",
)
def storage_no_public_blobs(account: ResourceView) -> Iterator[Violation]:
    """Exported images are meant for the pipelines only; a public container shows them to everyone."""
    if account.peek("allowBlobPublicAccess") not in (False, UNKNOWN):
        yield account.violation(f"Containers of account {account} can be made public.")


@ResourceRule(
    types=(BLOB_CONTAINER,),
    severity=Severity.CRITICAL,
    control=Control.LEAST_PRIVILEGE,
    fix="Set `publicAccess` to None.",
    url="https://learn.microsoft.com/azure/storage/blobs/anonymous-read-access-configure",
)
def storage_container_private(container: ResourceView) -> Iterator[Violation]:
    """Exported images are meant for the pipelines only; a public container shows them to everyone."""
    access = container.peek("publicAccess")
    if access is not MISSING and is_other(access, "None"):
        yield container.violation(f"Anyone can read container {container}.")


@ResourceRule(
    types=(STORAGE_ACCOUNT,),
    severity=Severity.MEDIUM,
    control=Control.KEY_LIFE,
    fix="Set `sasPolicy` to a `sasExpirationPeriod` such as 07.00:00:00 with the action Log; set "
    "Block only after a transfer has worked with it.",
    url="https://learn.microsoft.com/azure/storage/common/sas-expiration-policy",
    settings=(
        RuleSetting("maxDays", 7, "The longest life of SAS tokens that an account may allow, in days."),
    ),
)
def storage_sas_period(account: ResourceView) -> Iterator[Violation]:
    """Without a SAS policy, a token that is valid for years goes unnoticed."""
    period, limit = account.peek("sasPolicy.sasExpirationPeriod"), account.settings["maxDays"]
    if account.peek("allowSharedKeyAccess") is False or period is UNKNOWN:
        return
    days = _days(text(period))
    if days is None or days > limit:
        found = "There is no upper bound" if days is None else f"The upper bound is {days:g} days"
        yield account.violation(
            f"{found} on the life of SAS tokens of {account}; the limit is {limit:g} days."
        )


def _days(period: str) -> float | None:
    """The days of a period such as 07.00:00:00; None for any other text."""
    found = _PERIOD.fullmatch(period)
    if not found:
        return None
    days, hours, minutes, seconds = map(int, found.groups())
    return days + hours / 24 + minutes / 1440 + seconds / 86400


@ResourceRule(
    types=(STORAGE_ACCOUNT,),
    severity=Severity.MEDIUM,
    control=Control.NETWORK,
    fix="Add AzureServices to `networkRuleSet.bypass`.",
    url="https://learn.microsoft.com/azure/storage/common/storage-network-security-trusted-azure-services",
)
def storage_trusted_bypass(account: ResourceView) -> Iterator[Violation]:
    """Without the bypass, a firewall also blocks the services that storage trusts, such as Azure Monitor."""
    action, bypass = account.peek("networkRuleSet.defaultAction"), account.peek("networkRuleSet.bypass")
    if text(action).lower() == "deny" and text(bypass) and "azureservices" not in text(bypass).lower():
        yield account.violation(f"The firewall of account {account} blocks trusted services.")
