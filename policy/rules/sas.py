"""Rules about SAS tokens and the vault secrets that hold them, with the tags that the components set."""

from collections.abc import Iterator, Set
from datetime import timedelta
from functools import partial

from pulumi_policy import Severity

from acr_transfer.model.options import Direction
from acr_transfer.model.sas import REVIEW_MARGIN, SECRET_LEEWAY, SasToken, needed_rights
from acr_transfer.model.times import format_time, parse_time
from policy.framework.properties import MISSING, UNKNOWN, text
from policy.framework.resource_types import SECRET
from policy.framework.resources import ResourceView, Violation
from policy.framework.rule import PREREQUISITES, Control, ResourceRule, RuleSetting

OVERVIEW = "https://learn.microsoft.com/azure/storage/common/storage-sas-overview"
_HIDDEN = "[secret]"
"""Stands for the value of a secret in an exported state."""
_ROTATE = (
    "Create a token that expires within the limit and deploy again; in the stacks of acr-transfer: "
    "`pulumi config set acr-transfer:sasExpiry <time>`."
)

SecretRule = partial(ResourceRule, types=(SECRET,))


def sas_token(secret: ResourceView) -> SasToken | None:
    """Return the SAS token of a secret; None for any other secret.

    The value is unknown in a first preview and hidden in an exported state. There, the token has the rights
    and the expiry from the tags, and None is returned without these tags.
    """
    if not is_sas(secret):
        return None
    if has_value(secret):
        return SasToken.parse(text(secret.peek("properties.value")))
    rights, expires = tag(secret, "sp"), parse_time(tag(secret, "expiry"))
    return SasToken(permissions=frozenset(rights.lower()), expires=expires) if rights and expires else None


def has_value(secret: ResourceView) -> bool:
    """Whether the secret's value can be read."""
    return text(secret.peek("properties.value")) not in ("", _HIDDEN)


def is_sas(secret: ResourceView) -> bool:
    """Whether a secret holds a SAS token, by its tag or its value."""
    return bool(tag(secret, "direction")) or "sig=" in text(secret.peek("properties.value"))


def tag(secret: ResourceView, name: str) -> str:
    """Return one of the tags that the components set, such as `sp` or `direction`; empty if it is missing."""
    tags = secret.peek("tags")
    return text(tags.get(f"acr-transfer-{name}")) if isinstance(tags, dict) else ""


@SecretRule(
    severity=Severity.HIGH,
    control=Control.CONFIGURATION,
    fix="Put one `?` in front of the token.",
    url=PREREQUISITES,
)
def sas_question_mark(secret: ResourceView) -> Iterator[Violation]:
    """ACR Transfer appends the secret to the container's URL without change."""
    token = sas_token(secret)
    if token and has_value(secret) and token.question_marks != 1:
        yield secret.violation(f"Secret {secret}: ACR Transfer expects exactly one '?' before the token.")


@SecretRule(
    severity=Severity.HIGH,
    control=Control.LEAST_PRIVILEGE,
    fix="Create a token with read, add, write and list (`rawl`) for an export, or with read and list "
    "(`rl`) for an import; add delete (`d`) if the import deletes its blobs.",
    url=PREREQUISITES,
)
def sas_permissions(secret: ResourceView) -> Iterator[Violation]:
    """A token with too few rights makes its pipeline fail, and one with too many can be misused."""
    token = sas_token(secret)
    if not token:
        return
    tagged = tag(secret, "direction").lower()
    directions = [Direction(tagged)] if tagged in list(Direction) else list(Direction)
    differences = (_difference(secret, token, each) for each in directions)
    extra, missing = min(differences, key=lambda pair: len(pair[0] | pair[1]))
    if extra or missing:
        parts = (("has excess permissions", extra), ("lacks", missing))
        stated = " and ".join(f"{verb}: {', '.join(sorted(letters))}" for verb, letters in parts if letters)
        yield secret.violation(f"The SAS token of secret {secret} {stated}.")


def _difference(secret: ResourceView, token: SasToken, direction: Direction) -> tuple[Set[str], Set[str]]:
    """The rights that a token has too many, and those that it lacks."""
    deletes = "d" in (tag(secret, "sp").lower() or "d")
    allowed = needed_rights(direction, deletes_blobs=deletes)
    return token.excess_rights(allowed), token.missing_rights(needed_rights(direction, deletes_blobs=False))


@SecretRule(
    severity=Severity.HIGH,
    control=Control.IN_TRANSIT,
    fix="Create a token with `protocol=https`.",
    url="https://learn.microsoft.com/rest/api/storageservices/create-service-sas",
)
def sas_https_only(secret: ResourceView) -> Iterator[Violation]:
    """A token that is valid over HTTP can be intercepted and used by others."""
    token = sas_token(secret)
    if token and has_value(secret) and not token.https_only:
        yield secret.violation(f"The SAS token of secret {secret} is valid over HTTP.")


