"""The rules of ACR Transfer for registries and requests.

https://learn.microsoft.com/azure/container-registry/container-registry-transfer-images
"""

from sandbox.cloud.database import Json
from sandbox.http.azure_errors import AzureError

CATEGORY = {"category": "acr-transfer-blob"}
"""The blob metadata that the source trigger requires."""

MAX_ARTIFACTS = 50
MAX_LAYER_SIZE = 8 << 30
"""https://learn.microsoft.com/azure/container-registry/container-registry-transfer-troubleshooting"""

OVERWRITE_BLOBS = "OverwriteBlobs"
OVERWRITE_TAGS = "OverwriteTags"
DELETE_SOURCE = "DeleteSourceBlobOnSuccess"
CONTINUE = "ContinueOnErrors"


def require_transfer_support(registry: Json, *, exports: bool) -> None:
    """Transfer needs the Premium tier, and an export needs an export policy that allows it."""
    if registry["sku"]["name"] != "Premium":
        raise AzureError("SkuNotSupported", sku=registry["sku"]["name"])
    policy = (registry["properties"]["policies"].get("exportPolicy") or {}).get("status") or ""
    if exports and policy.lower() == "disabled":
        raise AzureError("ExportsDisabled", registry=registry["name"])


def request_fault(request: Json) -> str:
    """The fault in a run's request, or an empty string."""
    artifacts, pipeline = request.get("artifacts", []), request.get("pipelineResourceId", "")
    if len(artifacts) > MAX_ARTIFACTS:
        return f"{len(artifacts)} artifacts; a run takes at most {MAX_ARTIFACTS}."
    end = "source" if "/importpipelines/" in pipeline.lower() else "target"
    if end == "target" and not artifacts:
        return "An export run needs at least one artifact."
    if end not in request:
        return f"The run needs the name of a blob in properties.request.{end}.name."
    return ""


def container_end(pipeline: Json) -> str:
    """The property with the container: `target` of an export pipeline, `source` of an import pipeline."""
    return "target" if "target" in pipeline["properties"] else "source"


def split_reference(artifact: str) -> tuple[str, str]:
    """Repository, and tag or digest; the default tag is `latest`."""
    repository, at, digest = artifact.partition("@")
    if at:
        return repository, digest
    repository, _, tag = artifact.partition(":")
    return repository, tag or "latest"
