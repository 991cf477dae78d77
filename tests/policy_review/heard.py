"""What the engine says in a preview, in the form that Pulumi 3.259 gave it."""

from __future__ import annotations

from typing import Any

from acr_transfer.review.engine import Heard

PIPELINE = "azure-native:containerregistry:ExportPipeline"


def urn(name: str, type: str = PIPELINE) -> str:
    return f"urn:pulumi:source::acr-transfer::acr-transfer:index:SourceSide${type}::{name}"


def violation(rule: str, said: str, name: str = "export", **more: str) -> dict[str, Any]:
    """An event of the engine about one violation, in colours as it writes them."""
    about = {"enforcementLevel": "mandatory", "severity": "high", "policyPackName": "acr-transfer", **more}
    message = f"<{{%fg 13%}}>{said}<{{%reset%}}>\n"
    return {"policyEvent": {"resourceUrn": urn(name), "message": message, "policyName": rule, **about}}


def heard(*events: dict[str, Any], errors: str = "", succeeded: bool = True) -> Heard:
    """All that one preview said, with its end."""
    end = {
        "summaryEvent": {"PolicyPacks": {"acr-transfer|local|/checkout/policy": "0.1.0"}, "isPreview": True}
    }
    return Heard([*events, end], errors, succeeded, resources=12)
