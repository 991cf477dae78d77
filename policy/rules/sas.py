"""Rules about the vault secret that holds a container's SAS token, and about the token itself."""

from collections.abc import Iterator, Set
from datetime import timedelta

from pulumi_policy import EnforcementLevel, Severity

from acr_transfer.model.options import Direction
from acr_transfer.model.sas import REVIEW_MARGIN, SECRET_LEEWAY, SasToken, needed_rights
from acr_transfer.model.times import format_time
from policy.framework.controls import Control
from policy.framework.properties import MISSING, UNKNOWN, text
from policy.framework.resource_types import SECRET
from policy.framework.resources import Finding, Subject
from policy.framework.rule import resource_rule
from policy.framework.sas_token import direction, has_value, is_sas, tag, token_of
from policy.framework.settings import Setting

TRANSFER = "https://learn.microsoft.com/azure/container-registry/container-registry-transfer-prerequisites"
SERVICE_SAS = "https://learn.microsoft.com/rest/api/storageservices/create-service-sas"
OVERVIEW = "https://learn.microsoft.com/azure/storage/common/storage-sas-overview"
_ROTATE = (
    "Make a new token that ends within the limit, and deploy again; in the stacks of acr-transfer: "
    "`pulumi config set acr-transfer:sasExpiry <time>`."
)


def _name(secret: Subject) -> str:
    return secret.called("secretName", "name")


@resource_rule(
    "sas-question-mark",
    SECRET,
    level=EnforcementLevel.MANDATORY,
    severity=Severity.HIGH,
    control=Control.CONFIGURATION,
    why="ACR Transfer puts the secret behind the container's address as it is.",
    fix="Put one `?` in front of the token.",
    url=TRANSFER,
)
def question_mark(secret: Subject) -> Iterator[Finding]:
    """Find a token without its question mark, or with two."""
    token = token_of(secret)
    if token and has_value(secret) and token.question_marks != 1:
        yield secret.fault(f"Secret {_name(secret)}: ACR Transfer expects the token with its leading '?'.")


@resource_rule(
    "sas-permissions",
    SECRET,
    level=EnforcementLevel.MANDATORY,
    severity=Severity.HIGH,
    control=Control.LEAST_PRIVILEGE,
    why="With fewer rights than its pipeline needs a token fails, with more it can be misused.",
    fix="Make a new token: with read, add, write and list (`rawl`) to export, with read and list (`rl`) to "
    "import, and with delete (`d`) too if the import deletes its blobs.",
    url=TRANSFER,
)
def permissions(secret: Subject) -> Iterator[Finding]:
    """Find a token with a right too many or too few for what its secret is tagged for.

    Without a tag the token must fit one direction; the tag `acr-transfer-sp` says whether blobs are deleted.
    """
    token = token_of(secret)
    if not token:
        return
    extra, missing = min(
        (_differs(secret, token, way) for way in _ways(secret)), key=lambda pair: len(pair[0] | pair[1])
    )
    if extra or missing:
        parts = (("has too much", extra), ("lacks", missing))
        said = " and ".join(f"{verb}: {', '.join(sorted(letters))}" for verb, letters in parts if letters)
        yield secret.fault(f"The permission list (`sp`) of secret {_name(secret)} {said}.")


def _ways(secret: Subject) -> list[Direction]:
    tagged = direction(secret)
    return [Direction(tagged)] if tagged in list(Direction) else list(Direction)


def _differs(secret: Subject, token: SasToken, way: Direction) -> tuple[Set[str], Set[str]]:
    deletes = "d" in (tag(secret, "sp").lower() or "d")
    allowed = needed_rights(way, deletes_blobs=deletes)
    return token.excess_rights(allowed), token.missing_rights(needed_rights(way, deletes_blobs=False))


@resource_rule(
    "sas-https-only",
    SECRET,
    level=EnforcementLevel.MANDATORY,
    severity=Severity.HIGH,
    control=Control.IN_TRANSIT,
    why="A token that is valid over http can be read on its way and used by others.",
    fix="Make a new token with `protocol=https`.",
    url=SERVICE_SAS,
)
def https_only(secret: Subject) -> Iterator[Finding]:
    """Find a token that is good for http too, as one is that says nothing."""
    token = token_of(secret)
    if token and has_value(secret) and not token.https_only:
        yield secret.fault(f"The SAS of secret {_name(secret)} is valid over http.")


@resource_rule(
    "sas-container-scope",
    SECRET,
    level=EnforcementLevel.MANDATORY,
    severity=Severity.HIGH,
    control=Control.LEAST_PRIVILEGE,
    why="A pipeline works in one container, and a token should open no more.",
    fix="Make a service SAS of the container (`sr=c`).",
    url=OVERVIEW,
    settings=(Setting("allowAccountSas", False, "Whether a SAS of the whole account may be used."),),
)
def container_scope(secret: Subject) -> Iterator[Finding]:
    """Find a token of something else than a container."""
    token = token_of(secret)
    if not token or not has_value(secret):
        return
    of_account = token.is_for_account
    allowed = secret.settings.flag("allowAccountSas") if of_account else token.is_for_container
    if not allowed:
        opened = "opens the whole account" if of_account else "is not one of a container"
        yield secret.fault(f"The SAS of secret {_name(secret)} {opened}.")


