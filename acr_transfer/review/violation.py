"""What a review finds: violations, in the order in which a reviewer reads them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from acr_transfer.model.credentials import without_credentials
from policy.rules.catalogue import ALL

LEVELS = ("mandatory", "advisory", "waived")
SEVERITIES = ("critical", "high", "medium", "low", "")
"""The worst first; a policy need not have one."""

_COLOUR = re.compile(r"<\{%.*?%\}>")
_MESSAGE = re.compile(
    r"(?P<why>[^\n]*)(?:\n(?P<what>.*?))??(?:\nMend: (?P<mend>.*?))?(?:\nSee: (?P<url>\S+))?", re.DOTALL
)

_WAIVED = re.compile(
    r"(?P<rule>[a-z0-9-]+): (?P<what>.*)\nIt may pass until (?P<until>\d{4}-\d{2}-\d{2}): (?P<reason>.*)",
    re.DOTALL,
)
WAIVED = ("waived", "waived-in-stack")
"""The policies of the pack that show what its rules have let pass."""


@dataclass(frozen=True)
class Violation:
    """One rule broken by one resource. No credential is in it, whoever put one into the engine's message."""

    level: str
    severity: str
    rule: str
    urn: str
    what: str
    """What is wrong with this resource."""

    why: str
    """Why there is the rule."""

    mend: str
    """What to change; empty where another pack's message does not say so."""

    url: str
    pack: str
    until: str = ""
    """The last day on which the violation may pass, if its level is waived."""

    reason: str = ""
    """Why it may pass."""

    @classmethod
    def of(cls, event: Mapping[str, Any]) -> Self:
        """Read an engine's `policyEvent`.

        Its message is the policy's description, then what the policy reported: see `serving.message`.
        """
        message = without_credentials(_COLOUR.sub("", event["message"]))
        said = _MESSAGE.fullmatch(message.strip())
        assert said, "the pattern fits every text"
        parts = {name: (text or "").strip() for name, text in said.groupdict().items()}
        return cls(**_of_its_rule(event, parts) or _as_it_is(event, parts))

    @property
    def resource(self) -> str:
        """The resource's name in the program."""
        return self.urn.rpartition("::")[2]

    @property
    def type(self) -> str:
        """The resource's type."""
        return self.urn.rpartition("::")[0].rpartition("::")[2].rpartition("$")[2]

    @property
    def order(self) -> tuple[object, ...]:
        """What forbids the deployment first, then the worst."""
        worst = SEVERITIES.index(self.severity) if self.severity in SEVERITIES else len(SEVERITIES)
        return LEVELS.index(self.level), worst, self.rule, self.resource, self.urn, self.what


def _as_it_is(event: Mapping[str, Any], parts: dict[str, str]) -> dict[str, str]:
    return {
        "level": event["enforcementLevel"],
        "severity": event.get("severity", ""),
        "rule": event["policyName"],
        "urn": event.get("resourceUrn", ""),
        "pack": event["policyPackName"],
        **parts,
        "what": parts["what"] or parts["why"],
    }


def _of_its_rule(event: Mapping[str, Any], parts: dict[str, str]) -> dict[str, str]:
    """What a rule let pass, which a policy of the pack's own shows, is told as the rule's; see `waived`."""
    noted = _WAIVED.fullmatch(parts["what"]) if event["policyName"] in WAIVED else None
    rule = next((each for each in ALL if noted and each.name == noted["rule"]), None)
    if not noted or not rule:
        return {}
    about = {"rule": rule.name, "why": rule.why, "mend": rule.mend, "url": rule.url}
    about["severity"] = rule.severity.value
    return _as_it_is(event, parts) | about | {"level": "waived"} | noted.groupdict()


def in_order(found: list[Violation]) -> tuple[Violation, ...]:
    """Return each violation once, in order."""
    return tuple(sorted(set(found), key=lambda each: each.order))
