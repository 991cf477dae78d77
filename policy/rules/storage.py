"""Rules about a storage account or container by itself."""

import re
from collections.abc import Iterator

from pulumi_policy import EnforcementLevel, Severity

from policy.framework.controls import Control
from policy.framework.properties import MISSING, UNKNOWN, is_other, shown, text
from policy.framework.resource_types import BLOB_CONTAINER, STORAGE_ACCOUNT
from policy.framework.resources import Finding, Subject
from policy.framework.rule import resource_rule
from policy.framework.settings import Setting

_PERIOD = re.compile(r"(\d+)\.(\d{1,2}):(\d{2}):(\d{2})")


def _name(account: Subject) -> str:
    return account.called("accountName", "name")


@resource_rule(
    "storage-https-only",
    STORAGE_ACCOUNT,
    remedy={"enableHttpsTrafficOnly": True},
    level=EnforcementLevel.MANDATORY,
    severity=Severity.HIGH,
    control=Control.IN_TRANSIT,
    why="Over http a SAS token travels in clear, and whoever reads it can use it.",
    fix="Set `enableHttpsTrafficOnly` to true.",
    url="https://learn.microsoft.com/azure/storage/common/storage-require-secure-transfer",
)
def https_only(account: Subject) -> Iterator[Finding]:
    """Find an account that takes http; without the setting it does not."""
    if account.peek("enableHttpsTrafficOnly") is False:
        yield account.fault(f"Account {_name(account)} takes requests over http.")


@resource_rule(
    "storage-min-tls",
    STORAGE_ACCOUNT,
    remedy={"minimumTlsVersion": "TLS1_2"},
    level=EnforcementLevel.MANDATORY,
    severity=Severity.HIGH,
    control=Control.IN_TRANSIT,
    why="TLS before 1.2 is broken, and without the setting azure-native asks for TLS 1.0.",
    fix="Set `minimumTlsVersion` to TLS1_2.",
    url="https://learn.microsoft.com/azure/storage/common/transport-layer-security-configure-minimum-version",
)
def min_tls(account: Subject) -> Iterator[Finding]:
    """Find an account that takes old TLS, also for want of the setting."""
    version = account.peek("minimumTlsVersion")
    if is_other(version, "TLS1_2", "TLS1_3"):
        yield account.fault(f"Account {_name(account)} takes old TLS: the least version is {shown(version)}.")


@resource_rule(
    "storage-no-public-blobs",
    STORAGE_ACCOUNT,
    remedy={"allowBlobPublicAccess": False},
    level=EnforcementLevel.MANDATORY,
    severity=Severity.CRITICAL,
    control=Control.LEAST_PRIVILEGE,
    why="Exported images are for the pipelines alone, and a public container shows them to the world.",
    fix="Set `allowBlobPublicAccess` to false; without the setting an account may allow it.",
    url="https://learn.microsoft.com/azure/storage/blobs/anonymous-read-access-prevent",
)
def no_public_blobs(account: Subject) -> Iterator[Finding]:
    """Find an account that does not say that no container is public."""
    if account.peek("allowBlobPublicAccess") not in (False, UNKNOWN):
        yield account.fault(f"Blobs of account {_name(account)} may be made public.")


@resource_rule(
    "storage-container-private",
    BLOB_CONTAINER,
    level=EnforcementLevel.MANDATORY,
    severity=Severity.CRITICAL,
    control=Control.LEAST_PRIVILEGE,
    why="Exported images are for the pipelines alone, and a public container shows them to the world.",
    fix="Set `publicAccess` to None.",
    url="https://learn.microsoft.com/azure/storage/blobs/anonymous-read-access-configure",
)
def container_private(container: Subject) -> Iterator[Finding]:
    """Find a container that says that it is public."""
    access = container.peek("publicAccess")
    if access is not MISSING and is_other(access, "None"):
        yield container.fault(f"Container {container.called('containerName', 'name')} is readable by anyone.")


@resource_rule(
    "storage-sas-period",
    STORAGE_ACCOUNT,
    level=EnforcementLevel.ADVISORY,
    severity=Severity.MEDIUM,
    control=Control.KEY_LIFE,
    why="Without a SAS policy nobody notices a token that lives for years.",
    fix="Set `sasPolicy` to a `sasExpirationPeriod` such as 07.00:00:00 with the action Log; "
    "Block only once a transfer has been seen to work with it.",
    url="https://learn.microsoft.com/azure/storage/common/sas-expiration-policy",
    settings=(Setting("maxDays", 7, "The longest life of a SAS token that an account may allow, in days."),),
)
def sas_period(account: Subject) -> Iterator[Finding]:
    """Find an account with keys, so with SAS tokens, that sets them no limit or too long a one."""
    period, limit = account.peek("sasPolicy.sasExpirationPeriod"), account.settings.number("maxDays")
    if account.peek("allowSharedKeyAccess") is False or period is UNKNOWN:
        return
    days = _days(text(period))
    if days is None or days > limit:
        found = "There is no upper bound" if days is None else f"The upper bound is {days:g} days"
        yield account.fault(
            f"{found} on the life of SAS tokens of {_name(account)}; the limit is {limit:g} days."
        )


def _days(period: str) -> float | None:
    """A period such as 07.00:00:00 in days."""
    found = _PERIOD.fullmatch(period)
    if not found:
        return None
    days, hours, minutes, seconds = map(int, found.groups())
    return days + hours / 24 + minutes / 1440 + seconds / 86400


@resource_rule(
    "storage-trusted-bypass",
    STORAGE_ACCOUNT,
    level=EnforcementLevel.ADVISORY,
    severity=Severity.MEDIUM,
    control=Control.NETWORK,
    why="Behind a firewall, ACR reaches an account as a trusted service, or not at all.",
    fix="Add AzureServices to `networkRuleSet.bypass`.",
    url="https://learn.microsoft.com/azure/storage/common/storage-network-security-trusted-azure-services",
)
def trusted_bypass(account: Subject) -> Iterator[Finding]:
    """Find a firewall that stops trusted services; without the setting it does not."""
    action, bypass = account.peek("networkRuleSet.defaultAction"), account.peek("networkRuleSet.bypass")
    if text(action).lower() == "deny" and text(bypass) and "azureservices" not in text(bypass).lower():
        yield account.fault(f"The firewall of account {_name(account)} blocks trusted services.")


RULES = (
    https_only,
    min_tls,
    no_public_blobs,
    container_private,
    sas_period,
    trusted_bypass,
)