@resource_rule(
    "sas-lifetime",
    SECRET,
    level=EnforcementLevel.MANDATORY,
    severity=Severity.HIGH,
    control=Control.KEY_LIFE,
    why="A token that is past opens nothing, and one that lives long can be misused for long.",
    fix=_ROTATE,
    url=OVERVIEW,
    settings=(Setting("maxDays", 7, "The longest life of a token, in days from its start or from now."),),
)
def lifetime(secret: Subject) -> Iterator[Finding]:
    """Find a token that is past, never ends, or lives too long."""
    token = token_of(secret)
    if not token:
        return
    end, limit = token.expires, secret.settings.number("maxDays")
    if end is None:
        yield secret.fault(f"SAS {_name(secret)} has no expiry.")
    elif end <= secret.now:
        yield secret.fault(f"SAS {_name(secret)} expires {format_time(end)}: already past.")
    elif (days := (end - (token.starts or secret.now)) / timedelta(days=1)) > limit:
        yield secret.fault(
            f"SAS {_name(secret)} expires {format_time(end)}: it lives {days:.1f} days, "
            f"the limit is {limit:g}."
        )


@resource_rule(
    "sas-expires-soon",
    SECRET,
    level=EnforcementLevel.ADVISORY,
    severity=Severity.MEDIUM,
    control=Control.KEY_LIFE,
    why="A run that outlives its token fails in the middle.",
    fix=_ROTATE,
    url=OVERVIEW,
    settings=(Setting("minDays", REVIEW_MARGIN.days, "How long a token should be good for still, in days."),),
)
def expires_soon(secret: Subject) -> Iterator[Finding]:
    """Find a token that is good still, but not for long."""
    token = token_of(secret)
    end = token.expires if token else None
    if end and timedelta() < (left := end - secret.now) < timedelta(days=secret.settings.number("minDays")):
        hours = left / timedelta(hours=1)
        yield secret.fault(f"SAS {_name(secret)} ends in {hours:.1f} h; a run may outlive it.")


@resource_rule(
    "secret-expiry",
    SECRET,
    level=EnforcementLevel.MANDATORY,
    severity=Severity.HIGH,
    control=Control.KEY_LIFE,
    why="A vault says when a secret ends, so that people and alerts can see it: for a token, when that ends.",
    fix="Set `properties.attributes.expires` to the token's `se`, in seconds since 1970.",
    url="https://learn.microsoft.com/azure/key-vault/secrets/about-secrets#secret-attributes",
)
def secret_expiry(secret: Subject) -> Iterator[Finding]:
    """Find a secret without an end, or with one that is not the token's; five minutes early is fine."""
    expires, token = secret.peek("properties.attributes.expires"), token_of(secret)
    if not is_sas(secret) or expires is UNKNOWN:
        return
    if not isinstance(expires, int | float):
        yield secret.fault(f"Secret {_name(secret)} has no expiry.")
    elif end := token.expires if token else None:
        early = end.timestamp() - expires
        if not 0 <= early <= SECRET_LEEWAY.total_seconds():
            which = "before" if early > 0 else "after"
            yield secret.fault(f"Secret {_name(secret)} ends {which} its SAS, which ends {format_time(end)}.")


@resource_rule(
    "secret-content-type",
    SECRET,
    level=EnforcementLevel.ADVISORY,
    severity=Severity.LOW,
    control=Control.KEY_REPOSITORY,
    why="Whoever finds a secret should see what it is without reading it.",
    fix="Set `properties.contentType` to application/x-azure-sas.",
    url="https://learn.microsoft.com/azure/key-vault/secrets/about-secrets",
)
def content_type(secret: Subject) -> Iterator[Finding]:
    """Find a token's secret that does not say what it is."""
    if is_sas(secret) and secret.peek("properties.contentType") is MISSING:
        yield secret.fault(f"Secret {_name(secret)} does not say what it is.")


@resource_rule(
    "no-account-key",
    SECRET,
    level=EnforcementLevel.MANDATORY,
    severity=Severity.CRITICAL,
    control=Control.NO_EXPOSED_SECRET,
    why="An account key opens the whole account for ever; a pipeline needs a SAS token of one container.",
    fix="Store a container's SAS token, and rotate the key if others could read the secret.",
    url="https://learn.microsoft.com/azure/storage/common/storage-account-keys-manage",
)
def no_account_key(secret: Subject) -> Iterator[Finding]:
    """Find a connection string with an account's key."""
    value = text(secret.peek("properties.value")).lower()
    if "accountkey=" in value or "sharedaccesskey=" in value:
        yield secret.fault(f"An account key, not a SAS, is stored in {_name(secret)}.")


RULES = (
    question_mark,
    permissions,
    https_only,
    container_scope,
    lifetime,
    expires_soon,
    secret_expiry,
    content_type,
    no_account_key,
)
