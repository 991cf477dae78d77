"""Requests to one registry of the source cloud."""

from __future__ import annotations

import json
from typing import Any

import requests

from sandbox.arm.resource_id import ResourceId
from sandbox.cloud.cloud import Cloud
from sandbox.cloud.definitions import SOURCE
from sandbox.registry.oci_client import digest_of

VERSION = "2023-01-01-preview"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
EMPTY = b"{}"


class RegistryEndpoint:
    """The endpoint of one registry."""

    def __init__(self, cloud: Cloud, name: str) -> None:
        self.cloud, self.name = cloud, name
        self.server = cloud.login_server(name)
        self.session = requests.Session()
        self.session.trust_env = False  # otherwise REQUESTS_CA_BUNDLE takes precedence
        self.session.verify = str(cloud.paths.authority)

    def request(self, method: str, path: str, token: str = "", **options: Any) -> requests.Response:
        headers = {"Accept": f"{MANIFEST}, {INDEX}, */*", **options.pop("headers", {})}
        headers |= {"Authorization": f"Bearer {token}"} if token else {}
        url = f"https://{self.server}{path}"
        return self.session.request(method, url, headers=headers, timeout=60, **options)

    def token(self, *scopes: str, principal: str = "", **options: Any) -> str:
        """An access token, by the same two requests as Azure's clients make."""
        entra = self.cloud.tokens.issue(principal or self.cloud.definition.operator, self.cloud.audience)
        form = {"grant_type": "access_token", "service": self.server, "access_token": entra}
        refresh = self.request("POST", "/oauth2/exchange", data=form).json()["refresh_token"]
        return self.issue_token({"refresh_token": refresh}, *scopes)

    def issue_token(self, form: dict[str, str], *scopes: str, **options: Any) -> str:
        whole = {"service": self.server, "scope": list(scopes), **form}
        answer = self.request("POST", "/oauth2/token", data=whole, **options)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["access_token"])

    def push(self, repository: str, reference: str, manifest: dict[str, Any]) -> requests.Response:
        """Push a manifest and its empty configuration; returns the last response."""
        token = self.token(f"repository:{repository}:pull,push")
        begun = self.request("POST", f"/v2/{repository}/blobs/uploads/", token)
        if begun.status_code != 202:
            return begun
        place = begun.headers["Location"]
        mark = "&" if "?" in place else "?"
        self.request("PUT", f"{place}{mark}digest={digest_of(EMPTY)}", token, data=EMPTY)
        body = json.dumps(manifest).encode()
        kind = {"Content-Type": manifest["mediaType"]}
        reference = reference or digest_of(body)
        return self.request("PUT", f"/v2/{repository}/manifests/{reference}", token, data=body, headers=kind)


def image(**more: Any) -> dict[str, Any]:
    """The smallest manifest; `more` makes it unique."""
    empty = {"mediaType": "application/vnd.oci.empty.v1+json", "digest": digest_of(EMPTY), "size": 2}
    return {"schemaVersion": 2, "mediaType": MANIFEST, "config": empty, "layers": [empty], **more}


def descriptor(manifest: dict[str, Any]) -> dict[str, Any]:
    body = json.dumps(manifest).encode()
    return {"mediaType": manifest["mediaType"], "digest": digest_of(body), "size": len(body)}


def managed(cloud: Cloud, method: str, name: str, action: str = "", **options: Any) -> requests.Response:
    place = ("Microsoft.ContainerRegistry", ("registries", name))
    url = f"{cloud.arm}{ResourceId(SOURCE.subscription, 'images', *place)}{action}?api-version={VERSION}"
    headers = {"Authorization": f"Bearer {cloud.operator_token(cloud.audience)}"}
    ca = str(cloud.paths.authority)
    return requests.request(method, url, headers=headers, verify=ca, timeout=60, **options)
