"""The engine's output of a preview, in the form of Pulumi 3.259."""

from __future__ import annotations

from typing import Any

from acr_transfer.review.engine import EngineOutput

PIPELINE = "azure-native:containerregistry:ExportPipeline"


def urn(name: str, type: str = PIPELINE) -> str:
    return f"urn:pulumi:source::acr-transfer::acr-transfer:index:SourceSide${type}::{name}"


def violation(rule: str, text: str, name: str = "export", **more: str) -> dict[str, Any]:
    """An event of the engine about one violation, with its colour codes."""
    about = {"enforcementLevel": "mandatory", "severity": "high", "policyPackName": "acr-transfer", **more}
    message = f"<{{%fg 13%}}>{text}<{{%reset%}}>\n"
    return {"policyEvent": {"resourceUrn": urn(name), "message": message, "policyName": rule, **about}}


def output(*events: dict[str, Any], stderr: str = "", succeeded: bool = True) -> EngineOutput:
    """The whole output of one preview, with its summary."""
    end = {
        "summaryEvent": {"PolicyPacks": {"acr-transfer|local|/checkout/policy": "0.1.0"}, "isPreview": True}
    }
    return EngineOutput([*events, end], stderr, succeeded, resources=12)