@SecretRule(
    severity=Severity.HIGH,
    control=Control.LEAST_PRIVILEGE,
    fix="Create a service SAS of the container (`sr=c`).",
    url=OVERVIEW,
    settings=(RuleSetting("allowAccountSas", False, "Whether an account SAS is allowed."),),
)
def sas_container_scope(secret: ResourceView) -> Iterator[Violation]:
    """A pipeline works in one container, so its token should not open more."""
    token = sas_token(secret)
    if not token or not has_value(secret):
        return
    of_account = token.is_for_account
    allowed = secret.settings["allowAccountSas"] if of_account else token.is_for_container
    if not allowed:
        opened = "opens the whole account" if of_account else "is not a container SAS"
        yield secret.violation(f"The SAS token of secret {secret} {opened}.")


@SecretRule(
    severity=Severity.HIGH,
    control=Control.KEY_LIFE,
    fix=_ROTATE,
    url=OVERVIEW,
    settings=(
        RuleSetting(
            "maxDays", 7, "The longest life of a token, in days from its start, by default from now."
        ),
    ),
)
def sas_lifetime(secret: ResourceView) -> Iterator[Violation]:
    """An expired token opens nothing, and a token with a long life can be misused for a long time."""
    token = sas_token(secret)
    if not token:
        return
    end, limit = token.expires, secret.settings["maxDays"]
    if end is None:
        yield secret.violation(f"SAS token {secret} has no expiry.")
    elif end <= secret.now:
        yield secret.violation(f"SAS token {secret} expired at {format_time(end)}.")
    elif (days := (end - (token.starts or secret.now)) / timedelta(days=1)) > limit:
        yield secret.violation(
            f"SAS token {secret} expires at {format_time(end)}: its life is {days:.1f} days, "
            f"and the limit is {limit:g}."
        )


@SecretRule(
    severity=Severity.MEDIUM,
    control=Control.KEY_LIFE,
    fix=_ROTATE,
    url=OVERVIEW,
    settings=(
        RuleSetting("minDays", REVIEW_MARGIN.days, "The time that a token should remain valid, in days."),
    ),
)
def sas_expires_soon(secret: ResourceView) -> Iterator[Violation]:
    """A run that outlives its token fails before its end."""
    token = sas_token(secret)
    end = token.expires if token else None
    if end and timedelta() < (left := end - secret.now) < timedelta(days=secret.settings["minDays"]):
        hours = left / timedelta(hours=1)
        yield secret.violation(f"SAS token {secret} expires in {hours:.1f} h; a run may outlive it.")


@SecretRule(
    severity=Severity.HIGH,
    control=Control.KEY_LIFE,
    fix="Set `properties.attributes.expires` to the token's `se`, in seconds since 1970.",
    url="https://learn.microsoft.com/azure/key-vault/secrets/about-secrets#secret-attributes",
)
def secret_expiry(secret: ResourceView) -> Iterator[Violation]:
    """People and alerts see the expiry of a secret in the vault; it should be that of the token."""
    expires, token = secret.peek("properties.attributes.expires"), sas_token(secret)
    if not is_sas(secret) or expires is UNKNOWN:
        return
    if not isinstance(expires, int | float):
        yield secret.violation(f"Secret {secret} has no expiry.")
    elif end := token.expires if token else None:
        early = end.timestamp() - expires
        if not 0 <= early <= SECRET_LEEWAY.total_seconds():
            which = "before" if early > 0 else "after"
            yield secret.violation(
                f"Secret {secret} expires {which} its SAS token, which expires at {format_time(end)}."
            )


@SecretRule(
    severity=Severity.HIGH,
    control=Control.CONFIGURATION,
    fix="Set `properties.attributes.enabled` to true, and remove `properties.attributes.notBefore`.",
    url="https://learn.microsoft.com/azure/key-vault/secrets/about-secrets#secret-attributes",
)
def secret_readable(secret: ResourceView) -> Iterator[Violation]:
    """A vault returns a disabled secret to nobody; one that is not valid yet should not be read."""
    if not is_sas(secret):
        return
    if secret.peek("properties.attributes.enabled") is False:
        yield secret.violation(f"Secret {secret} is disabled: the pipeline cannot read it.")
    start = secret.peek("properties.attributes.notBefore")
    if isinstance(start, int | float) and start > secret.now.timestamp():
        hours = (start - secret.now.timestamp()) / 3600
        yield secret.violation(f"Secret {secret} is valid in {hours:.1f} h only.")


@SecretRule(
    severity=Severity.LOW,
    control=Control.KEY_REPOSITORY,
    fix="Set `properties.contentType` to application/x-azure-sas.",
    url="https://learn.microsoft.com/azure/key-vault/secrets/about-secrets",
)
def secret_content_type(secret: ResourceView) -> Iterator[Violation]:
    """The content type of a secret shows its purpose without its value."""
    if is_sas(secret) and secret.peek("properties.contentType") is MISSING:
        yield secret.violation(f"Secret {secret} has no content type.")


@SecretRule(
    severity=Severity.CRITICAL,
    control=Control.NO_EXPOSED_SECRET,
    fix="Store a SAS token of the container, and rotate the key if others could read the secret.",
    url="https://learn.microsoft.com/azure/storage/common/storage-account-keys-manage",
)
def no_account_key(secret: ResourceView) -> Iterator[Violation]:
    """An account key opens the whole account and never expires; a SAS token of one container is enough."""
    value = text(secret.peek("properties.value")).lower()
    if "accountkey=" in value or "sharedaccesskey=" in value:
        yield secret.violation(f"Secret {secret} holds an account key instead of a SAS token.")
