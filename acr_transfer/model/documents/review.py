"""The review that `acr-transfer review --json` prints. docs/review.schema.json describes it."""

from enum import StrEnum
from typing import Annotated

from acr_transfer.model.documents.fields import AnyText, Count, Flag, Form, Whole, named
from acr_transfer.model.documents.json_document import Report


class ReviewLevel(StrEnum):
    """The effect of a violation: mandatory forbids the deployment, advisory does not, waived is accepted."""

    MANDATORY = "mandatory"
    ADVISORY = "advisory"
    WAIVED = "waived"


class ReviewViolation(Report):
    """One rule that one resource breaks."""

    level: ReviewLevel
    """mandatory forbids the deployment, advisory does not; waived is accepted until a date."""

    severity: Annotated[str, Form("(critical|high|medium|low)", "a severity")] = ""
    """How serious it is; missing if the policy does not state it."""

    rule: AnyText
    """The rule's name."""

    urn: AnyText
    """The resource's URN."""

    what: AnyText
    """The fault of this resource."""

    why: AnyText
    """The reason for the rule."""

    fix: AnyText = ""
    """What to change."""

    url: AnyText = ""
    """Where to read more."""

    pack: AnyText
    """The policy pack of the rule."""

    until: Annotated[str, Form(r"\d{4}-\d{2}-\d{2}", "a date such as 2027-01-31")] = ""
    """The last day of a waiver, in UTC."""

    reason: AnyText = ""
    """The reason for a waiver."""

    resource: AnyText
    """The resource's name in the program."""

    type: AnyText
    """The resource's type."""


class ReviewedStack(Report):
    """The review of one stack."""

    stack: AnyText
    """The stack, or the file of an exported state."""

    file: AnyText
    """The file that stands for the stack in code review tools, relative to the working directory."""

    policy_packs: dict[str, AnyText]
    """Versions of the policy packs by their names; empty if the preview did not complete."""

    resources: Count
    """The number of resources that were reviewed."""

    forbidden: Flag
    """Whether a mandatory rule is broken."""

    errors: tuple[AnyText, ...]
    """Why a part of the stack was not reviewed; empty if all of it was."""

    violations: tuple[ReviewViolation, ...]
    """Each once, the worst first."""


class ReviewReport(Report):
    """The findings of the policy pack before a deployment. `acr-transfer review --json` prints it."""

    schema_: Annotated[int, Whole("2", 2, 2)] = named("schema")
    """The version of this document. Version 2 has `fix` where version 1 had another name."""

    profile: AnyText
    """The profile, or the policy configuration file, of the review."""

    stacks: tuple[ReviewedStack, ...]
    """The stacks in the order in which they were named."""
